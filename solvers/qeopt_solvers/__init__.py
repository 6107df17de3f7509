"""Exact and greedy engines for multiple-choice allocation under budgets. Knows no network and no YAML."""

from qeopt_solvers.allocation import AllocationProblem, Choice, Link, LinkTerm, Row, Scope, Term, TieBreak
from qeopt_solvers.outcome import Certificate, Engine, Limits, Outcome, Status

__all__ = [
    "AllocationProblem",
    "Certificate",
    "Choice",
    "Engine",
    "Limits",
    "Link",
    "LinkTerm",
    "Outcome",
    "Row",
    "Scope",
    "Status",
    "Term",
    "TieBreak",
]
