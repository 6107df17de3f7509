"""The budgets a design can be held to, as one table: every room asks a record what it needs to know and names no budget itself.

A budget from outside is a `Budget` under the entry point `qeopt.budgets`, named as studies spell it; see docs/add-a-budget.md.
"""

from qeopt.budgets.catalogue import TABLE, budget, load_budget, memories, structural, sums, table
from qeopt.budgets.energy import ENERGY
from qeopt.budgets.latency import LATENCY
from qeopt.budgets.memory import FLASH, SRAM
from qeopt.budgets.record import NO_WIDTHS, Budget, Given, Kind, Stated, Unit
from qeopt.budgets.work import BITOPS, LAYERS, MACS

__all__ = [
    "BITOPS",
    "ENERGY",
    "FLASH",
    "LATENCY",
    "LAYERS",
    "MACS",
    "NO_WIDTHS",
    "SRAM",
    "TABLE",
    "Budget",
    "Given",
    "Kind",
    "Stated",
    "Unit",
    "budget",
    "load_budget",
    "memories",
    "structural",
    "sums",
    "table",
]
