"""Budgets of memory: SRAM at every step, and flash."""

from __future__ import annotations

from qeopt.budgets.record import NO_WIDTHS, Budget, Given, Kind, Stated, Unit
from qeopt.hardware import Device, Runtime
from qeopt.hardware import costs as of
from qeopt.network import WEIGHTED_KINDS, OpKind


def _arena(device: Device | None, runtime: Runtime) -> int | None:
    return _left("sram", None if device is None else device.arena_bytes, runtime.reserve.sram)


def _weight_memory(device: Device | None, runtime: Runtime) -> int | None:
    """Bytes for weights: of the flash, or of the banks that hold nothing else."""
    if device is None or runtime.memory.weights == "flash":
        return _left("flash", None if device is None else device.flash_bytes, runtime.reserve.flash)
    if not device.weight_bytes:
        raise ValueError(
            f"the runtime {runtime.name!r} keeps weights in banks of their own, and the device {device.name!r} has none: "
            "a bank with `holds: [weights]` was expected"
        )
    return _left("flash", device.weight_bytes, runtime.reserve.flash)


def _left(name: str, device_bytes: int | None, reserve: int) -> int:
    if device_bytes is None:
        raise ValueError(f"no {name} budget: state `budgets.{name}` (a size or `unlimited`) or a `device`")
    left = device_bytes - reserve
    if left <= 0:
        raise ValueError(f"the runtime reserves {reserve} B of {name}, the device has {device_bytes} B: nothing is left")
    return left


def _flash_widths(runtime: Runtime, kind: OpKind) -> frozenset[str]:
    """Of weights only; the size of the kernels in use is no sum over operators, and counted apart."""
    return frozenset({"w_bits"}) if kind in WEIGHTED_KINDS else NO_WIDTHS


_BYTES = Unit(Stated.BYTES, "B", "B")


SRAM = Budget(
    key="sram",
    name="sram",
    about="Peak activation memory, or `unlimited`.",
    noun="of SRAM",
    kind=Kind.PEAK,
    unit=_BYTES,
    given=Given("device", _arena, reserve=lambda runtime: runtime.reserve.sram),
)
FLASH = Budget(
    key="flash",
    name="flash",
    about="Weights and parameters, or `unlimited`.",
    noun="of flash",
    kind=Kind.SUM,
    unit=_BYTES,
    cost=lambda runtime, op, in_bits, w_bits, out_bits: of.flash_of(runtime, op, w_bits),
    widths=_flash_widths,
    given=Given("device", _weight_memory, reserve=lambda runtime: runtime.reserve.flash),
)
