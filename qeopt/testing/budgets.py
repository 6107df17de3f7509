"""What every budget must keep, as tests to inherit.

In a test file of your own::

    from qeopt.testing.budgets import BudgetContract

    class TestMine(BudgetContract):
        key = "my_budget"

The budget is found by its key in `qeopt.budgets`, so its entry point must be installed; or override `record`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random

import numpy as np

from qeopt.budgets import Budget, Kind, load_budget, table
from qeopt.hardware import Runtime
from qeopt.hardware.formula import BIT_NAMES
from qeopt.memory import Resources, count
from qeopt.network import Bits, Op
from qeopt.relaxation.cells.tables import CellKind, dimensions
from qeopt.testing.bounds import check_bound
from qeopt.testing.small_studies import SmallStudy, small_study, structures

WIDTHS = (2, 4, 8)


class BudgetContract:
    """Inherit, set `key`, and pytest does the rest."""

    key: str = ""
    """Its name under `budgets` of a study."""
    count: int = 3
    """Random small studies per test."""

    def record(self) -> Budget:
        """Give the budget under test."""
        return load_budget(self.key)

    def studies(self) -> Iterator[SmallStudy]:
        """Yield small studies whose runtime can count the budget."""
        found = (small_study(seed) for seed in range(1000))
        able = (study for study in found if self.record().lacks(study.refiner.runtime) is None)
        for _ in range(self.count):
            yield next(able)

    def operators(self) -> Iterator[tuple[Runtime, Op]]:
        """Yield operators of small networks."""
        for study in self.studies():
            for op in study.space.expand(study.space.smallest(), study.task).ops:
                yield study.refiner.runtime, op

    def test_it_is_in_the_table(self) -> None:
        """The record is the one that the table holds under its name, and operators have a cost."""
        record = self.record()
        assert table()[record.name] is record
        assert record.key == self.key
        assert record.cost is not None or record.kind is Kind.PEAK

    def test_costs_are_whole_and_not_negative(self) -> None:
        """An integer program counts in whole units."""
        for runtime, op in self.operators():
            for bits in product(WIDTHS, WIDTHS, WIDTHS):
                amount = self.cost(runtime, op, *bits)
                assert amount == int(amount) >= 0

    def test_a_width_that_is_not_named_changes_nothing(self) -> None:
        """What `widths` leaves out is not asked for: a cost that depended on it would be told wrong."""
        for runtime, op in self.operators():
            named = self.record().widths(runtime, op.kind)
            for bits in product(WIDTHS, WIDTHS, WIDTHS):
                kept = [width if name in named else 0 for name, width in zip(BIT_NAMES, bits, strict=True)]
                assert self.cost(runtime, op, *bits) == self.cost(runtime, op, *kept), (
                    f"{op.kind} depends on more than {set(named)}"
                )

    def test_arrays_and_numbers_agree(self) -> None:
        """One network with array dimensions costs what each of its networks costs."""
        for study in self.studies():
            cells: dict[CellKind, list[tuple[int, ...]]] = {}
            for structure in list(structures(study.space))[:12]:
                for placed in study.space.cells(structure, study.task):
                    cells.setdefault(CellKind.of(placed.cell, placed.place), []).append(dimensions(placed))
            for kind, dims in cells.items():
                together = kind.network(np.array(dims))
                for row, own in enumerate(dims):
                    alone = kind.network(np.array([own]))
                    for one, other in zip(together.ops, alone.ops, strict=True):
                        batch = np.broadcast_to(self.cost(study.refiner.runtime, one, 4, 2, 8), len(dims))
                        assert batch[row] == np.broadcast_to(self.cost(study.refiner.runtime, other, 4, 2, 8), 1)[0]

    def test_bits_within_it_are_counted_within_it(self) -> None:
        """What the integer program chooses uses no more than the limit, by the recount."""
        for study in self.limited():
            network = study.space.expand(study.space.smallest(), study.task)
            refined = study.refiner.refine(network)
            if refined.resources is not None and not self.record().is_structural(study.refiner.runtime):
                assert self.used(refined.resources) <= study.refiner.limits[self.record().name]

    def test_the_bound_is_never_below_a_design(self) -> None:
        """Over small spaces, no structure at any bits scores above the bound, or above what arrays say of it."""
        for study in self.limited():
            check_bound(study)

    def limited(self) -> Iterator[SmallStudy]:
        """Yield small studies with a limit between what structures use at fewest and at most bits."""
        name = self.record().name
        for number, study in enumerate(self.studies()):
            rng = Random(number)
            loose = study.refiner
            uses = []
            for structure in rng.sample(every := list(structures(study.space)), min(4, len(every))):
                network = study.space.expand(structure, study.task)
                for bits in (min(loose.choices.activations), max(loose.choices.activations)):
                    uses.append(self.used(count(network, loose.runtime, Bits.uniform(network, bits))))
            limit = max(int(min(uses) + rng.uniform(0.2, 0.8) * (max(uses) - min(uses))), 1)
            yield replace(study, refiner=replace(loose, limits=loose.limits.but(**{name: limit})))

    def used(self, resources: Resources) -> float:
        """Give what of the budget is used."""
        return resources.used[self.record().name]

    def cost(self, runtime: Runtime, op: Op, in_bits: int, w_bits: int, out_bits: int) -> int:
        """Give what an operator costs."""
        cost = self.record().cost
        return 0 if cost is None else cost(runtime, op, in_bits, w_bits, out_bits)  # type: ignore[return-value]
