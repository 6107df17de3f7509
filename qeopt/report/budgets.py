"""Which budgets hold a design back, and what lifting them would buy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qeopt.budgets import MACS, Budget, table
from qeopt.hardware.crossings import crossings
from qeopt.report.counted import Counted
from qeopt.report.energy import tell_energy
from qeopt.report.time import tell_time
from qeopt.score import MICRO
from qeopt.study import Study
from qeopt_solvers.explain import Worth

FULL = 0.99
"""A budget used to this share is called full: next to nothing fits any more."""


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One quantity, its budget, and whether the budget holds the design back."""

    name: str
    unit: str
    used: float
    limit: int | None
    step: int | None = None
    """How much more of it was tried: one KiB of memory, a hundredth of anything else; None where bits do not touch it."""
    gain_of_step: float | None = None
    """Nats that these layers' bits score more with that much more; None where it was not proven."""
    gain_without: float | None = None
    """Nats that they score more without this budget."""
    least_step: float | None = None
    """The least more of it that scores anything, exactly; None where nothing does, or it was not proven."""
    gain_of_least: float | None = None
    """Nats that they score more with that much more."""
    used_without: float | None = None
    """What they would use of it without this budget; None where it was not proven."""
    reserved: int = 0
    """Bytes of the device that the limit leaves out: for start-up code, a stack and the application."""

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


def budget_rows(counted: Counted, worths: Sequence[Worth]) -> tuple[BudgetRow, ...]:
    """Set every quantity against its budget, and tell what more of each would buy these layers, where that is known."""
    used, limits = counted.resources, counted.study.limits
    rows = (
        BudgetRow(
            name,
            "B" if record.unit.is_memory else "",
            used.used.get(name, 0),
            limits.get(name),
            reserved=reserved_bytes(counted.study, record),
        )
        for name, record in table().items()
    )
    by_kind = {worth.kind: worth for worth in worths}
    return tuple(_valued(row, by_kind[row.name], counted) if row.name in by_kind else row for row in rows)


def reserved_bytes(study: Study, record: Budget) -> int:
    """What the runtime and the device keep for others; nothing where the study states a limit, or there is no device."""
    if study.device is None or record.given is None or study.budgets.stated(record.key) is not None:
        return 0
    return record.given.reserve(study.runtime) + study.device.reserved(record.name)


def _valued(row: BudgetRow, worth: Worth, counted: Counted) -> BudgetRow:
    per_unit = counted.study.runtime.unit_per_byte if row.unit == "B" else 1
    return replace(
        row,
        step=worth.step // per_unit,
        gain_of_step=_nats(worth.gain),
        gain_without=_nats(worth.unlimited_gain),
        least_step=None if worth.least is None else worth.least / per_unit,
        gain_of_least=_nats(worth.least_gain),
        used_without=None if worth.unlimited_use is None else worth.unlimited_use / per_unit,
    )


def _nats(gain: int | None) -> float | None:
    return None if gain is None else gain / MICRO


def estimates(counted: Counted) -> tuple[str, ...]:
    """Say what the runtime estimates of time and energy, and by whose word, and which operators it needs besides the network's."""
    runtime = counted.study.runtime
    found = []
    changes = crossings(runtime, counted.network)
    if changes:
        values = sum(int(change.tensor.elements) for change in changes)
        found.append(
            f"beside these operators: {len(changes)} tensors change between signed and unsigned values in place "
            f"({values:,} values an inference, no memory)"
        )
    found += tell_time(counted)
    found += tell_energy(counted)
    return tuple(found)


def mac_rate(counted: Counted) -> str | None:
    """Warn where one inference has more multiply-accumulates than the core can finish in a second."""
    device = counted.study.device
    ceiling = None if device is None else device.macs_per_second
    macs = counted.resources.used[MACS.name]
    if device is None or ceiling is None or macs <= ceiling:
        return None
    return (
        f"{macs:,} MACs an inference, but {device.name} finishes at most {ceiling:,} a second "
        f"({device.macs_per_cycle:g} a cycle at {device.clock_mhz:g} MHz): "
        f"an inference takes {macs / ceiling:.1f} s at the very least; `budgets.macs` limits them"
    )
