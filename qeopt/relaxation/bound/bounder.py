"""Bounds parts of a space one after the other, each by the prices that make its bound least."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from qeopt.budgets import LAYERS
from qeopt.network import Bits
from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.relaxation.bound.part import BoundPart
from qeopt.relaxation.bound.spend import spend
from qeopt.relaxation.bound.walk import Walk
from qeopt.relaxation.cells.code import least_code
from qeopt.relaxation.cells.lattice import boundary_widths, build_lattice
from qeopt.relaxation.cells.overhead import Overhead, overhead
from qeopt.relaxation.cells.prices import Prices
from qeopt.relaxation.cells.totals import totals_of, vector
from qeopt.space import Space, Structure, Task
from qeopt_solvers.cutting_planes import Plane, minimise

MOST_WORTH = 2000.0
"""Highest price looked at, in nats that a whole budget is worth."""
START_WORTH = 60.0
"""First price of every budget; typical of weights under a flash budget."""
NEAREST = 2
"""Structures of a range to find bits for, to know what a bound can come down to."""
SHARE = 0.75
"""Where to divide a range, on the way from its lower end to what its best structure holds."""
FINEST = 512
"""A range is not divided for less than this part of the SRAM budget."""
ROUNDING = 1e-9
"""Relative allowance for floating-point sums: the bound is rounded outward by it."""

Found: TypeAlias = Callable[[float, int], bool]
"""Told a structure, the best bound so far and the number of the range; True ends the search for a better bound."""


class Bounder:
    """Bounds one range after the other of one space."""

    def __init__(
        self,
        space: Space,
        task: Task,
        refiner: Refiner,
        tolerance: float,
        most_walks: int,
        found: Found,
    ) -> None:
        self.space = space
        self._task = task
        self.refiner = refiner
        self._tolerance = tolerance
        self._most_walks = most_walks
        self._found = found
        self._boundary = boundary_widths(refiner)
        self._code = least_code(space, task, refiner)
        self._met: dict[Overhead, dict[Structure, float]] = {}
        self.proven = math.inf
        """The best bound over the whole space so far."""
        self.stopped = False
        """Whether it was asked to end."""

    def bound(self, overhead: Overhead, around: BoundPart | None, enough: float = -math.inf) -> BoundPart:
        """Bound the designs of one range.

        Args:
            overhead: The range.
            around: The range that was divided, at whose prices to begin.
            enough: A score that some design has; no bound needs to be lower.

        Raises:
            NotSeparable: when the space is no chain that can be bounded.
        """
        refiner = self.refiner
        lattice = build_lattice(self.space, self._task, refiner, overhead)
        totals = totals_of(refiner, overhead, self._code)
        budgets = {total.name: float(total.limit) for total in totals if total.limit}  # where nothing may be used, tables see to it
        met = self._met[overhead] = {}
        start_bits = self._boundary.index(FIXED_BITS)

        def prices_at(worths: Sequence[float]) -> Prices:
            return {name: worth / budget for (name, budget), worth in zip(budgets.items(), worths, strict=True)}

        def walk_at(worths: tuple[float, ...]) -> Plane:
            prices = vector(totals, prices_at(worths))
            walk = Walk(lattice, prices, start_bits, len(self._boundary), refiner.limits.get(LAYERS.name))
            value = walk.value + sum(worths)
            if walk.value == -math.inf:
                return Plane(worths, value, (0.0,) * len(budgets))
            structure = self.space.structure(walk.structure())
            costs = spend(self.space, lattice, structure, prices, start_bits)
            spent = {total.name: cost for total, cost in zip(totals, costs.tolist(), strict=True)}
            met[structure] = min(value, met.get(structure, value))
            return Plane(worths, value, tuple(1 - spent[name] / budget for name, budget in budgets.items()))

        def stop(best: Plane) -> bool:
            if around is None:
                self.proven = best.value
            if best.value > -math.inf:
                self.stopped |= self._found(self.proven, len(self._met) - 1)
            return self.stopped or best.value <= enough

        start = [START_WORTH if around is None else _worth(around.prices, name, budget) for name, budget in budgets.items()]
        most = [MOST_WORTH] * len(budgets)
        best = minimise(walk_at, start, most, tolerance=self._tolerance, most=self._most_walks, stop=stop)
        return BoundPart(overhead, outward(best.value), prices_at(best.point))

    def nearest(self, part: BoundPart) -> list[Structure]:
        """The structures of a range that are likeliest to be feasible."""
        met = self._met[part.overhead]
        return sorted(met, key=lambda structure: (met[structure], structure.values))[:NEAREST]

    def where_to_divide(self, part: BoundPart) -> int | None:
        """Between the lower end of a range and what its best structure holds; None where no smaller range would help."""
        structures = self.nearest(part)
        if not structures:
            return None
        network = self.space.expand(structures[0], self._task)
        bits = Bits.uniform(network, max(self.refiner.choices.activations))
        most = overhead(network, self.refiner.runtime, bits)
        if part.overhead.at_most is not None:
            most = min(most, part.overhead.at_most)
        excess = most - part.overhead.at_least
        matters = excess * FINEST > (self.refiner.limits.sram_bytes or 0) * self.refiner.runtime.unit_per_byte
        return part.overhead.at_least + math.ceil(excess * SHARE) if matters else None

    def within(self, space: Space) -> Bounder:
        """The same for a part of the space, of which is told as of a further range."""
        return Bounder(
            space, self._task, self.refiner, self._tolerance, self._most_walks, lambda _, part: self._found(self.proven, part + 1)
        )

    def structures(self) -> tuple[Structure, ...]:
        """Every structure met, those at the lowest bound first."""
        met: dict[Structure, float] = {}
        for found in self._met.values():
            for structure, value in found.items():
                met[structure] = min(value, met.get(structure, value))
        return tuple(sorted(met, key=lambda structure: (met[structure], structure.values)))


def _worth(prices: Prices, name: str, budget: float) -> float:
    """What a whole budget was worth; a first guess where it had no price."""
    return prices.get(name, 0.0) * budget or START_WORTH


def outward(value: float) -> float:
    """Round a bound up by more than its floating-point sums can be off; -inf stays."""
    return value + ROUNDING * abs(value) if math.isfinite(value) else value
