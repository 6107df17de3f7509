"""What a device or a runtime allows by itself."""

from __future__ import annotations

from collections.abc import Iterable

from qeopt.check.findings import Finding, Weight
from qeopt.hardware import Device, Runtime
from qeopt.network import OpKind
from qeopt.qbr import BitChoices
from qeopt.spec.units import format_bytes

BLOCK_KINDS = (OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE, OpKind.ADD, OpKind.POOL)
"""What the blocks of spaces are made of; a runtime without one of these runs few of them."""


def check_device(device: Device) -> tuple[Finding, ...]:
    """Say what a network can have of a device."""
    found = [Finding(Weight.NOTE, f"the largest contiguous memory for activations has {format_bytes(device.arena_bytes)}")]
    found.append(Finding(Weight.NOTE, f"flash for weights: {format_bytes(device.flash_bytes)}"))
    if device.macs_per_second is None:
        found.append(Finding(Weight.NOTE, "no macs_per_cycle: nothing can be said about speed"))
    return tuple(found)


def check_runtime(runtime: Runtime) -> tuple[Finding, ...]:
    """Say which kinds of operator a runtime lacks, and whether its bits can trade memory."""
    if runtime.kernels == "any":
        return (Finding(Weight.NOTE, "every bit-width is legal: an analytic count, not a library"),)
    missing = [kind.value for kind in BLOCK_KINDS if kind not in runtime.kernels]
    found = [Finding(Weight.WARNING, f"there is no kernel for {', '.join(missing)}")] if missing else []
    widths = tuple(range(1, 17))
    return (*found, *check_trades(runtime, BitChoices(weights=widths, activations=widths)))


def check_trades(runtime: Runtime, bits: BitChoices) -> tuple[Finding, ...]:
    """Say where the bits a runtime executes leave nothing to choose."""
    found = []
    for role, memory, position, allowed in (("activation", "SRAM", 0, bits.activations), ("weight", "flash", 1, bits.weights)):
        usable = sorted(set(allowed) & _executed(runtime, position, allowed))
        if not usable:
            found.append(Finding(Weight.ERROR, f"the runtime executes no convolution with {role} bits {_listed(allowed)}"))
        elif len(usable) == 1 and len(allowed) > 1:
            found.append(
                Finding(
                    Weight.WARNING, f"{memory} cannot be traded by bits: of the {role} bits allowed, only {usable[0]} is executed"
                )
            )
    return tuple(found)


def _executed(runtime: Runtime, position: int, allowed: Iterable[int]) -> set[int]:
    """Bits of inputs (0) or weights (1) for which the runtime has some convolution."""
    if runtime.kernels == "any":
        return set(allowed)
    kernels = [runtime.kernels[kind] for kind in (OpKind.CONV, OpKind.DEPTHWISE) if kind in runtime.kernels]
    return {entry[position] for kernel in kernels for entry in kernel.legal(has_weights=True)}


def _listed(widths: Iterable[int]) -> str:
    return ", ".join(map(str, widths))
