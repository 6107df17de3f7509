"""How budgets and changes of them are said: in the words and units of the study."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qeopt.budgets import budget
from qeopt.infeasibility.network import Total
from qeopt.memory.budgets import FPS
from qeopt.qbr.reasons import Shortage
from qeopt.spec.units import format_bytes
from qeopt.study import Study

DIGITS = 4
"""Significant digits of a time or an energy that would be enough; it is rounded up."""


def title(name: str) -> str:
    """A budget as a study calls it."""
    return budget(name).key


def listed(texts: Sequence[str]) -> str:
    """Texts in a row, as people say them."""
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def spell(study: Study, name: str, amount: int) -> str:
    """An amount of a budget, for people."""
    unit = budget(name).unit
    if unit.is_memory:
        return format_bytes(amount)
    if unit.is_converted:
        return f"{_number(amount / _per_unit(study, name))} {unit.symbol} ({amount:,} {unit.counted})"
    return f"{amount:,}"


def quantity(study: Study, name: str, amount: int) -> str:
    """An amount and what it is of, for people."""
    return f"{spell(study, name, amount)} {budget(name).noun}".rstrip()


def setting(study: Study, name: str, amount: int) -> str:
    """What to write under `budgets` for an amount of a budget to be allowed."""
    unit = budget(name).unit
    if unit.is_memory:
        return f"{amount} B"
    if not unit.is_converted:
        return str(amount)
    enough = _enough(amount, _per_unit(study, name))
    return _number(_rate(enough)) if study.budgets.spelled(title(name)) == FPS else _number(enough)


def key(study: Study, name: str) -> tuple[str, ...]:
    """Path of the value that a budget comes from: the study's own, or else the device or the runtime."""
    record = budget(name)
    if study.budgets.stated(record.key) is not None and not given_caps(study, name):
        return "budgets", study.budgets.spelled(record.key)
    return ("runtime",) if record.given is None else (record.given.by,)


def given_caps(study: Study, name: str) -> bool:
    """Whether it is the device or the runtime that limits a budget, whatever the study says."""
    given = budget(name).given
    return given is not None and given.always and given.limit(study.device, study.runtime) == study.limits[name]


def allowed(study: Study, name: str) -> str:
    """How much of a budget there is, and where that comes from unless the study says so itself."""
    said, record = f"{spell(study, name, study.limits[name])} allowed", budget(name)
    owner = {"device": study.device, "runtime": study.runtime}.get(key(study, name)[0])
    if owner is None or record.given is None:
        return said
    reserved = record.given.reserve(study.runtime)
    return f"{said} by the {record.given.by} {owner.name!r}" + (" less the runtime's reserve" if reserved else "")


def say_shortage(study: Study, shortage: Shortage) -> str:
    """What a row that is over its limit by itself needs; a step with what is resident then."""
    if shortage.step is not None:
        return shortage.text
    # rows may count memory in bits
    needed = -(-shortage.needed // study.runtime.unit_per_byte) if budget(shortage.kind).unit.is_memory else shortage.needed
    said = f"{spell(study, shortage.kind, needed)} needed at the fewest legal bits, {allowed(study, shortage.kind)}"
    return f"{title(shortage.kind)} of the whole network: {said}"


def say_total(study: Study, total: Total) -> str:
    """What a total that is over its budget comes to."""
    return f"the network has {quantity(study, total.name, total.needed)} whatever its bits, {allowed(study, total.name)}"


def _per_unit(study: Study, name: str) -> float:
    """Counted amounts in one that is stated: cycles in a millisecond."""
    return budget(name).unit.scale(study.device, study.runtime)


def _enough(amount: int, per_unit: float) -> float:
    """The least number of a few digits that gives at least `amount` when it is turned back and rounded down."""
    value = amount / per_unit
    step = 10.0 ** (math.floor(math.log10(value)) - DIGITS + 1)
    steps = math.ceil(value / step)
    while int(float(_number(steps * step)) * per_unit) < amount:
        steps += 1
    return steps * step


def _rate(milliseconds: float) -> float:
    """Inferences a second that leave at least this long for each, with a few digits, rounded down."""
    value = 1000 / milliseconds
    step = 10.0 ** (math.floor(math.log10(value)) - DIGITS + 1)
    return math.floor(value / step) * step


def _number(value: float) -> str:
    """A number without more digits than are of use."""
    return f"{value:.{DIGITS}g}" if 1e-4 <= abs(value) < 10**DIGITS else f"{value:.{DIGITS + 2}g}"
