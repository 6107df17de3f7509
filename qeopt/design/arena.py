"""Where the buffers of a design lie in memory: the part of the design file that says so, and its check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from qeopt.hardware import Run, Runtime
from qeopt.memory.arena import ArenaPlan, Placement, ProvenPlan, best_plan, misplaced_bytes, overlaps
from qeopt.memory.buffers import Buffer, BufferKind, buffers
from qeopt.network import Bits, Network
from qeopt.spec.model import Block


class PlacedBuffer(Block):
    """One buffer, its address and its lifetime."""

    offset: int
    """Address of its first byte, from the start of the arena, or of its region where there are several."""
    bytes: int
    """Its size."""
    first: str
    """Operator during which it is first held."""
    last: str
    """Operator during which it is last held."""
    region: str = ""
    """Name of the region that it lies in; empty where there is one."""
    kind: BufferKind = "tensor"
    """What it holds: a tensor, working memory (`scratch`), or what operators keep from one inference to the next (`lasting`)."""
    op: str = ""
    """Operator whose working memory it is; empty for what is no operator's own."""
    pool: int = 0
    """Which of the runtime's pools of working memory it is of, from 0."""


class ArenaRegion(Block):
    """Memory of the device in which buffers lie."""

    name: str
    """Names of its banks."""
    bytes: int
    """Up to the end of its highest buffer."""
    size: int
    """What there is for a network, reserves subtracted."""
    address: int | None = None
    """Address of its first byte; null where the device does not state it, or something is reserved there."""


class Arena(Block):
    """An address for every buffer."""

    bytes: int
    """Size of what is planned, tensors and scratch; in all regions together where there are several."""
    lasting: int = 0
    """Bytes above it that last from one inference to the next: states, and what operators hold for good."""
    minimal: bool
    """Whether it is proven that no plan is smaller."""
    bound: int
    """No plan is smaller, in bytes; like the two that follow without what lasts."""
    live: int
    """The most that is live at once; addresses may need more."""
    first_fit: int | None
    """Size by first fit; null where that finds no room in several regions."""
    align: int
    """Every address is a multiple of this."""
    misplaced: int | None = None
    """Where the study prefers memories: bytes of buffers, each times the number of memories that come before its own in that order;
    with two memories, the bytes outside the first."""
    least_misplaced: int | None = None
    """No plan has fewer misplaced bytes."""
    regions: tuple[ArenaRegion, ...] = ()
    """Where it lies; none where the study states a size without a device that has it."""
    buffers: Mapping[str, PlacedBuffer]
    """Tensors by name, and the working memory of operators."""


def plan_arena(
    network: Network, runtime: Runtime, bits: Bits, runs: Sequence[Run] = (), limit_bytes: int | None = None
) -> ProvenPlan:
    """Plan the memory of `network` at `bits`, in several memories where `runs` has several; what lasts lies above the rest.

    Raises:
        ValueError: when the runtime only counts, or the buffers find no addresses.
    """
    arenas = [run.size_bytes for run in runs] if len(runs) > 1 else []
    ranks, align = [run.rank for run in runs], runtime.memory.align
    found = best_plan(buffers(network, runtime, bits), align, arenas, runtime.memory.planner, ranks, limit_bytes)
    return replace(found, plan=_lasting_above(found.plan))


def lasting_bytes(found: Iterable[Buffer]) -> int:
    """Bytes of the buffers that are held from one inference to the next."""
    return sum(buffer.bytes for buffer in found if buffer.lasts)


def _lasting_above(plan: ArenaPlan) -> ArenaPlan:
    """Move what lasts to the end of its arena. It is held all the time, so the rest lies below it or above, and moves down."""
    lasting = [placed for placed in plan.placements if placed.buffer.lasts]
    tops = dict(plan.tops)
    for placed in lasting:
        tops[placed.arena] -= placed.buffer.bytes
    moved = []
    for placed in plan.placements:
        if placed in lasting:
            moved.append(replace(placed, offset_bytes=tops[placed.arena]))
            tops[placed.arena] += placed.buffer.bytes
        else:
            below = sum(o.buffer.bytes for o in lasting if o.arena == placed.arena and o.offset_bytes < placed.offset_bytes)
            moved.append(replace(placed, offset_bytes=placed.offset_bytes - below))
    return ArenaPlan(tuple(moved))


def describe_arena(
    network: Network, runtime: Runtime, bits: Bits, runs: Sequence[Run] = (), limit_bytes: int | None = None
) -> Arena | None:
    """Plan the memory of `network` at `bits`; None where the runtime only counts and has no plan.

    Args:
        network: The network.
        runtime: Decides what is held, and how it is aligned.
        bits: Bits of all tensors.
        runs: Where buffers may lie, where that is known.
        limit_bytes: The most that may be set aside, where there is a limit.
    """
    if not runtime.lays_out:
        return None
    found = plan_arena(network, runtime, bits, runs, limit_bytes)
    names, tops = [op.name for op in network.ops], found.plan.tops
    lasting = lasting_bytes(placed.buffer for placed in found.plan.placements)
    return Arena(
        bytes=found.plan.size_bytes - lasting,
        lasting=lasting,
        minimal=found.is_minimal,
        bound=found.bound_bytes - lasting,
        live=found.live_bytes - lasting,
        first_fit=None if found.first_fit_bytes is None else found.first_fit_bytes - lasting,
        align=runtime.memory.align,
        misplaced=found.misplaced_bytes,
        least_misplaced=found.least_misplaced_bytes,
        regions=tuple(
            ArenaRegion(name=run.name, bytes=tops.get(number, 0), size=run.size_bytes, address=run.address)
            for number, run in enumerate(runs)
        ),
        buffers={
            placed.buffer.name: PlacedBuffer(
                offset=placed.offset_bytes,
                bytes=placed.buffer.bytes,
                first=names[placed.buffer.first],
                last=names[placed.buffer.last],
                region=runs[placed.arena].name if len(runs) > 1 else "",
                kind=placed.buffer.kind,
                op=placed.buffer.op,
                pool=placed.buffer.pool,
            )
            for placed in found.plan.placements
        },
    )


def arena_faults(
    arena: Arena | None, network: Network, runtime: Runtime, bits: Bits, limit_bytes: int | None, runs: Sequence[Run] = ()
) -> list[str]:
    """Check the claimed addresses against buffers that are counted again."""
    if not runtime.lays_out:
        return [] if arena is None else [f"arena: the runtime {runtime.name!r} lays nothing out, so there can be no plan"]
    if arena is None:
        return [f"arena: the runtime {runtime.name!r} lays buffers out, and the design has no addresses for them"]
    needed = {buffer.name: buffer for buffer in buffers(network, runtime, bits)}
    if needed.keys() != arena.buffers.keys():
        return [f"arena: the buffers {', '.join(sorted(needed.keys() ^ arena.buffers.keys()))} do not belong together"]
    homes = {run.name: number for number, run in enumerate(runs)} if len(runs) > 1 else {"": 0}
    lost = [name for name, buffer in arena.buffers.items() if buffer.region not in homes]
    if lost:
        return [f"arena: {name!r} lies in {arena.buffers[name].region!r}, which is no memory of this study" for name in lost]
    plan = ArenaPlan(
        tuple(Placement(buffer, arena.buffers[name].offset, homes[arena.buffers[name].region]) for name, buffer in needed.items())
    )
    names = [op.name for op in network.ops]
    found = [f"arena: {one!r} and {other!r} overlap" for one, other in overlaps(plan)]
    for name, buffer in needed.items():
        found += _faults_of(name, arena.buffers[name], buffer, names, arena.align)
    lasting = lasting_bytes(needed.values())
    if arena.lasting != lasting:
        found.append(f"arena: the design says that {arena.lasting:,} B last, the recount says {lasting:,} B")
    if plan.size_bytes != arena.bytes + arena.lasting or arena.align != runtime.memory.align:
        said = arena.bytes + arena.lasting
        found.append(f"arena: the design says {said:,} B, its buffers end at {plan.size_bytes:,} B")
    if limit_bytes is not None and plan.size_bytes > limit_bytes:
        found.append(f"arena: {plan.size_bytes:,} B are over the budget of {limit_bytes:,} B")
    ranks = [run.rank for run in runs]
    misplaced = misplaced_bytes(plan, runtime.memory.align, ranks) if len(set(ranks)) > 1 else None
    if arena.misplaced != misplaced:
        found.append(f"arena.misplaced: the design says {arena.misplaced}, the recount {misplaced}")
    return found + _region_faults(arena, plan, runs)


def doubtful_sizes(
    arena: Arena | None,
    network: Network,
    runtime: Runtime,
    bits: Bits,
    runs: Sequence[Run] = (),
    limit_bytes: int | None = None,
) -> list[str]:
    """Check what is claimed of other plans of the same buffers, by planning again."""
    if arena is None or not runtime.lays_out:
        return []
    try:
        found = describe_arena(network, runtime, bits, runs, limit_bytes)
    except ValueError:  # the buffers find no addresses here: told where the claimed ones are checked
        return []
    if found is None:
        return []
    facts = [("live", arena.live, found.live), ("first_fit", arena.first_fit, found.first_fit)]
    said = [
        f"arena.{name}: the design says {claimed}, the recount {counted}" for name, claimed, counted in facts if claimed != counted
    ]
    if arena.minimal != (arena.bytes == arena.bound):
        said.append(f"arena.minimal: the design says {arena.minimal}, with {arena.bytes:,} B and a bound of {arena.bound:,} B")
    if arena.bound > found.bound:
        proven = f"a plan of {found.bytes:,} B" if arena.bound > found.bytes else f"{found.bound:,} B only"
        said.append(f"arena.bound: said that no plan is smaller than {arena.bound:,} B, but there is proof of {proven}")
    if found.misplaced is not None and (arena.least_misplaced or 0) > found.misplaced:
        claim = f"said that no plan has fewer than {arena.least_misplaced:,} B"
        said.append(f"arena.least_misplaced: {claim} outside the memories preferred, but one has {found.misplaced:,} B")
    return said


def _region_faults(arena: Arena, plan: ArenaPlan, runs: Sequence[Run]) -> list[str]:
    """Check the regions against those of the study; a design of one region need not name it."""
    if not arena.regions and len(runs) < 2:
        return []
    if [(region.name, region.size, region.address) for region in arena.regions] != [
        (run.name, run.size_bytes, run.address) for run in runs
    ]:
        return ["arena: its regions are not those of the study"]
    found = []
    for number, region in enumerate(arena.regions):
        end = plan.tops.get(number, 0)
        if region.bytes != end:
            found.append(f"arena: {region.name!r} is said to be used up to {region.bytes:,} B, its buffers end at {end:,} B")
        if end > region.size:
            found.append(f"arena: {end:,} B do not fit into the {region.size:,} B of {region.name!r}")
    return found


def _faults_of(name: str, claimed: PlacedBuffer, buffer: Buffer, names: list[str], align: int) -> list[str]:
    found = []
    if (claimed.bytes, claimed.first, claimed.last) != (buffer.bytes, names[buffer.first], names[buffer.last]):
        found.append(
            f"arena: {name!r} is said to hold {claimed.bytes:,} B, the recount says {buffer.bytes:,} B, or its lifetime differs"
        )
    if (claimed.kind, claimed.op, claimed.pool) != (buffer.kind, buffer.op, buffer.pool):
        said, counted = (f"{held.kind} {held.pool} of {held.op!r}" for held in (claimed, buffer))
        found.append(f"arena: {name!r} is said to be {said}, the recount says {counted}")
    if claimed.offset < 0 or claimed.offset % align:
        found.append(f"arena: the address {claimed.offset} of {name!r} is no multiple of {align}")
    return found
