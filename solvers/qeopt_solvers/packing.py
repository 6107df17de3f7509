"""Give buffers addresses: as little set aside as can be, with a proof; in one arena or in several.

What is to be placed, and how first fit does it, is in `rectangles`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from qeopt_solvers.arena_model import ArenaModel
from qeopt_solvers.outcome import Status
from qeopt_solvers.rectangles import Item, arena_at, first_fit, first_fit_in_order, height_of, most_live, spans, tops_of

DETERMINISTIC_LIMIT = 1.0
"""Where the proof stops, in CP-SAT's deterministic unit, unless told otherwise."""

FEW = 12
"""Items that are held at the same time and divided among arenas by trying."""

Offsets = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Packing:
    """Addresses, and what is proven of them."""

    status: Status
    """`optimal`: no placement sets less aside. `infeasible`: nothing fits into the arenas. Else `feasible` or `unknown`."""
    offsets: Offsets | None
    """An address per item; addresses of a further arena go on where the one before ends."""
    height: int | None
    """What is set aside: in each arena up to the end of its highest item, in all arenas together."""
    bound: int
    """No placement sets less aside."""


def pack(items: Sequence[Item], arenas: Sequence[int] | None = None, deterministic_limit: float = DETERMINISTIC_LIMIT) -> Packing:
    """Find the placement that sets least aside, and prove it: by the most that is live, or else by CP-SAT.

    Args:
        items: What has to be placed.
        arenas: Sizes of the arenas, each of which an item must be in as a whole; one without end unless given.
        deterministic_limit: When to stop, in CP-SAT's deterministic unit.
    """
    least, known = most_live(items), first_fit(items, arenas)
    if arenas is not None and least > sum(arenas):
        return Packing(Status.INFEASIBLE, None, None, sum(arenas) + 1)
    if known is None and arenas is not None and len(arenas) > 1:
        status, known = _place(items, sum(arenas), arenas, deterministic_limit)
        if status is Status.INFEASIBLE:
            return Packing(status, None, None, sum(arenas) + 1)
    if known is not None and height_of(items, known, arenas) == least:
        return Packing(Status.OPTIMAL, known, least, least)
    return _prove(items, arenas, known, least, deterministic_limit)


def prefer(
    items: Sequence[Item],
    arenas: Sequence[int],
    ranks: Sequence[int],
    size: int,
    deterministic_limit: float = DETERMINISTIC_LIMIT,
) -> tuple[Offsets | None, int]:
    """Place items so that as much as can be lies in arenas of low rank, and among those placements so that little is set aside.

    Args:
        items: What has to be placed.
        arenas: Sizes of the arenas, those of low rank first.
        ranks: By arena: what a unit of an item costs there.
        size: The most that may be set aside in all arenas together.
        deterministic_limit: When to stop, in CP-SAT's deterministic unit.

    Returns:
        An address per item, None where none were found in time; and the least that all items together are proven to cost.
    """
    built = ArenaModel.build(items, _closed(arenas))
    if built is None:
        return None, 0
    most = sum(arenas) + 1
    cost = sum(
        item.size * rank * here
        for item, chosen in zip(items, built.inside, strict=True)
        for rank, here in zip(ranks, chosen, strict=True)
    )
    built.model.add(sum(built.tops) <= size)
    built.model.minimize(most * cost + sum(built.tops))
    simple = first_fit_in_order(items, arenas)
    if simple is not None and height_of(items, simple, arenas) <= size:
        homes = spans(arenas)
        for start, chosen, place in zip(built.starts, built.inside, simple, strict=True):
            built.model.add_hint(start, place)
            for number, here in enumerate(chosen):
                built.model.add_hint(here, number == arena_at(place, homes))
    _, found, bound = built.solve(deterministic_limit)
    return found or simple, max(bound, 0) // most


def fits(
    items: Sequence[Item], size: int, arenas: Sequence[int] = (), deterministic_limit: float = DETERMINISTIC_LIMIT
) -> bool | None:
    """Whether everything fits with no more than `size` set aside; None where that was not decided in time.

    Quicker than the least height.

    Args:
        items: What has to be placed.
        size: The most that may be set aside in all arenas together.
        arenas: Sizes of the arenas; one of `size` unless given.
        deterministic_limit: When to stop, in CP-SAT's deterministic unit.
    """
    return _fits(tuple(items), size, tuple(arenas) or (size,), deterministic_limit)


@lru_cache(maxsize=256)
def _fits(items: tuple[Item, ...], size: int, arenas: tuple[int, ...], deterministic_limit: float) -> bool | None:
    """Asked of the same bits again and again while they are repaired."""
    if most_live(items) > size:
        return False
    simple = first_fit(items, arenas)
    if simple is not None and height_of(items, simple, arenas) <= size:
        return True
    if len(arenas) > 1 and len(items) <= FEW and len({(piece.first, piece.last) for item in items for piece in item.pieces}) == 1:
        return _divides(sorted((item.size for item in items), reverse=True), sorted(arenas))
    status, found = _place(items, size, arenas, deterministic_limit)
    return True if found is not None else False if status is Status.INFEASIBLE else None


def least_excess(
    items: Sequence[Item], size: int, arenas: Sequence[int], deterministic_limit: float = DETERMINISTIC_LIMIT
) -> int | None:
    """The least found by which the largest arena, and `size` with it, would have to be larger; None where nothing was found.

    Args:
        items: What has to be placed.
        size: The most that may be set aside in all arenas together.
        arenas: Sizes of the arenas.
        deterministic_limit: When to stop, in CP-SAT's deterministic unit.
    """
    largest, most = max(range(len(arenas)), key=arenas.__getitem__), sum(item.size for item in items)
    wider = [other + most * (number == largest) for number, other in enumerate(arenas)]
    built = ArenaModel.build(items, _closed(wider))
    if built is None:
        return None
    excess = built.model.new_int_var(0, most, "excess")
    built.model.add(built.tops[largest] <= arenas[largest] + excess)
    built.model.add(sum(built.tops) <= size + excess)
    built.model.minimize(excess)
    _, found, _ = built.solve(deterministic_limit)
    if found is None:
        return None
    tops = tops_of(items, found, wider)
    return max(tops[largest] - arenas[largest], sum(tops) - size, 0)


def _divides(sizes: Sequence[int], left: Sequence[int]) -> bool:
    """Whether items held at the same time can be divided among arenas, by trying all ways; the largest come first."""
    if not sizes:
        return True
    tried = {room: number for number, room in enumerate(left) if room >= sizes[0]}  # arenas with equal room are alike
    return any(_divides(sizes[1:], [*left[:number], room - sizes[0], *left[number + 1 :]]) for room, number in tried.items())


def _closed(arenas: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """First and last address of arenas that end."""
    return tuple((first, end) for first, end in spans(arenas) if end is not None)


def _place(items: Sequence[Item], size: int, arenas: Sequence[int], deterministic_limit: float) -> tuple[Status, Offsets | None]:
    """Any placement with no more than `size` set aside."""
    several = len(arenas) > 1
    built = ArenaModel.build(items, _closed(arenas if several else (min(size, arenas[0]),)))
    if built is None:
        return Status.INFEASIBLE, None
    if several and size < sum(arenas):
        built.model.add(sum(built.tops) <= size)
    status, found, _ = built.solve(deterministic_limit)
    return status, found


def _prove(
    items: Sequence[Item], arenas: Sequence[int] | None, known: Offsets | None, least: int, deterministic_limit: float
) -> Packing:
    most = sum(item.size for item in items) if arenas is None else sum(arenas)
    top = most if known is None else height_of(items, known, arenas)
    several = arenas is not None and len(arenas) > 1
    built = ArenaModel.build(items, _closed(arenas if several and arenas is not None else (top,)))
    if built is None:
        return Packing(Status.INFEASIBLE, None, None, top + 1)
    height = built.model.new_int_var(min(least, top), top, "height")
    for start, item, place in zip(built.starts, items, known or [None] * len(items), strict=True):
        if not several:
            built.model.add(start + item.size <= height)
        if place is not None:
            built.model.add_hint(start, place)
    if several:
        built.model.add(sum(built.tops) <= height)
    built.model.minimize(height)
    status, found, bound = built.solve(deterministic_limit)
    if status is Status.INFEASIBLE:
        return Packing(status, None, None, top + 1)
    return _packing(items, arenas, found or known, max(least, bound), proven=status is Status.OPTIMAL)


def _packing(items: Sequence[Item], arenas: Sequence[int] | None, offsets: Offsets | None, bound: int, *, proven: bool) -> Packing:
    if offsets is None:
        return Packing(Status.UNKNOWN, None, None, bound)
    height = height_of(items, offsets, arenas)
    return Packing(Status.OPTIMAL if proven else Status.FEASIBLE, offsets, height, min(bound, height))
