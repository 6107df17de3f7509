"""What an answer costs and whether it is allowed, counted without any solver. This is the definition of correct."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qeopt_solvers.allocation import AllocationProblem, Row, Scope, TieBreak
from qeopt_solvers.outcome import Certificate


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
    return sum([choice.gains[pick] for choice, pick in zip(problem.choices, picks, strict=True)])


def usage(problem: AllocationProblem, row: Row, picks: Sequence[int]) -> int | None:
    """Sum what `picks` use of `row`, its fixed part included; None when a linked combination it prices is not allowed."""
    total = row.fixed + sum([term.costs[picks[term.choice]] for term in row.terms])
    for term in row.link_terms:
        link = problem.links[term.link]
        combination = tuple([picks[index] for index in link.choices])
        if combination not in link.allowed:
            return None
        total += term.costs[link.allowed.index(combination)]
    return total


def tie_value(tie_break: TieBreak, picks: Sequence[int]) -> int:
    """Sum what `picks` cost in a tie-break."""
    return sum([term.costs[picks[term.choice]] for term in tie_break.terms])


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


MOST_STATES = 300_000
"""Combinations of open choices that `priced_bound` keeps at once."""


def priced_bound(problem: AllocationProblem, certificate: Certificate) -> int | None:
    """Evaluate what the prices of a certificate prove: no answer has a higher value than this.

    A priced row is traded for its price; unpriced local rows and all links are kept, by one pass over the choices in order that
    remembers the best worth for every combination of the choices still open. No solver is involved.

    Returns:
        The bound; None when the local rows and links alone already admit no answer.

    Raises:
        ValueError: for a negative price, prices that do not match the rows, or a problem whose choices are too entangled.
    """
    prices, scale = certificate.prices, certificate.scale
    if len(prices) != len(problem.rows) or min(prices, default=0) < 0 or scale <= 0:
        raise ValueError("a certificate needs one price >= 0 per row and a scale > 0")
    worth = [[scale * gain for gain in choice.gains] for choice in problem.choices]
    linked = [dict.fromkeys(link.allowed, 0) for link in problem.links]
    constant = 0
    for price, row in zip(prices, problem.rows, strict=True):
        constant += price * (row.limit - row.fixed)
        for term in row.terms:
            worth[term.choice] = [old - price * cost for old, cost in zip(worth[term.choice], term.costs, strict=True)]
        for link_term in row.link_terms:
            for picks, cost in zip(problem.links[link_term.link].allowed, link_term.costs, strict=True):
                linked[link_term.link][picks] -= price * cost
    kept = [row for price, row in zip(prices, problem.rows, strict=True) if price == 0 and row.scope is Scope.LOCAL]
    best = _best_worth(problem, worth, linked, kept)
    return None if best is None else (best + constant) // scale


def _best_worth(
    problem: AllocationProblem, worth: list[list[int]], linked: list[dict[tuple[int, ...], int]], rows: list[Row]
) -> int | None:
    members = [_members(problem, row) for row in rows]
    last = list(range(len(problem.choices)))
    for group in (*members, *(link.choices for link in problem.links)):
        for choice in group:
            last[choice] = max(last[choice], *group)
    states: dict[tuple[int, ...], int] = {(): 0}
    open_choices: list[int] = []
    for choice in range(len(problem.choices)):
        rows_here = [row for row, group in zip(rows, members, strict=True) if max(group, default=-1) == choice]
        links_here = [index for index, link in enumerate(problem.links) if max(link.choices) == choice]
        known = [*open_choices, choice]
        stays = [last[index] > choice for index in known]
        reached: dict[tuple[int, ...], int] = {}
        for state, value in states.items():
            for option, own in enumerate(worth[choice]):
                picks = dict(zip(known, (*state, option), strict=True))
                tuples = [tuple(picks[index] for index in problem.links[link].choices) for link in links_here]
                if any(combination not in linked[link] for link, combination in zip(links_here, tuples, strict=True)):
                    continue
                if any(not _holds(problem, row, picks) for row in rows_here):
                    continue
                total = value + own + sum(linked[link][combination] for link, combination in zip(links_here, tuples, strict=True))
                rest = tuple(pick for pick, keep in zip((*state, option), stays, strict=True) if keep)
                reached[rest] = max(total, reached.get(rest, total))
        if len(reached) > MOST_STATES:
            raise ValueError("the choices of this problem are too entangled to check a certificate by one pass")
        states = reached
        open_choices = [index for index, keep in zip(known, stays, strict=True) if keep]
    return states.get(())


def _members(problem: AllocationProblem, row: Row) -> tuple[int, ...]:
    linked = (choice for term in row.link_terms for choice in problem.links[term.link].choices)
    return tuple({*(term.choice for term in row.terms), *linked})


def _holds(problem: AllocationProblem, row: Row, picks: dict[int, int]) -> bool:
    used = row.fixed + sum(term.costs[picks[term.choice]] for term in row.terms)
    for term in row.link_terms:
        link = problem.links[term.link]
        combination = tuple(picks[index] for index in link.choices)
        if combination not in link.allowed:
            return False
        used += term.costs[link.allowed.index(combination)]
    return used <= row.limit
