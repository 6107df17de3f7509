"""The frontier of one network against every assignment of bits."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from qeopt.memory import count
from qeopt.qbr import Impossible
from qeopt.score import evaluate
from qeopt.spec.errors import SpecError
from qeopt.study.load import load_study
from qeopt.verbs.frontier import frontier
from qeopt_solvers.recount import violations

STUDY = """\
kind: study
task: {input: [8, 8, 1], classes: 3}
network:
  blocks:
    - {kind: conv, name: stem, width: 8, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, width: 8, kernel: 3, ratio: 1.5}
    - {kind: conv, name: head, width: 12}
    - {kind: classifier}
runtime: ideal
budgets: {sram: 320 B, flash: unlimited}
bits: {weights: [2, 4, 8], activations: [4, 8]}
objective: {kind: qe}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.mark.parametrize("over", ["flash", "bitops"])
def test_the_frontier_is_that_of_all_assignments(over: str, study: Path) -> None:
    loaded = load_study(study).value
    network = loaded.subject.expand(loaded.subject.smallest(), loaded.task)
    compiled = loaded.refiner.compile(network)
    assert not isinstance(compiled, Impossible)
    every = []
    for picks in product(*(range(len(choice.labels)) for choice in compiled.problem.choices)):
        if not violations(compiled.problem, picks):
            bits = compiled.bits(picks)
            every.append((count(network, loaded.runtime, bits).used[over], round(evaluate(loaded.objective, network, bits), 6)))
    best: dict[int, float] = {}
    for used, score in sorted(set(every)):
        if not best or score > max(best.values()):
            best[int(used)] = score
    assert len(best) > 8
    found = frontier(study, over, most=500)
    assert {point.limits[over]: round(point.score or 0.0, 6) for point in found.points} == best
    assert found.note.startswith("the whole frontier")


def test_fewer_points_are_on_the_frontier_still(study: Path) -> None:
    whole = {point.limits["flash"]: point.score for point in frontier(study, "flash", most=500).points}
    some = frontier(study, "flash", most=6)
    assert 2 <= len(some.points) <= 7
    assert all(whole[point.limits["flash"]] == pytest.approx(point.score) for point in some.points)
    assert some.note.startswith("points of the frontier, at least")


def test_what_is_refused(study: Path) -> None:
    with pytest.raises(SpecError, match=r"--frontier flesh: .* was expected; did you mean 'flash'"):
        frontier(study, "flesh")
    with pytest.raises(SpecError, match="is of a space; a frontier is of the bits of one network"):
        frontier("vww_256k", "flash")
