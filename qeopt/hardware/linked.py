"""Code that the linker adds to a network: what every program has, what kinds of operators share, and kernels for single widths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qeopt.hardware.runtime import Runtime, Tuples
from qeopt.network import OpKind

Bits = tuple[int, int, int]


def linked_flash(runtime: Runtime, runs: Iterable[tuple[OpKind, Bits]]) -> int:
    """Flash of all code of a network, in the runtime's unit.

    Args:
        runtime: States the sizes.
        runs: Every operator's kind and (in, weight, out) bits.
    """
    found = {(_as(runtime, kind), bits[:2]) for kind, bits in runs}
    kernels = sum(_kernels(runtime, kind).get(widths, 0) for kind, widths in found)
    return (_shared(runtime, {kind for kind, _ in found}) + kernels) * runtime.unit_per_byte


def least_linked_flash(runtime: Runtime, choices: Iterable[tuple[OpKind, Tuples]]) -> int:
    """The least that code of a network takes whatever its bits, in the runtime's unit.

    Args:
        runtime: States the sizes.
        choices: Every operator's kind and the (in, weight, out) bits that it may have.
    """
    forced: dict[OpKind, set[tuple[int, int]]] = {}
    least: dict[OpKind, int] = {}
    for kind, tuples in choices:
        kind_, widths = _as(runtime, kind), {entry[:2] for entry in tuples}
        sizes = _kernels(runtime, kind_)
        forced.setdefault(kind_, set()).update(widths if len(widths) == 1 else ())
        least[kind_] = max(least.get(kind_, 0), min((sizes.get(entry, 0) for entry in widths), default=0))
    known = {kind: sum(_kernels(runtime, kind).get(entry, 0) for entry in entries) for kind, entries in forced.items()}
    return (_shared(runtime, set(least)) + sum(max(known[kind], least[kind]) for kind in least)) * runtime.unit_per_byte


def _as(runtime: Runtime, kind: OpKind) -> OpKind:
    return runtime.linked.runs_as.get(kind, kind)


def _shared(runtime: Runtime, kinds: set[OpKind]) -> int:
    return runtime.linked.always + sum(runtime.linked.by_kind.get(kind, 0) for kind in kinds)


def _kernels(runtime: Runtime, kind: OpKind) -> Mapping[tuple[int, int], int]:
    return {(bits, weights): size for bits, weights, size in runtime.linked.by_bits.get(kind, ())}
