"""The totals that the relaxation pays for at a price: budgets that add up over operators, and memory held for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from qeopt.budgets import FLASH, NO_WIDTHS, Kind, budget
from qeopt.hardware.costs import persistent
from qeopt.hardware.linked import least_linked_flash
from qeopt.network import Dim, Op, OpKind
from qeopt.qbr import Refiner
from qeopt.relaxation.cells.overhead import ANY, Overhead
from qeopt.relaxation.cells.tables import Floats

HELD = "held"
"""Memory that operators hold for good: no budget, but a range of it is one (`qeopt.relaxation.cells.overhead`)."""


@dataclass(frozen=True)
class Total:
    """A sum over operators with a limit, in the unit in which tables count it."""

    name: str
    limit: int | None
    """None where it is only counted."""
    cost: Callable[[Op, Dim, Dim, Dim], Dim]
    """What an operator adds at (input, weight, output) bits."""
    widths: Mapping[OpKind, frozenset[str]]
    """By kind of operator: which widths its cost depends on."""

    @property
    def is_structural(self) -> bool:
        """Whether no width enters it."""
        return not any(self.widths.values())

    @property
    def is_priced(self) -> bool:
        """Whether a price of it can prove anything; where nothing at all may be used, tables see to it."""
        return bool(self.limit)


def totals_of(refiner: Refiner, overhead: Overhead = ANY, code: int | None = None) -> tuple[Total, ...]:
    """Every total of the terms, in the order in which tables hold them.

    Args:
        refiner: The terms under which bits are chosen.
        overhead: The designs that are meant, by what they hold beside their tensors.
        code: Flash that code takes in every network that is meant (`least_code`), in the runtime's unit; what any network links
            unless told.
    """
    runtime = refiner.runtime
    taken = {FLASH.name: least_linked_flash(runtime, ()) if code is None else code}
    found = [
        _of_budget(
            refiner, name, max(limit * (runtime.unit_per_byte if budget(name).unit.is_memory else 1) - taken.get(name, 0), 0)
        )
        for name, limit in refiner.limits.items()
        if budget(name).kind is Kind.SUM
    ]
    if runtime.memory.persistent:
        found.append(Total(HELD, overhead.at_most, lambda op, *_: persistent(runtime, op), dict.fromkeys(OpKind, NO_WIDTHS)))
    return tuple(found)


def _of_budget(refiner: Refiner, name: str, limit: int) -> Total:
    record, runtime = budget(name), refiner.runtime
    cost = record.cost
    if cost is None:
        raise ValueError(f"{name} is no sum over operators")
    return Total(name, limit, lambda op, *bits: cost(runtime, op, *bits), {kind: record.widths(runtime, kind) for kind in OpKind})


def vector(totals: tuple[Total, ...], prices: Mapping[str, float]) -> Floats:
    """(totals,) prices in the order of the totals; nothing for what has no price or no limit."""
    return np.array([prices.get(total.name, 0.0) if total.is_priced else 0.0 for total in totals])
