"""Where the buffers of a design lie in memory: the part of the design file that says so, and its check."""

from __future__ import annotations

from collections.abc import Mapping

from qeopt.hardware import Runtime
from qeopt.memory.arena import ArenaPlan, Buffer, Placement, best_plan, buffers, overlaps
from qeopt.network import Bits, Network
from qeopt.spec.model import Block


class PlacedBuffer(Block):
    """One buffer, its address and its lifetime."""

    offset: int
    """Address of its first byte, from the start of the arena."""
    bytes: int
    """Its size."""
    first: str
    """Operator during which it is first held."""
    last: str
    """Operator during which it is last held."""


class Arena(Block):
    """An address for every buffer."""

    bytes: int
    """Size of the arena."""
    minimal: bool
    """Whether it is proven that no plan is smaller."""
    bound: int
    """No plan is smaller, in bytes."""
    live: int
    """The most that is live at once; addresses may need more."""
    first_fit: int
    """Size of the arena by first fit."""
    align: int
    """Every address is a multiple of this."""
    buffers: Mapping[str, PlacedBuffer]
    """Tensors by name, and the working memory of operators."""


def describe_arena(network: Network, runtime: Runtime, bits: Bits) -> Arena | None:
    """Plan the memory of `network` at `bits`; None where the runtime only counts and has no plan."""
    if not runtime.lays_out:
        return None
    found = best_plan(buffers(network, runtime, bits), runtime.memory.align)
    names = [op.name for op in network.ops]
    return Arena(
        bytes=found.plan.size_bytes,
        minimal=found.is_minimal,
        bound=found.bound_bytes,
        live=found.live_bytes,
        first_fit=found.first_fit_bytes,
        align=runtime.memory.align,
        buffers={
            placed.buffer.name: PlacedBuffer(
                offset=placed.offset_bytes,
                bytes=placed.buffer.bytes,
                first=names[placed.buffer.first],
                last=names[placed.buffer.last],
            )
            for placed in found.plan.placements
        },
    )


def arena_faults(arena: Arena | None, network: Network, runtime: Runtime, bits: Bits, limit_bytes: int | None) -> list[str]:
    """Check the claimed addresses against buffers that are counted again."""
    if arena is None or not runtime.lays_out:
        return [] if arena is None else [f"arena: the runtime {runtime.name!r} lays nothing out, so there can be no plan"]
    needed = {buffer.name: buffer for buffer in buffers(network, runtime, bits)}
    if needed.keys() != arena.buffers.keys():
        return [f"arena: the buffers {', '.join(sorted(needed.keys() ^ arena.buffers.keys()))} do not belong together"]
    plan = ArenaPlan(tuple(Placement(buffer, arena.buffers[name].offset) for name, buffer in needed.items()))
    names = [op.name for op in network.ops]
    found = [f"arena: {one!r} and {other!r} overlap" for one, other in overlaps(plan)]
    for name, buffer in needed.items():
        found += _faults_of(name, arena.buffers[name], buffer, names, arena.align)
    if plan.size_bytes != arena.bytes or arena.align != runtime.memory.align:
        found.append(f"arena: the design says {arena.bytes:,} B, its buffers end at {plan.size_bytes:,} B")
    if limit_bytes is not None and plan.size_bytes > limit_bytes:
        found.append(f"arena: {plan.size_bytes:,} B are over the budget of {limit_bytes:,} B")
    return found


def _faults_of(name: str, claimed: PlacedBuffer, buffer: Buffer, names: list[str], align: int) -> list[str]:
    found = []
    if (claimed.bytes, claimed.first, claimed.last) != (buffer.bytes, names[buffer.first], names[buffer.last]):
        found.append(
            f"arena: {name!r} is said to hold {claimed.bytes:,} B, the recount says {buffer.bytes:,} B, or its lifetime differs"
        )
    if claimed.offset < 0 or claimed.offset % align:
        found.append(f"arena: the address {claimed.offset} of {name!r} is no multiple of {align}")
    return found
