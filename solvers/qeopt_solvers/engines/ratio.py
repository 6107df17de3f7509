"""Start from the most gain and give up the least of it per overuse removed; then use what is left over."""

from __future__ import annotations

from qeopt_solvers.allocation import AllocationProblem
from qeopt_solvers.outcome import Limits, Outcome
from qeopt_solvers.traits import Traits
from qeopt_solvers.walk import Change, Clock, Walk, fill, greedy_outcome, legal_start

TRAITS = Traits(summary="ratio greedy: least gain lost per overuse removed; fast, no proof", exact=False)


def solve(problem: AllocationProblem, limits: Limits) -> Outcome:
    """Answer greedily; `UNKNOWN` when no step removes the overuse that is left."""
    clock = Clock(limits)
    start = legal_start(problem, lambda choice, option: problem.choices[choice].gains[option])
    if start is None:
        return greedy_outcome("ratio", problem, None)
    walk = Walk(problem, start)
    while walk.broken_rows() and not clock.over():
        change = _best_step(walk)
        if change is None:
            break
        walk.apply(change)
    if not walk.broken_rows():
        fill(walk, range(len(problem.choices)), clock)
    return greedy_outcome("ratio", problem, walk)


def _best_step(walk: Walk) -> Change | None:
    """The change that loses least gain per overuse removed, overuse counted as a share of each row's limit."""
    broken = walk.broken_rows()
    touched = {choice for row in broken for choice in _members(walk, row)}
    best: tuple[float, Change] | None = None
    for choice in sorted(touched):
        for option in range(len(walk.problem.choices[choice].labels)):
            for change in walk.changes(choice, option) if option != walk.picks[choice] else ():
                removed = _removed(walk, change)
                if removed > 0:
                    ratio = -walk.gain(change) / removed
                    if best is None or ratio < best[0]:
                        best = (ratio, change)
    return None if best is None else best[1]


def _members(walk: Walk, row: int) -> set[int]:
    members = {term.choice for term in walk.problem.rows[row].terms}
    for term in walk.problem.rows[row].link_terms:
        members.update(walk.problem.links[term.link].choices)
    return members


def _removed(walk: Walk, change: Change) -> float:
    removed = 0.0
    for row, delta in walk.deltas(change).items():
        limit = walk.problem.rows[row].limit
        before = max(0, walk.used[row] - limit)
        after = max(0, walk.used[row] + delta - limit)
        removed += (before - after) / max(1, limit)
    return removed
