"""Budgets a study declares, and the limits that follow from device and runtime."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from qeopt.hardware import Device, Run, Runtime
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
    latency_ms: Annotated[float, Field(gt=0)] | None = None
    """Time of one inference as the runtime estimates it at the device's clock."""
    energy_uj: Annotated[float, Field(gt=0)] | None = None
    """Energy of one inference as the runtime estimates it, in microjoules."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The budgets in force; None where there is none."""

    sram_bytes: int | None = None
    flash_bytes: int | None = None
    bitops: int | None = None
    macs: int | None = None
    layers: int | None = None
    cycles: int | None = None
    picojoules: int | None = None

    def less(self, sram_bytes: int, flash_bytes: int) -> Limits:
        """The same limits with fewer bytes of memory."""
        sram = None if self.sram_bytes is None else max(self.sram_bytes - sram_bytes, 0)
        flash = None if self.flash_bytes is None else max(self.flash_bytes - flash_bytes, 0)
        return replace(self, sram_bytes=sram, flash_bytes=flash)

    def uses(self, resources: Resources) -> tuple[BudgetUse, ...]:
        """Set what `resources` uses against each limit."""
        found = (
            BudgetUse("sram", "B", resources.sram_bytes, self.sram_bytes),
            BudgetUse("flash", "B", resources.flash_bytes, self.flash_bytes),
            BudgetUse("bitops", "", resources.bitops, self.bitops),
            BudgetUse("macs", "", resources.macs, self.macs),
            BudgetUse("layers", "", resources.layers, self.layers),
            BudgetUse("cycles", "", resources.cycles, self.cycles),
            BudgetUse("picojoules", "", resources.picojoules, self.picojoules),
        )
        return tuple(use for use in found if use.limit is not None)

    def shares(self, resources: Resources) -> dict[str, float]:
        """Shares of the limits that `resources` uses, by name."""
        return {use.name: use.used / use.limit for use in self.uses(resources) if use.limit}


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
        ValueError: when neither the study nor a device gives an SRAM or flash budget, the reserve leaves nothing, or there is no
            estimate of what a budget limits.
    """
    layers = [limit for limit in (budgets.layers, runtime.max_layers) if limit is not None]
    sram = _memory("sram", budgets.sram, None if device is None else device.arena_bytes, runtime.reserve.sram)
    runs = runs_of(budgets, device, runtime)
    if sram is not None and len(runs) > 1:
        together = sum(run.size_bytes for run in runs)
        sram = together if budgets.sram is None else min(sram, together)
    return Limits(
        sram,
        _memory("flash", budgets.flash, None if device is None else _weight_memory(device, runtime), runtime.reserve.flash),
        budgets.bitops,
        budgets.macs,
        min(layers, default=None),
        _cycles(budgets, device, runtime),
        _picojoules(budgets, runtime),
    )


def runs_of(budgets: Budgets, device: Device | None, runtime: Runtime) -> tuple[Run, ...]:
    """Where buffers may lie, the runtime's reserve subtracted: the largest run of banks of the device, or all of them.

    The reserve is in the smallest run that holds it. Nothing where the study needs no device, because its budget is no more than a
    size: without a limit, and where it is more than the largest run has and the runtime uses no other.
    """
    if device is None or budgets.sram == "unlimited":
        return ()
    reserve, runs = runtime.reserve.sram, list(device.runs)
    if runtime.memory.banks == "largest":
        runs = [max(runs, key=lambda run: run.size_bytes)]
        if isinstance(budgets.sram, int) and budgets.sram > runs[0].size_bytes - reserve:
            return ()
    home = min((run for run in runs if run.size_bytes > reserve), key=lambda run: run.size_bytes, default=None)
    if home is None:
        return ()
    if reserve:
        runs[runs.index(home)] = Run(home.name, home.size_bytes - reserve)
    return tuple(run for run in runs if run.size_bytes)


def _weight_memory(device: Device, runtime: Runtime) -> int:
    """Bytes for weights: of the flash, or of the banks that hold nothing else."""
    if runtime.memory.weights == "flash":
        return device.flash_bytes
    if not device.weight_bytes:
        raise ValueError(
            f"the runtime {runtime.name!r} keeps weights in banks of their own, and the device {device.name!r} has none: "
            "a bank with `holds: [weights]` was expected"
        )
    return device.weight_bytes


def _cycles(budgets: Budgets, device: Device | None, runtime: Runtime) -> int | None:
    if budgets.latency_ms is None:
        return None
    if runtime.latency is None:
        raise ValueError(f"`latency_ms` needs an estimate, and the runtime {runtime.name!r} has no `latency`")
    if device is None:
        raise ValueError("`latency_ms` needs a `device`, whose clock turns cycles into time")
    return int(budgets.latency_ms * device.clock_mhz * 1000)


def _picojoules(budgets: Budgets, runtime: Runtime) -> int | None:
    if budgets.energy_uj is None:
        return None
    if runtime.energy is None:
        raise ValueError(f"`energy_uj` needs an estimate, and the runtime {runtime.name!r} has no `energy`")
    return int(budgets.energy_uj * 1e6)


def _memory(name: str, stated: str | int | None, device_bytes: int | None, reserve: int) -> int | None:
    if stated is not None:
        return None if isinstance(stated, str) else stated
    if device_bytes is None:
        raise ValueError(f"no {name} budget: state `budgets.{name}` (a size or `unlimited`) or a `device`")
    left = device_bytes - reserve
    if left <= 0:
        raise ValueError(f"the runtime reserves {reserve} B of {name}, the device has {device_bytes} B: nothing is left")
    return left
