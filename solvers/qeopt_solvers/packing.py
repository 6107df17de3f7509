"""Give buffers addresses: rectangles of bytes and time that must not overlap, in one arena or in several.

Like the rest of this shelf it knows integers only. What has to share an address is one item, whose bytes may differ over time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from qeopt_solvers.outcome import Status

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

DETERMINISTIC_LIMIT = 1.0
"""Where the proof stops, in CP-SAT's deterministic unit, unless told otherwise."""


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


@dataclass(frozen=True, slots=True)
class Packing:
    """Addresses, and what is proven of them."""

    status: Status
    """`optimal`: no placement ends lower. `infeasible`: nothing fits into the arenas. Else `feasible` or `unknown`."""
    offsets: tuple[int, ...] | None
    """An address per item; addresses of a further arena go on where the one before ends."""
    height: int | None
    """The end of the highest item."""
    bound: int
    """No placement ends lower."""


def most_live(items: Sequence[Item]) -> int:
    """The largest sum of what is held at one time: no placement is lower."""
    pieces = [piece for item in items for piece in item.pieces]
    return max((sum(other.size for other in pieces if other.first <= piece.first <= other.last) for piece in pieces), default=0)


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
    least, best = most_live(items), None
    for order in orders:
        found = _place(items, sorted(range(len(items)), key=lambda index: order(items[index])), arenas)
        if found is not None and (best is None or height_of(items, found) < height_of(items, best)):
            best = found
        if best is not None and height_of(items, best) == least:
            break
    return best


def pack(items: Sequence[Item], arenas: Sequence[int] | None = None, deterministic_limit: float = DETERMINISTIC_LIMIT) -> Packing:
    """Find the placement that ends lowest, and prove it: by the most that is live, or else by CP-SAT.

    Args:
        items: What has to be placed.
        arenas: Sizes of the arenas, each of which an item must be in as a whole; one without end unless given.
        deterministic_limit: When to stop, in CP-SAT's deterministic unit.
    """
    least, known = most_live(items), first_fit(items, arenas)
    if known is not None and height_of(items, known) == least:
        return Packing(Status.OPTIMAL, known, least, least)
    return _prove(items, arenas, known, least, deterministic_limit)


def fits(items: Sequence[Item], size: int, deterministic_limit: float = DETERMINISTIC_LIMIT) -> bool | None:
    """Whether one arena of `size` can hold everything; None where that was not decided in time. Quicker than the least height."""
    if most_live(items) > size:
        return False
    if first_fit(items, (size,)) is not None:
        return True
    built = _Model.build(items, None, size)
    if built is None:
        return False
    status, found, _ = built.solve(deterministic_limit)
    return True if found is not None else False if status is Status.INFEASIBLE else None


def height_of(items: Sequence[Item], offsets: Sequence[int]) -> int:
    """The end of the highest item."""
    return max((offset + item.size for item, offset in zip(items, offsets, strict=True)), default=0)


def _first(item: Item) -> int:
    return min(piece.first for piece in item.pieces)


def _place(items: Sequence[Item], order: Sequence[int], arenas: Sequence[int] | None) -> tuple[int, ...] | None:
    spans = _spans(arenas)
    offsets: dict[int, int] = {}
    for index in order:
        rivals = [
            (piece.size, offsets[other], held.size)
            for other in offsets
            for held in items[other].pieces
            for piece in items[index].pieces
            if piece.first <= held.last and held.first <= piece.last
        ]
        ends = (offset + size for _, offset, size in rivals)
        starts = sorted({*ends, *(start for start, _ in spans)})
        place = next((start for start in starts if _is_free(start, items[index].size, rivals, spans)), None)
        if place is None:
            return None
        offsets[index] = place
    return tuple(offsets[index] for index in range(len(items)))


def _is_free(start: int, size: int, rivals: Sequence[tuple[int, int, int]], spans: Sequence[tuple[int, int | None]]) -> bool:
    inside = any(first <= start and (end is None or start + size <= end) for first, end in spans)
    return inside and all(offset + held <= start or start + needs <= offset for needs, offset, held in rivals)


def _spans(arenas: Sequence[int] | None) -> tuple[tuple[int, int | None], ...]:
    """First and last address of each arena."""
    if arenas is None:
        return ((0, None),)
    ends = list(accumulate(arenas))
    return tuple((end - size, end) for end, size in zip(ends, arenas, strict=True))


def _prove(
    items: Sequence[Item], arenas: Sequence[int] | None, known: tuple[int, ...] | None, least: int, deterministic_limit: float
) -> Packing:
    most = sum(item.size for item in items) if arenas is None else sum(arenas)
    top = most if known is None else height_of(items, known)
    built = _Model.build(items, arenas, top)
    if built is None:
        return Packing(Status.INFEASIBLE, None, None, top + 1)
    height = built.model.new_int_var(min(least, top), top, "height")
    for start, item, place in zip(built.starts, items, known or [None] * len(items), strict=True):
        built.model.add(start + item.size <= height)
        if place is not None:
            built.model.add_hint(start, place)
    built.model.minimize(height)
    status, found, bound = built.solve(deterministic_limit)
    if status is Status.INFEASIBLE:
        return Packing(status, None, None, top + 1)
    return _packing(items, found or known, max(least, bound), proven=status is Status.OPTIMAL)


@dataclass(frozen=True)
class _Model:
    """Rectangles of which none may overlap: times are fixed, addresses are free."""

    model: cp_model.CpModel
    starts: list[cp_model.IntVar]

    @classmethod
    def build(cls, items: Sequence[Item], arenas: Sequence[int] | None, top: int) -> _Model | None:
        """Write it down with addresses below `top`; None where an item is larger than every arena."""
        from ortools.sat.python import cp_model  # noqa: PLC0415  # most placements need no proof, and ortools loads slowly

        model = cp_model.CpModel()
        starts, bytes_, times = [], [], []
        for index, item in enumerate(items):
            places = [(first, (top if end is None else min(top, end)) - item.size) for first, end in _spans(arenas)]
            places = [(low, high) for low, high in places if low <= high]
            if not places:
                return None
            start = model.new_int_var_from_domain(cp_model.Domain.from_intervals(places), f"start {index}")
            starts.append(start)
            for piece in (piece for piece in item.pieces if piece.size):
                bytes_.append(model.new_fixed_size_interval_var(start, piece.size, f"bytes {index}"))
                times.append(model.new_fixed_size_interval_var(piece.first, piece.last - piece.first + 1, f"time {index}"))
        model.add_no_overlap_2d(bytes_, times)
        return cls(model, starts)

    def solve(self, deterministic_limit: float) -> tuple[Status, tuple[int, ...] | None, int]:
        """How it ended, addresses, and the bound on what is minimised."""
        from ortools.sat.python import cp_model  # noqa: PLC0415

        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.catch_sigint_signal = False  # CP-SAT would swallow Ctrl-C, and leave the process without a handler
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = deterministic_limit
        ended = solver.solve(self.model)
        names = {cp_model.OPTIMAL: Status.OPTIMAL, cp_model.FEASIBLE: Status.FEASIBLE, cp_model.INFEASIBLE: Status.INFEASIBLE}
        status = names.get(ended, Status.UNKNOWN)
        has_answer = status in {Status.OPTIMAL, Status.FEASIBLE}
        found = tuple(solver.value(start) for start in self.starts) if has_answer else None
        return status, found, round(solver.best_objective_bound)


def _packing(items: Sequence[Item], offsets: tuple[int, ...] | None, bound: int, *, proven: bool) -> Packing:
    if offsets is None:
        return Packing(Status.UNKNOWN, None, None, bound)
    height = height_of(items, offsets)
    return Packing(Status.OPTIMAL if proven else Status.FEASIBLE, offsets, height, min(bound, height))
