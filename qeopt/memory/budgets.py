"""Budgets a study declares, and the limits that follow from device and runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qeopt.hardware import Device, Runtime
from qeopt.memory.resources import Resources
from qeopt.spec.model import Block
from qeopt.spec.units import Count, PositiveByteSize


class Budgets(Block):
    """What a design may use at most. SRAM and flash default to what device and runtime leave."""

    sram: Literal["unlimited"] | PositiveByteSize | None = None
    """Peak activation memory, or `unlimited`."""
    flash: Literal["unlimited"] | PositiveByteSize | None = None
    """Weights and parameters, or `unlimited`."""
    bitops: Count | None = None
    """Bit operations of one inference, as the runtime counts them."""
    macs: Count | None = None
    """Multiply-accumulates of one inference."""
    layers: Count | None = None
    """Convolutions, classifier excluded. The score grows with depth without end, so a study of a space needs this."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The budgets in force; None where there is none."""

    sram_bytes: int | None = None
    flash_bytes: int | None = None
    bitops: int | None = None
    macs: int | None = None
    layers: int | None = None

    def uses(self, resources: Resources) -> tuple[BudgetUse, ...]:
        """Set what `resources` uses against each limit."""
        found = (
            BudgetUse("sram", "B", resources.sram_bytes, self.sram_bytes),
            BudgetUse("flash", "B", resources.flash_bytes, self.flash_bytes),
            BudgetUse("bitops", "", resources.bitops, self.bitops),
            BudgetUse("macs", "", resources.macs, self.macs),
            BudgetUse("layers", "", resources.layers, self.layers),
        )
        return tuple(use for use in found if use.limit is not None)


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """One budget, and how much of it is used."""

    name: str
    unit: str
    used: float
    limit: int | None

    @property
    def fits(self) -> bool:
        """Whether the use is within the limit."""
        return self.limit is None or self.used <= self.limit


def limits_of(budgets: Budgets, device: Device | None, runtime: Runtime) -> Limits:
    """Resolve budgets: what the study states, else what is left of the device after the runtime's reserve.

    Raises:
        ValueError: when neither the study nor a device gives an SRAM or flash budget, or the reserve leaves nothing.
    """
    return Limits(
        _memory("sram", budgets.sram, None if device is None else device.arena_bytes, runtime.reserve.sram),
        _memory("flash", budgets.flash, None if device is None else device.flash_bytes, runtime.reserve.flash),
        budgets.bitops,
        budgets.macs,
        budgets.layers,
    )


def _memory(name: str, stated: str | int | None, device_bytes: int | None, reserve: int) -> int | None:
    if stated is not None:
        return None if isinstance(stated, str) else stated
    if device_bytes is None:
        raise ValueError(f"no {name} budget: state `budgets.{name}` (a size or `unlimited`) or a `device`")
    left = device_bytes - reserve
    if left <= 0:
        raise ValueError(f"the runtime reserves {reserve} B of {name}, the device has {device_bytes} B: nothing is left")
    return left
