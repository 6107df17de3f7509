"""The memory-driven rule of Rusci et al., "Memory-Driven Mixed Low Precision Quantization" (arXiv 1905.13082), for comparison.

In every place that does not fit, halve the bits of the larger tensor; then halve the largest weights until all of them fit. The
rule looks at memory alone, never at the gains.
"""

from __future__ import annotations

from collections.abc import Iterable

from qeopt_solvers.allocation import AllocationProblem, Scope
from qeopt_solvers.outcome import Limits, Outcome
from qeopt_solvers.traits import Traits
from qeopt_solvers.walk import Clock, Walk, greedy_outcome, legal_start

TRAITS = Traits(summary="Rusci's rule: halve the largest tensor until everything fits; no proof", exact=False)


def solve(problem: AllocationProblem, limits: Limits) -> Outcome:
    """Answer by halving; `UNKNOWN` where halving cannot get within the rows."""
    clock = Clock(limits)
    start = legal_start(problem, lambda choice, option: problem.choices[choice].labels[option])
    if start is None:
        return greedy_outcome("rusci", problem, None)
    walk = Walk(problem, start)
    for scope in (Scope.LOCAL, Scope.TOTAL):
        for index, row in enumerate(problem.rows):
            if row.scope is scope:
                _halve_until_fits(walk, index, clock)
    return greedy_outcome("rusci", problem, walk)


def _halve_until_fits(walk: Walk, row: int, clock: Clock) -> None:
    members = [choice for choice in range(len(walk.problem.choices)) if row in walk.rows_of(choice)]
    stuck: set[int] = set()
    while walk.used[row] > walk.problem.rows[row].limit and not clock.over():
        able = [choice for choice in members if walk.picks[choice] > 0 and choice not in stuck]
        if not able:
            return
        largest = max(able, key=lambda choice: (walk.use(choice, row), -choice))
        if not _step(walk, largest, _lower_options(walk, largest)):
            stuck.add(largest)


def _lower_options(walk: Walk, choice: int) -> Iterable[int]:
    """The option of half the bits first, then those nearest to it."""
    labels = walk.problem.choices[choice].labels
    half = labels[walk.picks[choice]] / 2
    return sorted(range(walk.picks[choice]), key=lambda option: (abs(labels[option] - half), option))


def _step(walk: Walk, choice: int, options: Iterable[int]) -> bool:
    for option in options:
        change = next(filter(walk.descends, walk.changes(choice, option)), None)
        if change is not None:
            walk.apply(change)
            return True
    return False
