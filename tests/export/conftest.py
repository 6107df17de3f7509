"""Small designs that every format is tried on; solved once a session."""

from collections.abc import Callable

import pytest

from qeopt.design import Design
from qeopt.solve import solve

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
def designs(small: Callable[..., Design]) -> dict[str, Design]:
    """A small design for every name in `TERMS`."""
    return {name: small(name, **terms) for name, terms in TERMS.items()}


@pytest.fixture(params=list(TERMS))
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
