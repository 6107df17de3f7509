"""The joint bound: no structure and no bits of the whole space score higher.

For any prices, the best score less priced costs over the lattice plus what the budgets are worth at those prices is an upper bound.
The prices that make it least are the certificate; the structures met on the way there are candidates for the best design.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from qeopt.budgets import LAYERS
from qeopt.network import Bits
from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.relaxation.bound.branching import Branch, branched
from qeopt.relaxation.bound.part import BoundPart
from qeopt.relaxation.bound.spend import spend
from qeopt.relaxation.bound.walk import Walk
from qeopt.relaxation.cells.code import least_code
from qeopt.relaxation.cells.lattice import boundary_widths, build_lattice
from qeopt.relaxation.cells.left_out import left_out
from qeopt.relaxation.cells.overhead import ANY, Overhead, has_overhead, overhead
from qeopt.relaxation.cells.parting import NotSeparable
from qeopt.relaxation.cells.prices import Prices
from qeopt.relaxation.cells.totals import totals_of, vector
from qeopt.space import Space, Structure, Task
from qeopt.space.restrict import Where
from qeopt_solvers.cutting_planes import Plane, minimise

MOST_WORTH = 2000.0
"""Highest price looked at, in nats that a whole budget is worth."""
START_WORTH = 60.0
"""First price of every budget; typical of weights under a flash budget."""
NEAREST = 2
"""Structures of a range to find bits for, to know what a bound can come down to."""
SHARE = 0.75
"""Where to divide a range, on the way from its lower end to what its best structure holds."""
PATIENCE = 2
"""Divisions in a row that lower nothing, before the bound is left as it is."""
FINEST = 512
"""A range is not divided for less than this part of the SRAM budget."""
ROUNDING = 1e-9
"""Relative allowance for floating-point sums: the bound is rounded outward by it."""
MOST_PARTS = 16
"""Ranges that a space is divided into at most by what designs hold beside their tensors."""

Found: TypeAlias = Callable[[float, int], bool]
"""Told a structure, the best bound so far and the number of the range; True ends the search for a better bound."""


@dataclass(frozen=True)
class JointBound:
    """A bound over a whole space, and what proves it."""

    parts: tuple[BoundPart, ...]
    """All designs: a single part, or by ascending ranges where memory beside the tensors matters, or by values of genes."""
    left_out: tuple[str, ...]
    """Rules that the bound does not use; it holds all the same."""
    structures: tuple[Structure, ...]
    """Structures that were best at some prices, those at the lowest bound first."""

    @property
    def value(self) -> float:
        """No design scores higher, in nats; -inf where none is feasible."""
        return max(part.value for part in self.parts)

    @property
    def is_branched(self) -> bool:
        """Whether its parts are told apart by values of genes."""
        return any(part.where for part in self.parts)


def bound_space(
    space: Space,
    task: Task,
    refiner: Refiner,
    *,
    tolerance: float,
    most_walks: int,
    found: Found = lambda bound, part: False,
    score: Callable[[Structure], float | None] | None = None,
    branches: int = 0,
) -> JointBound | None:
    """Bound every design of `space`; None where the space is no chain that can be bounded.

    What designs hold beside their tensors is no matter of a chain. Where it keeps the bound from what designs reach, the range of
    it is divided, and each part bounded by itself.

    Args:
        space: Structures.
        task: What the network reads and tells apart.
        refiner: The terms under which bits are chosen.
        tolerance: Stops when better prices, or smaller ranges, could lower the bound by no more than this share of it.
        most_walks: Walks at most, for each range.
        found: Told after every walk that meets a structure of the best bound so far, and of which range is bounded, from 0; True
            ends the search for a better bound.
        score: What a structure's best bits score; None where it has none. Without it ranges are not divided.
        branches: Parts to divide the space into at most by values of genes, where the bound stays far above the best score.
    """
    bounder = _Bounder(space, task, refiner, tolerance, most_walks, found)
    try:
        part = bounder.bound(ANY, None)
    except NotSeparable:
        return None
    bounder.proven = part.value  # without any price there is one walk, and nothing is told of it
    divides = has_overhead(refiner.runtime) and refiner.limits.sram_bytes is not None
    parts = (part,) if score is None or not divides else _divided(bounder, part, score, tolerance)
    if score is None or len(parts) > 1 or branches < 2 or bounder.stopped:
        return JointBound(parts, left_out(refiner), bounder.structures())
    return _branched(bounder, part, score, branches)


def _branched(bounder: _Bounder, whole: BoundPart, score: Callable[[Structure], float | None], most: int) -> JointBound:
    """Divide the space by values of its genes."""
    bounders = [bounder]

    def bound(space: Space, where: Where, around: BoundPart, enough: float) -> Branch | None:
        inner = bounder.within(space)
        found = inner.bound(ANY, around, enough)
        if inner.stopped:  # what was cut short may be looser than the part it came from
            return None
        bounders.append(inner)
        return Branch(space, replace(found, where=where), tuple(inner.nearest(found)))

    def sunk(value: float) -> None:
        bounder.proven = value

    root = Branch(bounder.space, whole, tuple(bounder.nearest(whole)))
    found = branched(root, bound, score, most=most, sunk=sunk)
    structures = dict.fromkeys(structure for one in bounders for structure in one.structures())
    return JointBound(tuple(branch.part for branch in found), left_out(bounder.refiner), tuple(structures))


def _divided(
    bounder: _Bounder, whole: BoundPart, score: Callable[[Structure], float | None], tolerance: float
) -> tuple[BoundPart, ...]:
    """Divide the range with the highest bound, until that comes near the best score or no longer sinks."""
    parts, best, in_vain = [whole], -math.inf, 0
    while in_vain < PATIENCE and len(parts) < MOST_PARTS and not bounder.stopped:
        highest = max(parts, key=lambda part: part.value)
        best = max([best, *(value for structure in bounder.nearest(highest) if (value := score(structure)) is not None)])
        at = bounder.where_to_divide(highest)
        if at is None or highest.value <= best + tolerance * abs(best):
            break
        halves = [bounder.bound(half, highest, best) for half in highest.overhead.split(at)]
        if bounder.stopped:  # what was cut short may be looser than the whole
            break
        place = parts.index(highest)
        parts[place : place + 1] = halves
        sunk = highest.value - max(half.value for half in halves)
        in_vain = in_vain + 1 if sunk <= tolerance * abs(highest.value) else 0
        bounder.proven = max(part.value for part in parts)
    return tuple(parts)


class _Bounder:
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

    def within(self, space: Space) -> _Bounder:
        """The same for a part of the space, of which is told as of a further range."""
        return _Bounder(
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
