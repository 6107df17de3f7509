"""Which budgets hold a design back, and what lifting them would buy."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qeopt.memory import Limits
from qeopt.report.counted import Counted
from qeopt.solve import PROVER

FULL = 0.99
"""A budget used to this share is called full: next to nothing fits any more."""
LEAST_GAIN = 1e-6
"""Nats; gains are integers of this unit, so anything less is rounding."""


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One quantity, its budget, and whether the budget holds the design back."""

    name: str
    unit: str
    used: float
    limit: int | None
    gain_without: float | None
    """Nats that other bits would add if this budget were lifted; None where bits do not touch it or nothing was proven."""

    @property
    def share(self) -> float | None:
        """Used over limit."""
        return None if self.limit is None else self.used / self.limit

    @property
    def is_full(self) -> bool:
        """Whether it is as good as used up."""
        return self.share is not None and self.share >= FULL

    @property
    def binds(self) -> bool:
        """Whether it holds the bits back, or is full."""
        return bool(self.gain_without) or self.is_full


def budget_rows(counted: Counted) -> tuple[BudgetRow, ...]:
    """Set every quantity against its budget; lifting one budget at a time shows which hold the bits back."""
    used, limits = counted.resources, counted.study.limits
    best = _best(counted, limits)
    return (
        BudgetRow("sram", "B", used.sram_bytes, limits.sram_bytes, _gain(counted, best, replace(limits, sram_bytes=None))),
        BudgetRow("flash", "B", used.flash_bytes, limits.flash_bytes, _gain(counted, best, replace(limits, flash_bytes=None))),
        BudgetRow("bitops", "", used.bitops, limits.bitops, _gain(counted, best, replace(limits, bitops=None))),
        BudgetRow("macs", "", used.macs, limits.macs, None),
        BudgetRow("layers", "", used.layers, limits.layers, None),
    )


def _best(counted: Counted, limits: Limits) -> float | None:
    return replace(counted.study.refiner, limits=limits).refine(counted.network, PROVER).score


def _gain(counted: Counted, best: float | None, lifted: Limits) -> float | None:
    if lifted == counted.study.limits or best is None:
        return None
    score = _best(counted, lifted)
    if score is None:
        return None
    return score - best if score - best >= LEAST_GAIN else 0.0


def mac_rate(counted: Counted) -> str | None:
    """Warn where one inference has more multiply-accumulates than the core can finish in a second."""
    device = counted.study.device
    ceiling = None if device is None else device.macs_per_second
    if device is None or ceiling is None or counted.resources.macs <= ceiling:
        return None
    return (
        f"{counted.resources.macs:,} MACs an inference, but {device.name} finishes at most {ceiling:,} a second "
        f"({device.macs_per_cycle:g} a cycle at {device.clock_mhz:g} MHz): "
        f"an inference takes {counted.resources.macs / ceiling:.1f} s at the very least; `budgets.macs` limits them"
    )
