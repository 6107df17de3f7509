"""Rectangles of bytes and time, and placing them one by one, in one arena or in several.

Like the rest of this shelf it knows integers only. What has to share an address is one item, whose bytes may differ over time.
Several arenas lie behind each other on one line of addresses; an item lies in one of them as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

Span = tuple[int, int | None]
"""First and last address of an arena; one without end has no last."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What an item holds from time `first` to time `last`, both included."""

    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Item:
    """Pieces that start at one address."""

    pieces: tuple[Piece, ...]
    """No two at the same time."""

    @property
    def size(self) -> int:
        """The most it ever holds."""
        return max((piece.size for piece in self.pieces), default=0)


def most_live(items: Sequence[Item]) -> int:
    """The largest sum of what is held at one time: no placement sets less aside."""
    changes: dict[int, int] = {}
    for item in items:
        for piece in item.pieces:
            changes[piece.first] = changes.get(piece.first, 0) + piece.size
            changes[piece.last + 1] = changes.get(piece.last + 1, 0) - piece.size
    return max(accumulate(changes[time] for time in sorted(changes)), default=0)


def first_fit(items: Sequence[Item], arenas: Sequence[int] | None = None) -> tuple[int, ...] | None:
    """Place items one by one at the lowest free address; the best of three orders, None where an item finds no place.

    Args:
        items: What has to be placed.
        arenas: Sizes of the arenas; one without end unless given.
    """
    orders: tuple[Callable[[Item], tuple[int, ...]], ...] = (
        lambda item: (-item.size, _first(item)),
        lambda item: (-sum(piece.size * (piece.last - piece.first + 1) for piece in item.pieces), _first(item)),
        lambda item: (_first(item), -item.size),
    )
    least, best, lowest = most_live(items), None, 0
    meetings = _meetings(items)
    for order in orders:
        found = _place(items, meetings, sorted(range(len(items)), key=lambda index: order(items[index])), arenas)
        if found is None:
            continue
        height = height_of(items, found, arenas)
        if best is None or height < lowest:
            best, lowest = found, height
        if lowest == least:
            break
    return best


def first_fit_in_order(items: Sequence[Item], arenas: Sequence[int]) -> tuple[int, ...] | None:
    """Place the smallest items first, so that many of them lie in the first arenas; None where an item finds no place."""
    order = sorted(range(len(items)), key=lambda index: (items[index].size, _first(items[index])))
    return _place(items, _meetings(items), order, arenas)


def tops_of(items: Sequence[Item], offsets: Sequence[int], arenas: Sequence[int] | None = None) -> tuple[int, ...]:
    """By arena: the end of its highest item, from the start of the arena."""
    homes = spans(arenas)
    tops = [0] * len(homes)
    for item, offset in zip(items, offsets, strict=True):
        home = arena_at(offset, homes)
        tops[home] = max(tops[home], offset + item.size - homes[home][0])
    return tuple(tops)


def height_of(items: Sequence[Item], offsets: Sequence[int], arenas: Sequence[int] | None = None) -> int:
    """What is set aside: the ends of the highest item of each arena, from the start of the arena, added up."""
    return sum(tops_of(items, offsets, arenas))


def arena_at(offset: int, homes: Sequence[Span]) -> int:
    """The number of the arena that an address lies in."""
    return next((number for number, (_, end) in enumerate(homes) if end is None or offset < end), len(homes) - 1)


def spans(arenas: Sequence[int] | None) -> tuple[Span, ...]:
    """First and last address of each arena."""
    if arenas is None:
        return ((0, None),)
    ends = list(accumulate(arenas))
    return tuple((end - size, end) for end, size in zip(ends, arenas, strict=True))


def live_at(items: Sequence[Item]) -> dict[int, tuple[tuple[int, int], ...]]:
    """(number of the item, what it holds) at every time at which something begins."""
    times = {piece.first for item in items for piece in item.pieces}
    return {
        time: tuple(
            (number, piece.size) for number, item in enumerate(items) for piece in item.pieces if piece.first <= time <= piece.last
        )
        for time in sorted(times)
    }


def _first(item: Item) -> int:
    return min(piece.first for piece in item.pieces)


def _meetings(items: Sequence[Item]) -> list[list[tuple[int, int, int]]]:
    """By item: every piece of another that is held at the same time as one of its own: (own size, the other item, its size)."""
    found: list[list[tuple[int, int, int]]] = [[] for _ in items]
    held: list[tuple[int, Piece]] = []
    pieces = [(index, piece) for index, item in enumerate(items) for piece in item.pieces]
    for index, piece in sorted(pieces, key=lambda entry: entry[1].first):
        held = [(other, rival) for other, rival in held if rival.last >= piece.first]
        for other, rival in held:
            found[index].append((piece.size, other, rival.size))
            found[other].append((rival.size, index, piece.size))
        held.append((index, piece))
    return found


def _place(
    items: Sequence[Item], meetings: Sequence[Sequence[tuple[int, int, int]]], order: Sequence[int], arenas: Sequence[int] | None
) -> tuple[int, ...] | None:
    homes = spans(arenas)
    offsets: dict[int, int] = {}
    for index in order:
        rivals = [(size, offsets[other], held) for size, other, held in meetings[index] if other in offsets]
        ends = (offset + size for _, offset, size in rivals)
        starts = sorted({*ends, *(start for start, _ in homes)})
        place = next((start for start in starts if _is_free(start, items[index].size, rivals, homes)), None)
        if place is None:
            return None
        offsets[index] = place
    return tuple(offsets[index] for index in range(len(items)))


def _is_free(start: int, size: int, rivals: Sequence[tuple[int, int, int]], homes: Sequence[Span]) -> bool:
    inside = any(first <= start and (end is None or start + size <= end) for first, end in homes)
    return inside and all(offset + held <= start or start + needs <= offset for needs, offset, held in rivals)
