"""Where every buffer lies in memory, in one arena or in several that buffers do not cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from qeopt.hardware import Runtime
from qeopt.hardware.runtime import Planner
from qeopt.memory.buffers import Buffer, buffers
from qeopt.memory.greedy import greedy_by_size
from qeopt.network import Bits, Network
from qeopt_solvers import Status, packing, rectangles


@dataclass(frozen=True, slots=True)
class Placement:
    """A buffer and the address of its first byte, from the start of its arena."""

    buffer: Buffer
    offset_bytes: int
    arena: int = 0
    """Number of the arena that it lies in."""

    @property
    def end_bytes(self) -> int:
        """The address after its last byte."""
        return self.offset_bytes + self.buffer.bytes


@dataclass(frozen=True)
class ArenaPlan:
    """An address for every buffer."""

    placements: tuple[Placement, ...]

    @property
    def tops(self) -> dict[int, int]:
        """By arena that holds something: bytes it needs."""
        ends: dict[int, int] = {}
        for placement in self.placements:
            ends[placement.arena] = max(ends.get(placement.arena, 0), placement.end_bytes)
        return ends

    @property
    def size_bytes(self) -> int:
        """Bytes that all arenas need together."""
        return sum(self.tops.values())

    @property
    def offsets(self) -> dict[str, int]:
        """Address by buffer name, from the start of its arena."""
        return {placement.buffer.name: placement.offset_bytes for placement in self.placements}


@dataclass(frozen=True, slots=True)
class ProvenPlan:
    """The best plan found, and how good it is known to be."""

    plan: ArenaPlan
    is_minimal: bool
    """Whether no plan is smaller: proven by what is live at once, or by CP-SAT."""
    bound_bytes: int
    """No plan is smaller."""
    live_bytes: int
    """The most that is live at once, which a plan may not reach."""
    first_fit_bytes: int | None
    """Size of the plan that first fit makes; None where it finds no room in several arenas."""
    misplaced_bytes: int | None = None
    """Where memories are preferred: bytes of slots, each times the rank of the memory in which it lies."""
    least_misplaced_bytes: int | None = None
    """No plan has fewer misplaced bytes."""


def first_fit(found: Sequence[Buffer], align: int = 1) -> ArenaPlan:
    """Place buffers one by one at the lowest address that is free while they live.

    A plan may need more than the peak of the recount, which is a lower bound for any plan.

    Args:
        found: What has to be placed.
        align: Every address is a multiple of this many bytes.
    """
    return _plan(_slots(found), rectangles.first_fit(items_of(found, align)) or (), align)


def best_plan(
    found: Sequence[Buffer],
    align: int = 1,
    arenas: Sequence[int] = (),
    planner: Planner = "best",
    ranks: Sequence[int] = (),
    limit_bytes: int | None = None,
) -> ProvenPlan:
    """Place buffers so that as little as can be is set aside, and say whether that is proven.

    Args:
        found: What has to be placed.
        align: Every address is a multiple of this many bytes.
        arenas: Bytes of each arena, one of which every buffer is in as a whole; one arena without end unless given.
        planner: Who gives the addresses. That of a library does as it does, and the proof says how good that is.
        ranks: Place of each arena in the order in which they are preferred; with an order, as much as can be lies in the first,
            and only then is little set aside.
        limit_bytes: The most that may be set aside where arenas are preferred.

    Raises:
        ValueError: when no room was found in the arenas given.
    """
    items, units = items_of(found, align), _units(arenas, align)
    packed = packing.pack(items, units)
    if packed.offsets is None:
        raise ValueError(f"no addresses were found for {len(found)} buffers in {len(arenas)} arenas: {packed.status}")
    simple = rectangles.first_fit(items, units)
    plan, is_minimal = _plan(_slots(found), packed.offsets, align, units), packed.status is Status.OPTIMAL
    if planner == "greedy_by_size" and not arenas:
        plan = _greedy(found, align)
        is_minimal = plan.size_bytes == align * packed.bound
    proven = ProvenPlan(
        plan,
        is_minimal,
        align * packed.bound,
        align * rectangles.most_live(items),
        None if simple is None else align * rectangles.height_of(items, simple, units),
    )
    return _preferring(proven, found, align, units, ranks, limit_bytes) if units and len(set(ranks)) > 1 else proven


def _preferring(
    known: ProvenPlan, found: Sequence[Buffer], align: int, units: Sequence[int], ranks: Sequence[int], limit_bytes: int | None
) -> ProvenPlan:
    """The plan that keeps as much as can be in the arenas that are preferred."""
    items = items_of(found, align)
    order = sorted(range(len(units)), key=lambda number: (ranks[number], number))
    ordered = [units[number] for number in order]
    size = sum(units) if limit_bytes is None else min(limit_bytes // align, sum(units))
    by_rank = [ranks[number] for number in order]
    offsets, bound = packing.prefer(items, ordered, by_rank, max(size, known.plan.size_bytes // align))
    plan = known.plan
    if offsets is not None:
        placed = _plan(_slots(found), offsets, align, ordered).placements
        plan = _in_order([replace(place, arena=order[place.arena]) for place in placed])
    return replace(
        known,
        plan=plan,
        is_minimal=plan.size_bytes == known.bound_bytes,
        misplaced_bytes=misplaced_bytes(plan, align, ranks),
        least_misplaced_bytes=align * bound,
    )


def misplaced_bytes(plan: ArenaPlan, align: int, ranks: Sequence[int]) -> int:
    """Bytes of slots, each times the rank of the arena in which it lies."""
    slots: dict[int, list[Placement]] = {}
    for place in plan.placements:
        slots.setdefault(place.buffer.slot, []).append(place)
    sizes = {slot: items_of([place.buffer for place in members], align)[0].size for slot, members in slots.items()}
    return align * sum(size * ranks[slots[slot][0].arena] for slot, size in sizes.items())


def _in_order(placed: Sequence[Placement]) -> ArenaPlan:
    return ArenaPlan(tuple(sorted(placed, key=lambda place: (place.buffer.first, place.arena, place.offset_bytes))))


def _greedy(found: Sequence[Buffer], align: int) -> ArenaPlan:
    """The plan of a library that places the largest buffer first."""
    sized = [replace(buffer, bytes=-(-buffer.bytes // align) * align) for buffer in found]
    addresses = greedy_by_size(sized)
    return ArenaPlan(tuple(Placement(buffer, addresses[buffer.name]) for buffer in found))


def find_addresses(network: Network, runtime: Runtime, bits: Bits, limit_bytes: int, arenas: Sequence[int] = ()) -> bool:
    """Whether addresses for all buffers are found within a limit; also where the runtime lays nothing out.

    Args:
        network: The network.
        runtime: Decides what is held, and how it is aligned.
        bits: Bits of all tensors.
        limit_bytes: The most that may be set aside.
        arenas: Bytes of each arena, where there are several.
    """
    if not runtime.lays_out:
        return True
    align, found = runtime.memory.align, buffers(network, runtime, bits)
    if runtime.memory.planner == "greedy_by_size" and not arenas:
        return _greedy(found, align).size_bytes <= limit_bytes
    items = items_of(found, align)
    return packing.fits(items, limit_bytes // align, _units(arenas, align) or ()) is True


def overflow_bytes(network: Network, runtime: Runtime, bits: Bits, limit_bytes: int, arenas: Sequence[int] = ()) -> int:
    """Bytes by which the best plan known is over `limit_bytes`; 0 where it fits, or where the runtime lays nothing out.

    With several arenas it is what the largest lacks. Arguments are those of `find_addresses`.
    """
    if find_addresses(network, runtime, bits, limit_bytes, arenas):
        return 0
    found, align = buffers(network, runtime, bits), runtime.memory.align
    if not arenas:
        return max(best_plan(found, align, planner=runtime.memory.planner).plan.size_bytes - limit_bytes, 0)
    units = [arena // align for arena in arenas]
    return align * max(packing.least_excess(items_of(found, align), limit_bytes // align, units) or 0, 1)


def overlaps(plan: ArenaPlan) -> tuple[tuple[str, str], ...]:
    """Return the pairs of buffers that share a byte while both live, and those of one slot that have different addresses."""
    return tuple(
        (one.buffer.name, other.buffer.name)
        for one, other in combinations(plan.placements, 2)
        if (
            (one.arena, one.offset_bytes) != (other.arena, other.offset_bytes)
            if one.buffer.slot == other.buffer.slot
            else one.arena == other.arena
            and _meet(one.buffer, other.buffer)
            and one.offset_bytes < other.end_bytes
            and other.offset_bytes < one.end_bytes
        )
    )


def _slots(found: Sequence[Buffer]) -> tuple[tuple[Buffer, ...], ...]:
    """Buffers by slot."""
    slots: dict[int, list[Buffer]] = {}
    for buffer in found:
        slots.setdefault(buffer.slot, []).append(buffer)
    return tuple(tuple(members) for members in slots.values())


def items_of(found: Sequence[Buffer], align: int) -> tuple[rectangles.Item, ...]:
    """Buffers as items of the packing problem, one a slot, whose unit is the alignment."""
    return tuple(rectangles.Item(_pieces(members, align)) for members in _slots(found))


def _units(arenas: Sequence[int], align: int) -> tuple[int, ...] | None:
    return tuple(arena // align for arena in arenas) or None


def _pieces(members: Sequence[Buffer], align: int) -> tuple[rectangles.Piece, ...]:
    """What a slot holds, from each time at which that changes to the next."""
    times = sorted({time for member in members for time in (member.first, member.last + 1)})
    held = [
        (start, end - 1, max((member.bytes for member in members if member.first <= start <= member.last), default=0))
        for start, end in pairwise(times)
    ]
    return tuple(rectangles.Piece(-(-size // align), start, end) for start, end, size in held)


def _plan(slots: Sequence[Sequence[Buffer]], offsets: Sequence[int], align: int, arenas: Sequence[int] | None = None) -> ArenaPlan:
    homes = rectangles.spans(arenas)
    placed = []
    for members, offset in zip(slots, offsets, strict=True):
        home = rectangles.arena_at(offset, homes)
        placed += [Placement(member, align * (offset - homes[home][0]), home) for member in members]
    return _in_order(placed)


def _meet(one: Buffer, other: Buffer) -> bool:
    return one.first <= other.last and other.first <= one.last
