"""Our own exact engine: chains by dynamic programming, totals by prices and bounded labels. NumPy only.

Whatever touches no total that can bind is decided by itself. Prices bound the value of everything that competes for the totals, and
labels look through the window below that bound. When a window holds too much, what is left goes to another engine, and the outcome
says so.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qeopt_solvers import recount
from qeopt_solvers.allocation import AllocationProblem
from qeopt_solvers.chains.batch import Answers
from qeopt_solvers.chains.blocks import Block, blocks_of
from qeopt_solvers.chains.labels import Budget
from qeopt_solvers.chains.many import Knapsack, knapsack_of, solve_knapsacks
from qeopt_solvers.chains.numbers import Ints, Numbers, fold, numbers_of
from qeopt_solvers.chains.parts import split
from qeopt_solvers.chains.prices import SCALE, Pool, Sides, Steps, minimise, sides
from qeopt_solvers.chains.race import LABELS_PER_UNIT, Call, Race
from qeopt_solvers.chains.tables import best_path, planned
from qeopt_solvers.outcome import Certificate, Engine, Limits, Outcome, Status
from qeopt_solvers.project_links import project_links
from qeopt_solvers.traits import Traits

TRAITS = Traits(
    summary="our own: dynamic programming over neighbours and prices for totals; fastest where totals do not entangle everything",
    exact=True,
    tie_breaks=True,
    deterministic=True,
    hint=True,
    reduces=True,
    solve_many=True,
    accepts_fallback=True,
)

MOST_LABELS = 20_000
"""Labels kept after a step before the problem is handed on."""


def solve(problem: AllocationProblem, limits: Limits, fallback: Engine | None = None) -> Outcome:
    """Answer exactly, or through `fallback` where the problem is too entangled for this method."""
    ready = _prepared(problem, limits, fallback)
    return ready if isinstance(ready, Outcome) else _decide(*ready)


def solve_many(problems: Sequence[AllocationProblem], limits: Limits, fallback: Engine | None = None) -> tuple[Outcome, ...]:
    """Answer each as `solve` does, those of which a knapsack is left together; of answers equal in everything, maybe another one.

    Limits in seconds and hints are for one problem: with either, problems are answered one by one.
    """
    alone = limits.seconds is not None or limits.hint is not None
    outcomes: list[Outcome] = []
    waiting: list[tuple[int, _Ready, _Left]] = []
    for number, problem in enumerate(problems):
        ready = _prepared(problem, limits, fallback)
        left = None if alone or isinstance(ready, Outcome) else _left(ready)
        if left is not None and not isinstance(ready, Outcome):
            waiting.append((number, ready, left))
        outcomes.append(ready if isinstance(ready, Outcome) else _UNDECIDED if left is not None else _decide(*ready))
    answers = solve_knapsacks([left.knapsack for _, _, left in waiting])
    for row, (number, ready, left) in enumerate(waiting):
        outcomes[number] = _decide(*ready) if answers.unanswered[row] else left.outcome(ready, answers, row)
    return tuple(outcomes)


_Ready = tuple[Call, tuple[int, ...], Numbers, Sequence[Block], Sequence[Steps]]
"""A problem read and split."""


def _prepared(problem: AllocationProblem, limits: Limits, fallback: Engine | None) -> Outcome | _Ready:
    """Read and split a problem, or answer it where that settles it."""
    problem = project_links(problem)
    until = None if limits.seconds is None else time.monotonic() + limits.seconds
    work = None if limits.deterministic is None else math.ceil(limits.deterministic * LABELS_PER_UNIT)
    call = Call(problem, limits, fallback, Budget(MOST_LABELS, until, work))
    parts = split(problem)
    if parts is None:
        return Outcome(Status.INFEASIBLE, "chain")
    numbers = numbers_of(problem, parts)
    if numbers is None:
        return call.handed_on("its numbers are too large for 64-bit tables")
    blocks = blocks_of(problem, parts, numbers)
    if not all(block.alive.any(axis=1).all() for block in blocks):
        return Outcome(Status.INFEASIBLE, "chain")
    chains = planned(problem, parts, numbers)
    if chains is None:
        return call.handed_on("too many neighbouring choices are entangled")
    return call, parts.totals, numbers, blocks, chains


_UNDECIDED = Outcome(Status.UNKNOWN, "chain")
"""Stands for the outcome of a problem that is answered together with others."""


@dataclass(frozen=True, slots=True)
class _Left:
    """What is settled of a problem, and the knapsack that is left."""

    settled: Ints
    knapsack: Knapsack

    def outcome(self, ready: _Ready, answers: Answers, row: int) -> Outcome:
        """Put both together."""
        if not answers.feasible[row]:
            return Outcome(Status.INFEASIBLE, "chain")
        problem, (total,) = ready[0].problem, ready[1]
        self.knapsack.put(self.settled, answers.options[row, : len(self.knapsack.gains)])
        picks = tuple(self.settled.tolist())
        value = recount.value(problem, picks)
        prices = [0] * len(problem.rows)
        prices[total] = round(float(answers.price[row]) * SCALE)
        bound = float(answers.bound[row]) + value - int(answers.value[row])
        certificate = Certificate(tuple(prices), SCALE, math.floor(bound + 1e-11 * abs(bound) + 1e-3))
        return Outcome(Status.OPTIMAL, "chain", picks, value, value, True, certificate)


def _left(ready: _Ready) -> _Left | None:
    """Settle what touches no total; None where more than a knapsack is left, or nothing."""
    _, _, numbers, blocks, chains = ready
    apart = sides(numbers, blocks, chains)
    knapsack = knapsack_of(numbers, apart)
    settled = None if knapsack is None else _settled(numbers, apart)
    return None if knapsack is None or settled is None else _Left(settled, knapsack)


def _settled(numbers: Numbers, apart: Sides) -> Ints | None:
    """Decide by itself what touches no total: an option per choice, -1 for what competes; None where nothing is allowed."""
    picks = np.full(len(numbers.gains), -1, dtype=np.int64)
    for block in apart.idle_blocks:
        block.put(picks, block.best(numbers.ties))
    levels = _levels(numbers, apart.idle_chains)
    for steps in apart.idle_chains:
        path = best_path(steps, levels)
        if path is None:
            return None
        picks[[step.choice for step in steps]] = path
    return picks


def _decide(call: Call, totals: tuple[int, ...], numbers: Numbers, blocks: Sequence[Block], chains: Sequence[Steps]) -> Outcome:
    """Decide by themselves what touches no total; let the others compete."""
    apart = sides(numbers, blocks, chains)
    picks = _settled(numbers, apart)
    if picks is None:
        return Outcome(Status.INFEASIBLE, "chain")
    if apart.blocks or apart.chains:
        return _compete(call, totals, numbers, apart, picks)
    answer = tuple(picks.tolist())
    value = recount.value(call.problem, answer)
    certificate = Certificate((0,) * len(call.problem.rows), 1, value)
    return Outcome(Status.OPTIMAL, "chain", answer, value, value, True, certificate)


def _levels(numbers: Numbers, chains: Sequence[Steps]) -> list[Ints]:
    """What chains are ranked by: one folded key where that fits 64 bits, else the gains and each tie-break in turn."""
    members = [step.choice for steps in chains for step in steps]
    levels = np.concatenate([numbers.gains[None, members], -numbers.ties[:, members]])
    folded = fold(levels) if chains else None
    if folded is None:
        return [numbers.gains, *(-tie for tie in numbers.ties)]
    keys = np.zeros_like(numbers.gains)
    keys[members] = folded
    return [keys]


def _compete(call: Call, totals: tuple[int, ...], numbers: Numbers, apart: Sides, settled: Ints) -> Outcome:
    """Let what touches a binding total compete for it."""
    members = np.flatnonzero(settled < 0)
    folded = fold(numbers.ties[:, members])
    if folded is None:
        return call.handed_on("its tie-breaks are too large for 64-bit tables")
    ties = np.zeros_like(numbers.gains)
    ties[members] = folded
    pool = Pool.of(numbers, ties, apart.blocks, apart.chains)
    if not pool.possible():
        return Outcome(Status.INFEASIBLE, "chain")
    dual = minimise(pool)
    if dual.infeasible:
        return Outcome(Status.INFEASIBLE, "chain")
    rest = sum([choice.gains[pick] for choice, pick in zip(call.problem.choices, settled.tolist(), strict=True) if pick >= 0])
    race = Race(call, totals, pool, dual, settled, rest)
    busy = np.flatnonzero(dual.best.prices).tolist()
    simpler = _without_idle_totals(race, busy) if 0 < len(busy) < len(totals) else None
    return race.outcome() if simpler is None else simpler


def _without_idle_totals(race: Race, busy: list[int]) -> Outcome | None:
    """Lift the totals that have no price: an optimum that keeps them all the same is the optimum, and far easier to find."""
    fewer = replace(
        race,
        call=replace(race.call, fallback=None),
        totals=tuple(race.totals[number] for number in busy),
        pool=race.pool.of_totals(busy),
        dual=race.dual.of_totals(busy),
    )
    outcome = fewer.outcome()
    if outcome.status is Status.INFEASIBLE:
        return outcome
    if outcome.status is not Status.OPTIMAL or outcome.picks is None or recount.violations(race.call.problem, outcome.picks):
        return None
    return outcome
