"""What every objective must keep, as tests to inherit.

In a test file of your own::

    from qeopt.testing.objectives import ObjectiveContract

    class TestMine(ObjectiveContract):
        def objective(self) -> Objective:
            return Mine()
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import numpy as np

from qeopt.network import Bits, Network
from qeopt.relaxation.cells.tables import CellKind, dimensions
from qeopt.score import Objective, evaluate
from qeopt.score.objective import constant
from qeopt.search import SearchSettings, explore
from qeopt.spec.model import Block, build
from qeopt.testing.bounds import check_bound
from qeopt.testing.small_studies import SmallStudy, small_study, structures

WIDTHS = (2, 4, 8)


class ObjectiveContract:
    """Inherit, override `objective`, and pytest does the rest."""

    count: int = 4
    """Random small studies per test."""

    def objective(self) -> Objective:
        """Give the objective under test."""
        raise NotImplementedError

    def studies(self) -> Iterator[SmallStudy]:
        """Yield small studies that the objective can score."""
        given = self.objective()
        found = (small_study(seed) for seed in range(1000))
        able = (study for study in found if given.check(study.space.expand(study.space.smallest(), study.task)) is None)
        for _ in range(self.count):
            study = next(able)
            yield replace(study, refiner=replace(study.refiner, objective=given))

    def networks(self) -> Iterator[Network]:
        """Yield networks of small spaces."""
        for study in self.studies():
            for structure in list(structures(study.space))[:6]:
                yield study.space.expand(structure, study.task)

    def test_it_survives_being_written_down(self) -> None:
        """A design carries its study: what is read back scores the same."""
        given = self.objective()
        assert isinstance(given, Block)
        again = build(type(given), given.model_dump(mode="json"))
        assert again == given

    def test_scores_are_finite(self) -> None:
        """Every network has a number at any bits."""
        for network in self.networks():
            for width in WIDTHS:
                assert math.isfinite(evaluate(self.objective(), network, Bits.uniform(network, width)))

    def test_the_sum_over_cells_is_that_of_the_whole(self) -> None:
        """Terms are told what they are of and nothing else, so pieces add what they add to the whole."""
        given = self.objective()
        for study in self.studies():
            for structure in list(structures(study.space))[:6]:
                whole = float(constant(given, study.space.expand(structure, study.task)))
                pieces = [
                    constant(given, CellKind.of(placed.cell, placed.place).network(np.array([dimensions(placed)])))
                    for placed in study.space.cells(structure, study.task)
                ]
                total = sum(float(np.broadcast_to(piece, 1)[0]) for piece in pieces)
                assert math.isclose(total, whole, rel_tol=1e-9, abs_tol=1e-9), structure

    def test_the_whole_never_falls_where_the_sum_rises(self) -> None:
        """The best sum must make the best score."""
        given, rng = self.objective(), Random(0)
        for network in self.networks():
            totals = sorted(rng.uniform(-1e3, 1e3) for _ in range(8))
            scores = [given.whole(network, total) for total in totals]
            assert scores == sorted(scores)
            if given.is_additive:
                assert scores == totals, "an objective that adds up is the sum of its terms"

    def test_the_bound_is_never_below_a_design(self) -> None:
        """Where it adds up, no design of a small space scores above the bound; else a search claims none."""
        for study in self.studies():
            if self.objective().is_additive:
                check_bound(study)
                continue
            settings = build(SearchSettings, {"evaluations": 40, "baselines": []})
            assert explore(study.space, study.task, study.refiner, settings).bound is None
