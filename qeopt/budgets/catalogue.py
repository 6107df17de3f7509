"""The table of budgets: every one by its key in studies, and those that packages add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from qeopt.budgets.record import Budget, Kind
from qeopt.hardware import Runtime
from qeopt.spec.errors import PluginError
from qeopt.spec.plugins import Table, installed_parts

TABLE = Table(
    "budgets",
    {
        "sram": "qeopt.budgets.memory:SRAM",
        "flash": "qeopt.budgets.memory:FLASH",
        "bitops": "qeopt.budgets.work:BITOPS",
        "macs": "qeopt.budgets.work:MACS",
        "layers": "qeopt.budgets.work:LAYERS",
        "latency_ms": "qeopt.budgets.latency:LATENCY",
        "energy_uj": "qeopt.budgets.energy:ENERGY",
    },
)
"""Every budget by its key under `budgets` of a study."""


def budget(name: str) -> Budget:
    """The budget that is counted as `name`."""
    return table()[name]


def table() -> Mapping[str, Budget]:
    """Every budget by the name under which it is counted; one that cannot be loaded is left out until a study states it."""
    return _table(installed_parts(f"qeopt.{TABLE.kind}"))


@cache
def _table(installed: tuple[tuple[str, str], ...]) -> Mapping[str, Budget]:
    found = {}
    for key in TABLE.names():
        try:
            record = load_budget(key)
        except PluginError:
            if key in TABLE.builtin:
                raise
            continue
        found[record.name] = record
    return found


def load_budget(key: str) -> Budget:
    """The record of the budget that studies call `key`.

    Raises:
        SpecError: there is none.
        PluginError: it cannot be imported, is no record, or takes another's name.
    """
    record = TABLE.load(key)
    if not isinstance(record, Budget) or record.key != key:
        raise PluginError(f"'{key}' of the {TABLE.kind} is not a qeopt.budgets.Budget with the key '{key}'")
    if key not in TABLE.builtin and any(record.name == TABLE.load(other).name for other in TABLE.builtin):
        raise PluginError(f"'{key}' of the {TABLE.kind} is counted as '{record.name}', which is the name of another budget")
    return record


def sums(names: Iterable[str]) -> tuple[Budget, ...]:
    """Those of some budgets that add up over operators, in the order of the table."""
    wanted = set(names)
    return tuple(found for name, found in table().items() if name in wanted and found.kind is Kind.SUM)


def structural(runtime: Runtime) -> tuple[Budget, ...]:
    """Budgets of totals that no bits change."""
    return tuple(found for found in table().values() if found.is_structural(runtime) and found.lacks(runtime) is None)


def memories() -> tuple[str, ...]:
    """Names of the budgets that are counted in bytes."""
    return tuple(name for name, found in table().items() if found.unit.is_memory)
