"""The joint bound: no structure and no bits of the whole space score higher.

For any prices, the best score less priced costs over the lattice plus what the budgets are worth at those prices is an upper bound.
The prices that make it least are the certificate; the structures met on the way there are candidates for the best design.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from qeopt.qbr import Refined, Refiner
from qeopt.relaxation.bound.bounder import NEAREST, Bounder, Found
from qeopt.relaxation.bound.branching import Branch, branched
from qeopt.relaxation.bound.part import BoundPart
from qeopt.relaxation.bound.single import bound_of
from qeopt.relaxation.cells.left_out import left_out
from qeopt.relaxation.cells.overhead import ANY, has_overhead
from qeopt.relaxation.cells.parting import NotSeparable
from qeopt.space import Space, Structure, Task
from qeopt.space.restrict import Where, restricted

FAR = 0.005
"""Share of the best score by which the bound of a whole space is above it before that is divided: the structures around those that
were met come nearer by themselves."""
NEAR = 0.001
"""Share within which a divided space is left as it is."""
PATIENCE = 2
"""Divisions in a row that lower nothing, before the bound is left as it is."""
MOST_PARTS = 16
"""Ranges that a space is divided into at most by what designs hold beside their tensors."""


@dataclass(frozen=True)
class JointBound:
    """A bound over a whole space, and what proves it."""

    parts: Annotated[tuple[BoundPart, ...], Field(min_length=1)]
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
    bounder = Bounder(space, task, refiner, tolerance, most_walks, found)
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


def _branched(bounder: Bounder, whole: BoundPart, score: Callable[[Structure], float | None], most: int) -> JointBound:
    """Divide the space by values of its genes."""
    parts = _Parts(bounder)
    root = Branch(bounder.space, whole, tuple(bounder.nearest(whole)))
    found = branched([root], parts.bound, score, most=most, sunk=parts.sunk, far=FAR, near=NEAR)
    return JointBound(tuple(branch.part for branch in found), left_out(bounder.refiner), parts.structures())


def closed(
    bound: JointBound,
    space: Space,
    task: Task,
    refiner: Refiner,
    best: float,
    *,
    gap: float,
    tolerance: float,
    most_walks: int,
    branches: int,
    refine: Callable[[Structure], Refined | None],
    found: Found = lambda bound, part: False,
) -> JointBound:
    """Divide the space by values of its genes, until its bound is within `gap` of the best score, or there are enough parts.

    A part that is a single structure is bounded by its best bits, whatever the walks leave out.

    Args:
        bound: What is proven; a bound that is divided by what designs hold is left as it is.
        space: Structures.
        task: What the network reads and tells apart.
        refiner: The terms under which bits are chosen.
        best: A score that some design has.
        gap: Share of the best score.
        tolerance: Stops when better prices could lower a part by no more than this share of it.
        most_walks: Walks at most, for each part.
        branches: Parts at most.
        refine: The best bits of a structure (`best_bits`); None where it is over a budget whatever its bits.
        found: Told after every walk, as by `bound_space`; True ends the search for a better bound.
    """
    if len(bound.parts) > 1 and not bound.is_branched:
        return bound
    bounder = Bounder(space, task, refiner, tolerance, most_walks, found)
    bounder.proven = bound.value
    parts = _Parts(bounder, refine)
    nearest = () if bound.is_branched else bound.structures[:NEAREST]
    roots = [Branch(restricted(space, part.where), part, nearest) for part in bound.parts]

    def score(structure: Structure) -> float | None:
        refined = refine(structure)
        return None if refined is None else refined.score

    divided = branched(roots, parts.bound, score, most=branches, sunk=parts.sunk, best=best, far=gap, near=gap)
    structures = dict.fromkeys((*bound.structures, *parts.structures()))
    return replace(bound, parts=tuple(branch.part for branch in divided), structures=tuple(structures))


class _Parts:
    """Bounds parts of a space, each by a bounder of its own."""

    def __init__(self, whole: Bounder, refine: Callable[[Structure], Refined | None] | None = None) -> None:
        self._bounders = [whole]
        self._whole = whole
        self._refine = refine

    def bound(self, space: Space, where: Where, around: BoundPart, enough: float) -> Branch | None:
        """Bound a part of the space; None where that is cut short."""
        if space.size == 1 and self._refine is not None:
            structure = space.smallest()
            value = bound_of(self._refine(structure))
            return None if value is None else Branch(space, BoundPart(ANY, value, {}, where, exact=True), (structure,))
        inner = self._whole.within(space)
        found = inner.bound(ANY, around, enough)
        if inner.stopped:  # what was cut short may be looser than the part it came from
            return None
        self._bounders.append(inner)
        return Branch(space, replace(found, where=where), tuple(inner.nearest(found)))

    def sunk(self, value: float) -> None:
        """Remember the bound over the whole space."""
        self._whole.proven = value

    def structures(self) -> tuple[Structure, ...]:
        """Every structure met, part by part."""
        return tuple(dict.fromkeys(structure for one in self._bounders for structure in one.structures()))


def _divided(
    bounder: Bounder, whole: BoundPart, score: Callable[[Structure], float | None], tolerance: float
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
