"""The same problem with other limits. A kind of row ("sram") is one budget, however many rows count it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qeopt_solvers.allocation import AllocationProblem


def kinds(problem: AllocationProblem) -> tuple[str, ...]:
    """List the kinds of rows, in the order of their first row."""
    return tuple(dict.fromkeys(row.kind for row in problem.rows))


def with_limits(problem: AllocationProblem, limits: Mapping[str, int]) -> AllocationProblem:
    """Set the limit of every row of the kinds named.

    Raises:
        ValueError: for a kind that the problem has no row of.
    """
    _check(problem, limits)
    rows = tuple(replace(row, limit=limits.get(row.kind, row.limit)) for row in problem.rows)
    return replace(problem, rows=rows)


def relaxed(problem: AllocationProblem, extra: Mapping[str, int]) -> AllocationProblem:
    """Add to the limit of every row of the kinds named.

    Raises:
        ValueError: for a kind that the problem has no row of.
    """
    _check(problem, extra)
    rows = tuple(replace(row, limit=row.limit + extra.get(row.kind, 0)) for row in problem.rows)
    return replace(problem, rows=rows)


def most_extra(problem: AllocationProblem, kind: str) -> int:
    """How much more of a kind would make all of its rows hold whatever is picked."""
    return max(0, *(row.most() - row.limit for row in problem.rows if row.kind == kind))


def _check(problem: AllocationProblem, named: Mapping[str, int]) -> None:
    unknown = sorted(set(named) - set(kinds(problem)))
    if unknown:
        raise ValueError(f"no row is of kind {', '.join(unknown)} (kinds: {', '.join(kinds(problem))})")
