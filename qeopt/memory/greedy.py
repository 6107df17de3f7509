"""The planner of TensorFlow Lite Micro: the largest buffer first, each in the first gap between those that live while it does."""

from __future__ import annotations

from collections.abc import Sequence

from qeopt.memory.buffers import Buffer


def greedy_by_size(found: Sequence[Buffer]) -> dict[str, int]:
    """Give addresses as `GreedyMemoryPlanner` does; sizes are multiples of the alignment already.

    Of buffers of one size the one that comes later is placed first. What lasts lies above the rest, as at the tail of its arena.

    Args:
        found: What has to be placed; slots number buffers in the order in which the planner is told of them.

    Returns:
        The address of each buffer.
    """
    planned = sorted((buffer for buffer in found if not buffer.lasts), key=lambda buffer: (-buffer.bytes, -buffer.slot))
    placed: list[tuple[int, Buffer]] = []  # by address
    for buffer in planned:
        at = _first_gap(placed, buffer)
        place = next((number for number, (offset, _) in enumerate(placed) if offset > at), len(placed))
        placed.insert(place, (at, buffer))
    addresses = {buffer.name: offset for offset, buffer in placed}
    top = max((offset + buffer.bytes for offset, buffer in placed), default=0)
    for buffer in found:
        if buffer.lasts:
            addresses[buffer.name] = top
            top += buffer.bytes
    return addresses


def _first_gap(placed: Sequence[tuple[int, Buffer]], wanted: Buffer) -> int:
    at = 0
    for offset, buffer in placed:
        if buffer.first > wanted.last or wanted.first > buffer.last:
            continue
        if offset - at >= wanted.bytes:
            break
        at = max(at, offset + buffer.bytes)
    return at
