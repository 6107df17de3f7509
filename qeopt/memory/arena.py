"""Where every buffer lies in memory. What is resident when, and how large, comes from the recount; no rule is written twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from qeopt.hardware import Runtime
from qeopt.memory.resources import Resources, StepUse, count
from qeopt.network import Bits, Network


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


def buffers(network: Network, runtime: Runtime, bits: Bits) -> tuple[Buffer, ...]:
    """List what has to be placed, in the order in which it is first needed.

    Raises:
        ValueError: when the runtime only counts and lays nothing out (fractions of bytes, part of the steps or tensors).
    """
    memory = runtime.memory
    if (memory.unit, memory.steps, memory.bystanders, memory.depthwise_output) != ("bytes", "all", "all", "whole"):
        raise ValueError(f"the runtime {runtime.name!r} counts memory without laying it out, so nothing has an address in it")
    resources = count(network, runtime, bits)
    tensors = _tensor_buffers(network, resources)
    return tuple(sorted((*tensors, *_scratch_buffers(network, runtime, resources, len(tensors))), key=lambda buffer: buffer.first))


def first_fit(found: Sequence[Buffer], align: int = 1) -> ArenaPlan:
    """Place buffers one by one at the lowest address that is free while they live; the best of three orders wins.

    A plan may need more than the peak of the recount, which is a lower bound for any plan.

    Args:
        found: What has to be placed.
        align: Every address is a multiple of this many bytes.
    """
    orders: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
        lambda buffer: (-buffer.bytes, buffer.first),
        lambda buffer: (-buffer.bytes * (buffer.last - buffer.first + 1), buffer.first),
        lambda buffer: (buffer.first, -buffer.bytes),
    )
    return min((_place(sorted(found, key=order), align) for order in orders), key=lambda plan: plan.size_bytes)


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


def _scratch_buffers(network: Network, runtime: Runtime, resources: Resources, slot: int) -> list[Buffer]:
    index = {op.name: number for number, op in enumerate(network.ops)}
    needs = {use.step.op.name: int(use.scratch_bytes) for use in resources.steps if use.scratch_bytes}
    if needs and runtime.scratch.aggregate == "global_max":
        return [Buffer("(scratch)", max(needs.values()), 0, len(network.ops) - 1, slot)]
    return [
        Buffer(f"{name} (scratch)", size, index[name], index[name], slot + number)
        for number, (name, size) in enumerate(needs.items())
    ]


def _place(ordered: Sequence[Buffer], align: int) -> ArenaPlan:
    """Place in this order, the buffers of a slot together."""
    slots: dict[int, list[Buffer]] = {}
    for buffer in ordered:
        slots.setdefault(buffer.slot, []).append(buffer)
    placed: list[Placement] = []
    for members in slots.values():
        offset = _lowest(members, placed, align)
        placed += [Placement(member, offset) for member in members]
    return ArenaPlan(tuple(sorted(placed, key=lambda placement: (placement.buffer.first, placement.offset_bytes))))


def _lowest(members: Sequence[Buffer], placed: Sequence[Placement], align: int) -> int:
    """The lowest address at which no member touches what is placed; it is 0 or follows the end of something."""
    pairs = [(member.bytes, other) for member in members for other in placed if _meet(member, other.buffer)]
    candidates = sorted({0, *(-(-other.end_bytes // align) * align for _, other in pairs)})
    return next(
        offset
        for offset in candidates
        if all(other.end_bytes <= offset or offset + size <= other.offset_bytes for size, other in pairs)
    )


def _meet(one: Buffer, other: Buffer) -> bool:
    return one.first <= other.last and other.first <= one.last
