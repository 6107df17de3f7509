"""Which rules of a study are no matter of single cells, and so left out of their tables."""

from __future__ import annotations

from qeopt.budgets import Kind, budget
from qeopt.qbr import Refiner


def left_out(refiner: Refiner) -> tuple[str, ...]:
    """Rules of the study that the bound relaxes."""
    runtime, limits = refiner.runtime, refiner.limits
    kernels = () if runtime.kernels == "any" else tuple(runtime.kernels.values())
    peaks = [record.key for record in map(budget, limits) if record.kind is Kind.PEAK and record.cost is not None]
    rules = {
        f"the most that any operator may cost: {', '.join(peaks)}": bool(peaks),
        "ties between the bits of a unit that has no shortcut": refiner.choices.tie == "unit",
        "scratch of other steps than the one that runs": bool(runtime.shared_pools),
        "memory that operators elsewhere hold for good": bool(runtime.memory.persistent),
        "addresses of buffers": runtime.lays_out and limits.sram_bytes is not None,
        "multiples that weights ask for, where no wider ones suit or gains do not grow with bits": any(
            kernel.weight_channel_multiple or kernel.columns for kernel in kernels
        ),
        "code of the kernels in use": bool(runtime.code or runtime.linked.by_kind or runtime.linked.by_bits)
        and limits.flash_bytes is not None,
    }
    return tuple(name for name, is_left_out in rules.items() if is_left_out)
