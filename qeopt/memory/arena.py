"""Where every buffer lies in memory. What is resident when, and how large, comes from the recount; no rule is written twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from qeopt.hardware import Runtime
from qeopt.memory.resources import Resources, StepUse, count, scratch_by_op
from qeopt.network import Bits, Network
from qeopt_solvers import Status, packing


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes that are held from the operator with index `first` to the one with index `last`, both included."""

    name: str
    """Name of the tensor, or of the operator followed by `(scratch)`."""
    bytes: int
    first: int
    last: int
    slot: int
    """Buffers of one slot share an address: an operator that works in place writes over its first input."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A buffer and the address of its first byte."""

    buffer: Buffer
    offset_bytes: int

    @property
    def end_bytes(self) -> int:
        """The address after its last byte."""
        return self.offset_bytes + self.buffer.bytes


@dataclass(frozen=True)
class ArenaPlan:
    """An address for every buffer."""

    placements: tuple[Placement, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes the arena needs."""
        return max((placement.end_bytes for placement in self.placements), default=0)

    @property
    def offsets(self) -> dict[str, int]:
        """Address by buffer name."""
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
    first_fit_bytes: int
    """Size of the plan that first fit makes."""


def buffers(network: Network, runtime: Runtime, bits: Bits) -> tuple[Buffer, ...]:
    """List what has to be placed, in the order in which it is first needed.

    Raises:
        ValueError: when the runtime only counts and lays nothing out (fractions of bytes, part of the steps or tensors).
    """
    if not runtime.lays_out:
        raise ValueError(f"the runtime {runtime.name!r} counts memory without laying it out, so nothing has an address in it")
    resources = count(network, runtime, bits)
    tensors = _tensor_buffers(network, resources)
    others = [*_lasting_buffers(network, resources), *_scratch_buffers(network, runtime, bits)]
    numbered = (replace(buffer, slot=len(tensors) + number) for number, buffer in enumerate(others))
    return tuple(sorted((*tensors, *numbered), key=lambda buffer: buffer.first))


def first_fit(found: Sequence[Buffer], align: int = 1) -> ArenaPlan:
    """Place buffers one by one at the lowest address that is free while they live.

    A plan may need more than the peak of the recount, which is a lower bound for any plan.

    Args:
        found: What has to be placed.
        align: Every address is a multiple of this many bytes.
    """
    slots = _slots(found)
    return _plan(slots, packing.first_fit(_items(slots, align)) or (), align)


def best_plan(found: Sequence[Buffer], align: int = 1) -> ProvenPlan:
    """Place buffers so that the arena is as small as can be, and say whether that is proven.

    Args:
        found: What has to be placed.
        align: Every address is a multiple of this many bytes.
    """
    slots = _slots(found)
    items = _items(slots, align)
    packed = packing.pack(items)
    return ProvenPlan(
        _plan(slots, packed.offsets or (), align),
        packed.status is Status.OPTIMAL,
        align * packed.bound,
        align * packing.most_live(items),
        first_fit(found, align).size_bytes,
    )


def overflow_bytes(network: Network, runtime: Runtime, bits: Bits, limit_bytes: int) -> int:
    """Bytes by which the best plan known is over `limit_bytes`; 0 where it fits, or where the runtime lays nothing out."""
    if not runtime.lays_out:
        return 0
    found, align = buffers(network, runtime, bits), runtime.memory.align
    if packing.fits(_items(_slots(found), align), limit_bytes // align):
        return 0
    return max(best_plan(found, align).plan.size_bytes - limit_bytes, 0)


def overlaps(plan: ArenaPlan) -> tuple[tuple[str, str], ...]:
    """Return the pairs of buffers that share a byte while both live, and those of one slot that have different addresses."""
    return tuple(
        (one.buffer.name, other.buffer.name)
        for one, other in combinations(plan.placements, 2)
        if (
            one.offset_bytes != other.offset_bytes
            if one.buffer.slot == other.buffer.slot
            else _meet(one.buffer, other.buffer) and one.offset_bytes < other.end_bytes and other.offset_bytes < one.end_bytes
        )
    )


def _tensor_buffers(network: Network, resources: Resources) -> list[Buffer]:
    index = {op.name: number for number, op in enumerate(network.ops)}
    spans: dict[str, list[int]] = {}
    sizes: dict[str, int] = {}
    for use in resources.steps:
        for tensor, size in use.tensor_bytes:
            spans.setdefault(tensor.name, []).append(index[use.step.op.name])
            sizes[tensor.name] = int(size)
    slots = {name: number for number, name in enumerate(spans)}
    for source, written in _in_place(network, resources.steps):
        spans.setdefault(written, []).append(spans[source][-1])  # the sum is held as the buffer it is written into
        sizes.setdefault(written, sizes[source])
        slots[written] = slots[source]
    return [Buffer(name, sizes[name], min(held), max(held), slots[name]) for name, held in spans.items()]


def _in_place(network: Network, steps: Sequence[StepUse]) -> list[tuple[str, str]]:
    """Pairs of input and output that are never held side by side while their operator runs."""
    together = {
        use.step.op.name
        for use in steps
        if {use.step.op.inputs[0].name, use.step.op.output.name} <= {tensor.name for tensor, _ in use.tensor_bytes}
    }
    return [(op.inputs[0].name, op.output.name) for op in network.ops if op.name not in together]


def _lasting_buffers(network: Network, resources: Resources) -> list[Buffer]:
    """What operators hold for good, as one buffer."""
    size = int(resources.steps[0].persistent_bytes) if resources.steps else 0
    return [Buffer("(lasting)", size, 0, len(network.ops) - 1, 0)] if size else []


def _scratch_buffers(network: Network, runtime: Runtime, bits: Bits) -> list[Buffer]:
    """One buffer per operator and pool, or one per pool that is held all the time."""
    end = len(network.ops) - 1
    found = []
    for number, (pool, needs) in enumerate(zip(runtime.pools, scratch_by_op(network, runtime, bits), strict=True), start=1):
        label = "scratch" if len(runtime.pools) == 1 else f"scratch {number}"
        if pool.aggregate == "global_max":
            found += [Buffer(f"({label})", size, 0, end, 0) for size in {*needs.values()} if size]
        else:
            sizes = (needs[op.name] for op in network.ops)
            found += [
                Buffer(f"{network.ops[index].name} ({label})", size, index, index, 0) for index, size in enumerate(sizes) if size
            ]
    return found


def _slots(found: Sequence[Buffer]) -> tuple[tuple[Buffer, ...], ...]:
    """Buffers by slot."""
    slots: dict[int, list[Buffer]] = {}
    for buffer in found:
        slots.setdefault(buffer.slot, []).append(buffer)
    return tuple(tuple(members) for members in slots.values())


def _items(slots: Sequence[Sequence[Buffer]], align: int) -> tuple[packing.Item, ...]:
    """Slots as items of the packing problem, whose unit is the alignment."""
    return tuple(packing.Item(_pieces(members, align)) for members in slots)


def _pieces(members: Sequence[Buffer], align: int) -> tuple[packing.Piece, ...]:
    """What a slot holds, from each time at which that changes to the next."""
    times = sorted({time for member in members for time in (member.first, member.last + 1)})
    held = [
        (start, end - 1, max((member.bytes for member in members if member.first <= start <= member.last), default=0))
        for start, end in pairwise(times)
    ]
    return tuple(packing.Piece(-(-size // align), start, end) for start, end, size in held)


def _plan(slots: Sequence[Sequence[Buffer]], offsets: Sequence[int], align: int) -> ArenaPlan:
    placed = [Placement(member, align * offset) for members, offset in zip(slots, offsets, strict=True) for member in members]
    return ArenaPlan(tuple(sorted(placed, key=lambda placement: (placement.buffer.first, placement.offset_bytes))))


def _meet(one: Buffer, other: Buffer) -> bool:
    return one.first <= other.last and other.first <= one.last
