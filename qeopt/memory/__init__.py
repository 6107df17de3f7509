"""Steps, live sets, and the resources a network uses at given bits."""

from qeopt.memory.budgets import Budgets, BudgetUse, Limits, limits_of, runs_of
from qeopt.memory.preference import MemoryPreference
from qeopt.memory.resources import Resources, StepUse, count
from qeopt.memory.steps import Held, Step, steps

__all__ = [
    "BudgetUse",
    "Budgets",
    "Held",
    "Limits",
    "MemoryPreference",
    "Resources",
    "Step",
    "StepUse",
    "count",
    "limits_of",
    "runs_of",
    "steps",
]
