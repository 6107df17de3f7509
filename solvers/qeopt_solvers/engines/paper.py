"""Our reading of the refinement the QE-Score paper describes, for comparison: its rule was never published as code.

Activations come first: wherever memory at some step is short, the bits of what lives there are lowered together, level by level.
Weights follow: from the largest consumer downwards until the totals hold, then upwards again while room remains.
"""

from __future__ import annotations

from qeopt_solvers.allocation import AllocationProblem, Scope
from qeopt_solvers.outcome import Limits, Outcome
from qeopt_solvers.traits import Traits
from qeopt_solvers.walk import Clock, Walk, greedy_outcome, legal_start

TRAITS = Traits(summary="the paper's scaling rule as we read it: activations, then weights; no proof", exact=False)


def solve(problem: AllocationProblem, limits: Limits) -> Outcome:
    """Answer by scaling; `UNKNOWN` where scaling cannot get within the rows."""
    clock = Clock(limits)
    start = legal_start(problem, lambda choice, option: problem.choices[choice].labels[option])
    if start is None:
        return greedy_outcome("paper", problem, None)
    walk = Walk(problem, start)
    local = [index for index, row in enumerate(problem.rows) if row.scope is Scope.LOCAL]
    total = [index for index, row in enumerate(problem.rows) if row.scope is Scope.TOTAL]
    _scale_down(walk, local)
    lowered = _lower_largest(walk, total, clock)
    _raise_again(walk, lowered, clock)
    return greedy_outcome("paper", problem, walk)


def _scale_down(walk: Walk, rows: list[int]) -> None:
    """Cap the label of everything in rows that do not hold, one level at a time."""
    levels = sorted({label for choice in walk.problem.choices for label in choice.labels}, reverse=True)
    for level in levels:
        for row in rows:
            if walk.used[row] <= walk.problem.rows[row].limit:
                continue
            for term in walk.problem.rows[row].terms:
                labels = walk.problem.choices[term.choice].labels
                below = [option for option, label in enumerate(labels) if label <= level]
                if below and below[-1] < walk.picks[term.choice]:
                    _move(walk, term.choice, below[-1])


def _move(walk: Walk, choice: int, option: int) -> bool:
    change = next(filter(walk.descends, walk.changes(choice, option)), None)
    if change is not None:
        walk.apply(change)
    return change is not None


def _lower_largest(walk: Walk, rows: list[int], clock: Clock) -> list[int]:
    """Step the largest consumer of the first broken total down until all totals hold; return who was lowered."""
    lowered: list[int] = []
    for row in rows:
        members = [choice for choice in range(len(walk.problem.choices)) if row in walk.rows_of(choice)]
        stuck: set[int] = set()
        while walk.used[row] > walk.problem.rows[row].limit and not clock.over():
            able = [choice for choice in members if walk.picks[choice] > 0 and choice not in stuck]
            if not able:
                break
            largest = max(able, key=lambda choice: (walk.use(choice, row), -choice))
            if _move(walk, largest, walk.picks[largest] - 1):
                lowered.append(largest)
            else:
                stuck.add(largest)
    return sorted(set(lowered))


def _raise_again(walk: Walk, choices: list[int], clock: Clock) -> None:
    """Step choices up while that fits, the last ones of the network first: the paper gives late layers more weight."""
    moved = True
    while moved and not clock.over():
        moved = False
        for choice in reversed(choices):
            option = walk.picks[choice] + 1
            if option < len(walk.problem.choices[choice].labels):
                change = {choice: option}
                if walk.legal(change) and walk.fits(change):
                    walk.apply(change)
                    moved = True
