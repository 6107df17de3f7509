"""Code that the linker adds to a network: what every program has, what kinds of operators share, and kernels for single widths."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

from qeopt.hardware.runtime import Runtime, Tuples
from qeopt.network import OpKind

Bits: TypeAlias = tuple[int, int, int]
Kernel: TypeAlias = tuple[OpKind, tuple[int, ...]]
"""Code for single widths: the kind of operators, and (input, weight) bits, or (input, weight, output) bits where these matter."""


def linked_flash(runtime: Runtime, runs: Iterable[tuple[OpKind, Bits]]) -> int:
    """Flash of all code of a network, in the runtime's unit.

    Args:
        runtime: States the sizes.
        runs: Every operator's kind and (in, weight, out) bits.
    """
    found = dict(linked_kernel(runtime, kind, bits) for kind, bits in runs)
    return _shared(runtime, {kind for kind, _ in found}) * runtime.unit_per_byte + sum(found.values())


def linked_kernel(runtime: Runtime, kind: OpKind, bits: Bits) -> tuple[Kernel, int]:
    """The kernel of a kind of operator at some bits, and its flash in the runtime's unit; 0 where it takes none of its own."""
    kind = _as(runtime, kind)
    return (kind, bits[:2]), _kernels(runtime, kind).get(bits[:2], 0) * runtime.unit_per_byte


def least_linked_flash(runtime: Runtime, choices: Iterable[tuple[OpKind, Tuples]], paid: Collection[Kernel] = ()) -> int:
    """The least that code of a network takes whatever its bits, in the runtime's unit.

    Args:
        runtime: States the sizes.
        choices: Every operator's kind and the (in, weight, out) bits that it may have.
        paid: Kernels that are counted whether or not an operator needs them.
    """
    forced: dict[OpKind, set[tuple[int, int]]] = {}
    least: dict[OpKind, int] = {}
    for kind, tuples in choices:
        kind_, widths = _as(runtime, kind), {entry[:2] for entry in tuples}
        sizes = _kernels(runtime, kind_)
        forced.setdefault(kind_, set()).update(widths if len(widths) == 1 else ())
        least[kind_] = max(least.get(kind_, 0), min((sizes.get(entry, 0) for entry in widths), default=0))
    for kind, entry in paid:
        if kind in forced and len(entry) == 2:
            forced[kind].add((entry[0], entry[1]))
    known = {kind: sum(_kernels(runtime, kind).get(entry, 0) for entry in entries) for kind, entries in forced.items()}
    return (_shared(runtime, set(least)) + sum(max(known[kind], least[kind]) for kind in least)) * runtime.unit_per_byte


def _as(runtime: Runtime, kind: OpKind) -> OpKind:
    return runtime.linked.runs_as.get(kind, kind)


def _shared(runtime: Runtime, kinds: set[OpKind]) -> int:
    return runtime.linked.always + sum(runtime.linked.by_kind.get(kind, 0) for kind in kinds)


def _kernels(runtime: Runtime, kind: OpKind) -> Mapping[tuple[int, int], int]:
    return {(bits, weights): size for bits, weights, size in runtime.linked.by_bits.get(kind, ())}
