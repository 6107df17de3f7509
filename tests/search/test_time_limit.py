"""The end of the time allowed is asked for between bounded pieces of work: told by a clock that moves when work is done."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from qeopt.qbr import Deadline
from qeopt.relaxation.bound import bounder, walk
from qeopt.relaxation.bound import feasibility as proof
from qeopt.relaxation.cells.tables import Floats, Integers
from qeopt.search import evolution, island
from qeopt.search.island import Island, Terms, advance, evaluated
from qeopt.study import Study
from qeopt.study.load import load_study

SPACE = """\
kind: study
task: {input: [16, 16, 3], classes: 2}
space:
  blocks:
    - {kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2}
    - {kind: conv, name: b1, width: {from: 8, to: 64, step: 8}, kernel: [1, 3]}
    - {kind: conv, name: b2, width: {from: 8, to: 64, step: 8}, kernel: [1, 3]}
    - {kind: classifier}
runtime: cmix-nn
budgets: {layers: 3, sram: 8 KiB, flash: 8 KiB}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
"""


class Clock:
    """A clock that stands still until somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class CountingRater:
    """Rates nothing, and takes a second for every structure."""

    is_quick = True
    has_values = False

    def __init__(self, clock: Clock) -> None:
        self.asked: list[int] = []
        self._clock = clock

    def rate(self, places: Integers, floor: float = -np.inf) -> Floats:
        self.asked.append(len(places))
        self._clock.now += len(places)
        return np.full(len(places), -np.inf)

    @property
    def genome(self) -> SimpleNamespace:
        return SimpleNamespace(structures=lambda places: [])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("qeopt.qbr.deadline.time", clock)
    return clock


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path: Path = tmp_path_factory.mktemp("study") / "small.yaml"
    path.write_text(SPACE, encoding="utf-8")
    return load_study(path).value


def terms(study: Study, seconds: float | None) -> Terms:
    space = study.open_space
    assert space is not None
    return Terms(space, study.task, study.refiner.scouting().until(Deadline.after(seconds)), study.search)


@pytest.mark.parametrize(("is_quick", "step"), [(True, island.AT_ONCE), (False, island.SLOWLY)])
def test_many_structures_are_rated_some_at_once(study: Study, clock: Clock, *, is_quick: bool, step: int) -> None:
    rater = CountingRater(clock)
    rater.is_quick = is_quick
    places = np.zeros((5 * step, 3), dtype=np.int64)
    ended = evaluated(terms(study, 2.5 * step), rater, Island(0), places)  # type: ignore[arg-type]
    assert rater.asked == [step] * 3, "one that had begun when the time was up, and none after it"
    assert ended.evaluations == 3 * step


def test_all_are_rated_where_no_time_is_set(study: Study, clock: Clock) -> None:
    rater = CountingRater(clock)
    ended = evaluated(terms(study, None), rater, Island(0), np.zeros((2 * island.AT_ONCE + 1, 3), dtype=np.int64))  # type: ignore[arg-type]
    assert rater.asked == [island.AT_ONCE, island.AT_ONCE, 1]
    assert ended.evaluations == 2 * island.AT_ONCE + 1


def test_ratings_do_not_depend_on_how_many_are_rated_at_once(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = terms(study, None)
    whole = advance(asked, Island(0), 3, 150)
    monkeypatch.setattr(island, "AT_ONCE", 7)
    assert advance(asked, Island(0), 3, 150) == whole
    assert whole.best is not None


def test_a_proof_that_nothing_fits_stops_walking(study: Study, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    walks = 0

    class Walk(walk.Walk):
        def __init__(self, *arguments: object) -> None:
            nonlocal walks
            walks += 1
            clock.now += 1
            super().__init__(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(bounder, "Walk", Walk)
    monkeypatch.setattr(bounder, "minimise", _forever)
    asked = terms(study, 4.5)
    assert proof.feasibility(asked.space, asked.task, asked.refiner) is not None
    assert walks == 5


def _forever(function, start, high, *, tolerance, most, stop):  # type: ignore[no-untyped-def]
    """Walk at the same prices again and again, as long as one may."""
    best = function(tuple(start))
    for _ in range(most - 1):
        if stop(best):
            break
        best = function(tuple(start))
    return best


def test_bits_of_the_best_are_not_looked_for_twice(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = terms(study, None)
    found = advance(asked, Island(0), 1, 64)
    assert found.best is not None
    expected = asked.refiner.refine(asked.space.expand(found.best.structure, asked.task))
    monkeypatch.setattr(type(asked.refiner), "refine", None)
    known = evolution._again(asked, found.best)
    assert (known.bits, known.score, known.status) == (expected.bits, expected.score, expected.status)
