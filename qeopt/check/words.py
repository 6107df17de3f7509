"""How budgets and changes of them are said: in the words and units of the study."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qeopt.infeasibility.network import MEMORIES, Total, stated
from qeopt.qbr.reasons import Shortage
from qeopt.spec.units import format_bytes
from qeopt.study import Study

KEYS = {"cycles": "latency_ms", "picojoules": "energy_uj"}
"""Budgets that a study states in another unit than they are counted in."""
NOUNS = {
    "sram": " of SRAM",
    "flash": " of flash",
    "bitops": " bit operations",
    "macs": " MACs",
    "layers": " layers",
    "cycles": "",
    "picojoules": "",
}
"""What an amount of each budget is of."""
DIGITS = 4
"""Significant digits of a time or an energy that would be enough; it is rounded up."""


def title(name: str) -> str:
    """A budget as a study calls it."""
    return KEYS.get(name, name)


def listed(texts: Sequence[str]) -> str:
    """Texts in a row, as people say them."""
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def spell(study: Study, name: str, amount: int) -> str:
    """An amount of a budget, for people."""
    if name in MEMORIES:
        return format_bytes(amount)
    if name in KEYS:
        unit = "ms" if name == "cycles" else "uJ"
        return f"{_number(amount / _per_unit(study, name))} {unit} ({amount:,} {'cycles' if name == 'cycles' else 'pJ'})"
    return f"{amount:,}"


def quantity(study: Study, name: str, amount: int) -> str:
    """An amount and what it is of, for people."""
    return f"{spell(study, name, amount)}{NOUNS[name]}"


def setting(study: Study, name: str, amount: int) -> str:
    """What to write under `budgets` for an amount of a budget to be allowed."""
    if name in MEMORIES:
        return f"{amount} B"
    return _number(_enough(amount, _per_unit(study, name))) if name in KEYS else str(amount)


def key(study: Study, name: str) -> tuple[str, ...]:
    """Path of the value that a budget comes from: the study's own, or else the device or the runtime."""
    if getattr(study.budgets, title(name)) is None or runtime_caps(study, name):
        return ("device",) if name in MEMORIES else ("runtime",)
    return "budgets", title(name)


def runtime_caps(study: Study, name: str) -> bool:
    """Whether it is the runtime that limits a budget, whatever the study says."""
    return name == "layers" and study.runtime.max_layers is not None and stated(study.limits)["layers"] == study.runtime.max_layers


def allowed(study: Study, name: str) -> str:
    """How much of a budget there is, and where that comes from unless the study says so itself."""
    said = f"{spell(study, name, stated(study.limits)[name])} allowed"
    if runtime_caps(study, name):
        return f"{said} by the runtime {study.runtime.name!r}"
    if key(study, name) == ("device",) and study.device is not None:
        return f"{said} by the device {study.device.name!r}" + (" less the runtime's reserve" if _reserved(study, name) else "")
    return said


def say_shortage(study: Study, shortage: Shortage) -> str:
    """What a row that is over its limit by itself needs; a step with what is resident then."""
    if shortage.step is not None:
        return shortage.text
    # rows may count memory in bits
    needed = -(-shortage.needed // study.runtime.unit_per_byte) if shortage.kind in MEMORIES else shortage.needed
    said = f"{spell(study, shortage.kind, needed)} needed at the fewest legal bits, {allowed(study, shortage.kind)}"
    return f"{title(shortage.kind)} of the whole network: {said}"


def say_total(study: Study, total: Total) -> str:
    """What a total that is over its budget comes to."""
    return f"the network has {quantity(study, total.name, total.needed)} whatever its bits, {allowed(study, total.name)}"


def _reserved(study: Study, name: str) -> int:
    return study.runtime.reserve.sram if name == "sram" else study.runtime.reserve.flash


def _per_unit(study: Study, name: str) -> float:
    """Cycles in a millisecond, or picojoules in a microjoule."""
    return study.device.clock_mhz * 1e3 if name == "cycles" and study.device is not None else 1e6


def _enough(amount: int, per_unit: float) -> float:
    """The least number of a few digits that gives at least `amount` when it is turned back and rounded down."""
    value = amount / per_unit
    step = 10.0 ** (math.floor(math.log10(value)) - DIGITS + 1)
    steps = math.ceil(value / step)
    while int(float(_number(steps * step)) * per_unit) < amount:
        steps += 1
    return steps * step


def _number(value: float) -> str:
    """A number without more digits than are of use."""
    return f"{value:.{DIGITS}g}" if 1e-4 <= abs(value) < 10**DIGITS else f"{value:.{DIGITS + 2}g}"
