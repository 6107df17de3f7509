"""What an answer costs and whether it is allowed, counted without any solver. This is the definition of correct."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qeopt_solvers.allocation import AllocationProblem, Row, TieBreak


@dataclass(frozen=True, slots=True)
class Violation:
    """One row or link that an answer breaks."""

    name: str
    kind: str
    used: int
    limit: int
    unit: str


def value(problem: AllocationProblem, picks: Sequence[int]) -> int:
    """Sum the gains of `picks` (an option index per choice)."""
    return sum(choice.gains[pick] for choice, pick in zip(problem.choices, picks, strict=True))


def usage(problem: AllocationProblem, row: Row, picks: Sequence[int]) -> int | None:
    """Sum what `picks` use of `row`, its fixed part included; None when a linked combination it prices is not allowed."""
    total = row.fixed + sum(term.costs[picks[term.choice]] for term in row.terms)
    for term in row.link_terms:
        link = problem.links[term.link]
        combination = tuple(picks[index] for index in link.choices)
        if combination not in link.allowed:
            return None
        total += term.costs[link.allowed.index(combination)]
    return total


def tie_value(tie_break: TieBreak, picks: Sequence[int]) -> int:
    """Sum what `picks` cost in a tie-break."""
    return sum(term.costs[picks[term.choice]] for term in tie_break.terms)


def key(problem: AllocationProblem, picks: Sequence[int]) -> tuple[int, ...]:
    """Rank `picks` as the problem does: a greater key is a better answer (value first, then every tie-break negated)."""
    return (value(problem, picks), *(-tie_value(tie_break, picks) for tie_break in problem.tie_breaks))


def violations(problem: AllocationProblem, picks: Sequence[int]) -> tuple[Violation, ...]:
    """List every link and row that `picks` break; empty means the answer is feasible.

    Raises:
        ValueError: when `picks` is not one existing option per choice.
    """
    if len(picks) != len(problem.choices):
        raise ValueError(f"{len(picks)} picks for {len(problem.choices)} choices")
    for choice, pick in zip(problem.choices, picks, strict=True):
        if not 0 <= pick < len(choice.labels):
            raise ValueError(f"choice {choice.name!r} has no option {pick}")
    found = [
        Violation(link.name, "link", used=1, limit=0, unit="illegal combination")
        for link in problem.links
        if tuple(picks[index] for index in link.choices) not in link.allowed
    ]
    for row in problem.rows:
        used = usage(problem, row, picks)
        if used is not None and used > row.limit:
            found.append(Violation(row.name, row.kind, used, row.limit, row.unit))
    return tuple(found)
