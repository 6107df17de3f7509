"""Small designs that every format is tried on; solved once a session."""

from collections.abc import Callable

import pytest

from qeopt.design import Design
from qeopt.verbs.solve import solve

STUDY = """\
kind: study
task: {{input: [16, 16, 3], classes: 5}}
network:
  blocks:
    - {{kind: conv, name: stem, width: 16, kernel: 3, stride: 2, weight_bits: 8}}
    - {{kind: {kind}, name: b1, stride: 1, width: 16, kernel: 3, ratio: 2, units: 2}}
    - {{kind: {kind}, name: b2, stride: 2, width: 16, kernel: 5, ratio: 1.5, units: 2}}
    - {{kind: {kind}, name: b3, stride: 2, width: 32, kernel: 3, ratio: 2}}
    - {{kind: conv, name: head, width: 64}}
    - {{kind: classifier}}
runtime: {runtime}
budgets: {{sram: {sram}, flash: {flash}}}
bits: {{weights: {bits}, activations: {bits}}}
objective: {{kind: qe, sigma_a: 5, sigma_w: 4, stage_weights: [1, 1, 6]}}
search: {{baselines: []}}
"""


BRANCHING = """\
kind: study
task: {input: [16, 16, 3], classes: 5}
network:
  image: {shape: [16, 16, 3]}
  ops:
    - {name: stem, op: conv, reads: [image], shape: [8, 8, 16], kernel: [3, 3], stride: [2, 2], pads: [0, 0, 1, 1], function: relu6,
       stage: 0}
    - {name: oblong, op: conv, reads: [stem], shape: [8, 8, 16], kernel: [1, 5], function: relu, stage: 0}
    - {name: tall, op: conv, reads: [stem], shape: [4, 8, 8], kernel: [3, 1], stride: [2, 1], stage: 0}
    - {name: grouped, op: conv, reads: [oblong], shape: [8, 8, 16], kernel: [3, 3], dilation: [2, 2], groups: 4, stage: 0}
    - {name: late, op: activation, reads: [grouped], shape: [8, 8, 16], function: relu}
    - {name: top, op: max_pool, reads: [late], shape: [4, 8, 16], kernel: [3, 3], stride: [2, 1], pads: [1, 1, 1, 1]}
    - {name: joined, op: concat, reads: [top, tall], shape: [4, 8, 24]}
    - {name: squeezed, op: pool, reads: [joined], shape: [1, 1, 24], kernel: [4, 8]}
    - {name: gate, op: conv, reads: [squeezed], shape: [1, 1, 24], function: relu6, stage: 0}
    - {name: gated, op: mul, reads: [joined, gate], shape: [4, 8, 24]}
    - {name: halved, op: pool, reads: [gated], shape: [2, 4, 24], kernel: [2, 2], stride: [2, 2]}
    - {name: hidden, op: dense, reads: [halved], shape: [1, 1, 12], function: relu, stage: 0}
    - {name: scores, op: dense, reads: [hidden], shape: [1, 1, 5], weight_bits: 8, bits: 8}
  stage_ends: [hidden]
runtime: ideal
budgets: {sram: 1800, flash: 2600}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
search: {baselines: []}
"""
TERMS = {
    # 2, 4 and 8 bits in weights and activations, pooled and plain shortcuts
    "mixed": {"kind": "k1dwk1", "runtime": "ideal", "sram": "2100", "flash": "4200", "bits": "[2, 4, 8]"},
    # channel multiples, scratch, padded image
    "cmix": {"kind": "k1dwk1", "runtime": "cmix-nn", "sram": "5000", "flash": "12000", "bits": "[2, 4, 8]"},
    # widths that no type of any format has, inverted residuals
    "odd_bits": {"kind": "mbconv", "runtime": "ideal", "sram": "2400", "flash": "5500", "bits": "[3, 4, 5, 6]"},
    # 4 and 8 bits in weights, 8 in activations
    "eight_bits": {"kind": "k1dwk1", "runtime": "cmsis-nn", "sram": "16384", "flash": "14000", "bits": "[4, 8]"},
}


@pytest.fixture(scope="session")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Design]:
    """Solves a study, given by name and text."""
    folder = tmp_path_factory.mktemp("studies")

    def solve_text(name: str, text: str) -> Design:
        path = folder / f"{name}.yaml"
        path.write_text(text)
        design = solve(path).design
        assert design is not None
        return design

    return solve_text


@pytest.fixture(scope="session")
def small(solved: Callable[[str, str], Design]) -> Callable[..., Design]:
    """Solves the small network under other terms."""
    return lambda name, **terms: solved(name, STUDY.format(**terms))


@pytest.fixture(scope="session")
def designs(small: Callable[..., Design], solved: Callable[[str, str], Design]) -> dict[str, Design]:
    """Small designs: one for every name in `TERMS`, and one of operators that no block has."""
    return {name: small(name, **terms) for name, terms in TERMS.items()} | {"branching": solved("branching", BRANCHING)}


@pytest.fixture(params=[*TERMS, "branching"])
def design(request: pytest.FixtureRequest, designs: dict[str, Design]) -> Design:
    """Each of the small designs."""
    return designs[request.param]


@pytest.fixture(scope="session")
def mixed(designs: dict[str, Design]) -> Design:
    """The design of 2, 4 and 8 bits."""
    return designs["mixed"]


@pytest.fixture(scope="session")
def odd_bits(designs: dict[str, Design]) -> Design:
    """The design of 3 to 6 bits."""
    return designs["odd_bits"]
