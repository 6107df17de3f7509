"""Numbers too large to be counted exactly are errors of the study, with a place, before anything is searched."""

from __future__ import annotations

import pytest

from qeopt.spec.document import parse
from qeopt.spec.errors import SpecError
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve

STUDY = """\
kind: study
task: {input: [64, 64, 3], classes: 10}
runtime: {extends: ideal}
budgets: {layers: 24, sram: 32 KiB, flash: 6 MiB}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
space:
  blocks:
  - {kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2, weight_bits: 8}
  - {kind: k1dwk1, name: b1, stride: 2, width: [8, 64], ratio: [1.5, 2], units: [1, 3]}
  - {kind: conv, name: head, width: [64, 128]}
  - {kind: classifier}
"""
LARGE = "macs*1099511627776"
"""2^40 times a count."""


def problem(text: str, *overrides: str) -> str:
    with pytest.raises(SpecError) as caught:
        load_study(parse(text, "large.yaml"), overrides=overrides)
    (found,) = caught.value.problems
    assert found.location is not None
    return f"{found.location.line}: {found.message}"


def test_a_study_of_usual_size_is_read() -> None:
    assert load_study(parse(STUDY, "large.yaml")).value.name == "large"


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("parameters", "runtime.parameters.conv"),
        ("weight_bytes", "runtime.weight_bytes.conv"),
        ("bitops", "runtime.bitops.conv"),
    ],
)
def test_a_formula_that_can_pass_2_to_the_53_is_told_where_it_stands(key: str, place: str) -> None:
    text = STUDY.replace("{extends: ideal}", f'{{extends: ideal, {key}: {{conv: "{LARGE}"}}}}')
    said = problem(text)
    assert said.startswith("3: ")
    assert f"{place}: '{LARGE}' can come to more than can be counted exactly (2^53) in this study" in said


def test_the_same_formula_is_read_where_no_operator_comes_so_far() -> None:
    text = STUDY.replace("{extends: ideal}", '{extends: ideal, parameters: {conv: "1024*macs"}}')
    assert load_study(parse(text, "large.yaml")).value.name == "large"


def test_what_passes_2_to_the_53_on_the_way_alone_is_computed_exactly() -> None:
    """Multiplied by 2^40 and divided by it again, a formula gives what it gave."""
    found = []
    for text in ("macs//512", f"{LARGE}//512//1099511627776"):
        study = STUDY.replace("{extends: ideal}", f'{{extends: ideal, parameters: {{conv: "{text}"}}}}').replace("6 MiB", "5 KiB")
        design = solve(parse(study + "search: {evaluations: 60, baselines: []}\n", "large.yaml")).design
        assert design is not None
        assert design.uses["flash"].used > 0.9 * 5120
        found.append((design.structure, design.weights, design.bound, design.uses["flash"].used))
    assert found[0] == found[1]


def test_a_block_that_is_too_large_is_told_where_it_stands() -> None:
    wide = STUDY.replace("width: [8, 64]", "width: [8, 2000000]")
    assert problem(wide).startswith("10: space.blocks[1] comes to more multiply-accumulates than can be counted exactly (2^53)")


def test_counts_of_a_space_add_up_over_its_repeated_cells() -> None:
    """A factor that is just small enough for one unit is too large for four."""

    def study(power: int, units: str) -> str:
        text = STUDY.replace("{extends: ideal}", f'{{extends: ideal, parameters: {{conv: "macs*{1 << power}"}}}}')
        return text.replace("units: [1, 3]", f"units: {units}")

    def is_read(text: str) -> bool:
        try:
            return load_study(parse(text, "large.yaml")).value.name == "large"
        except SpecError:
            return False

    power = max(power for power in range(50) if is_read(study(power, "[1]")))
    assert "runtime.parameters.conv" in problem(study(power + 1, "[1]"))
    assert "runtime.parameters.conv" in problem(study(power, "[1, 4]"))
