"""Branch and bound over genes: where one price for each budget leaves the bound far above every design.

A budget that few choices use up in large steps has a duality gap: the best at any price lies well within the budget or well above
it. Between the two structures nearest to the bound some gene differs; both sides of it are bounded by themselves, again and again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from qeopt.relaxation.bound.part import BoundPart
from qeopt.space import Space, Structure
from qeopt.space.genes import Value
from qeopt.space.restrict import Where, restricted

IN_THE_DARK = 4
"""Parts up to which a space is divided while nothing that the bounds come down to has bits: budgets may be too tight for any."""
Side: TypeAlias = tuple[Value, ...]


class Bounds(Protocol):
    """Bounds a part of the space."""

    def __call__(self, space: Space, where: Where, around: BoundPart, enough: float) -> Branch | None:
        """Bound `space`, beginning at the prices of the part that it was cut from, no lower than `enough`; None if cut short."""
        ...


@dataclass(frozen=True)
class Branch:
    """A part of a space with its bound."""

    space: Space
    part: BoundPart
    nearest: tuple[Structure, ...]
    """Structures that the bound met, those that it is likeliest to come down to first."""


def branched(
    roots: Sequence[Branch],
    bound: Bounds,
    score: Callable[[Structure], float | None],
    *,
    most: int,
    sunk: Callable[[float], None],
    far: float,
    near: float,
    best: float = -math.inf,
) -> list[Branch]:
    """Divide the part with the highest bound until that is near the best score, or there are `most` parts.

    Args:
        roots: The whole space, in parts.
        bound: Bounds a part.
        score: What a structure's best bits score; None where it has none.
        most: Parts at most.
        sunk: Told the bound over the whole space after every division.
        far: Share of the best score by which the bound of a whole space is above it before that is divided.
        near: Share within which a divided space is left as it is.
        best: A score that some design has.
    """
    branches = list(roots)
    scored: dict[Structure, float | None] = {}

    def known(structure: Structure) -> float:
        if structure not in scored:
            scored[structure] = score(structure)
        found = scored[structure]
        return -math.inf if found is None else found

    while len(branches) < most:
        highest = max(branches, key=lambda branch: branch.part.value)
        best = max([best, *(known(structure) for structure in highest.nearest)])
        if _is_near(highest.part.value, best, far if len(branches) == 1 else near):
            break
        if best == -math.inf and len(branches) > IN_THE_DARK:
            break
        halves = _halves(highest, bound, best)
        if halves is None:
            break
        place = branches.index(highest)
        branches[place : place + 1] = halves
        sunk(max(branch.part.value for branch in branches))
    return branches


def _is_near(bound: float, best: float, share: float) -> bool:
    """Whether a bound is within a share of the best score, or nothing is feasible at all."""
    return bound == -math.inf or (math.isfinite(best) and bound <= best + share * abs(best))


def _halves(branch: Branch, bound: Bounds, best: float) -> list[Branch] | None:
    """Both sides of a gene, each with its bound; None where nothing is left to divide, or a bound was cut short."""
    for block, gene, sides in _cuts(branch):
        wheres = [_narrowed(branch.part.where, block, gene, side) for side in sides]
        try:
            spaces = [restricted(branch.space, where) for where in wheres]
        except ValueError:  # the block cannot have fewer values, or rules between blocks leave nothing on one side
            continue
        found = [bound(space, where, branch.part, best) for space, where in zip(spaces, wheres, strict=True)]
        return None if any(half is None for half in found) else [half for half in found if half is not None]
    return None


def _cuts(branch: Branch) -> Iterator[tuple[str, str, tuple[Side, Side]]]:
    """Genes to divide by, with the values of both sides: those first in which the nearest structures differ."""
    genes = [(place, *gene) for place, gene in enumerate(branch.space.genes) if len(gene[2]) > 1]
    met = {place: sorted({structure.values[place] for structure in branch.nearest}) for place, *_ in genes}
    for place, block, gene, values in sorted(genes, key=lambda gene: len(met[gene[0]]) < 2):
        least = values.index(met[place][0]) if met[place] else 0
        at = least + 1 if least + 1 < len(values) else least
        yield block, gene, (values[:at], values[at:])


def _narrowed(where: Where, block: str, gene: str, values: Side) -> Where:
    return {**where, block: {**where.get(block, {}), gene: values}}
