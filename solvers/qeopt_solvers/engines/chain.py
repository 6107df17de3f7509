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
from qeopt_solvers.chains.improve import improved
from qeopt_solvers.chains.labels import Budget, Complete, Exhausted, TooManyLabels, search
from qeopt_solvers.chains.many import Knapsack, knapsack_of, solve_knapsacks
from qeopt_solvers.chains.numbers import Ints, Numbers, fold, numbers_of
from qeopt_solvers.chains.parts import split
from qeopt_solvers.chains.prices import SCALE, Dual, Pool, Sides, Steps, minimise, sides
from qeopt_solvers.chains.tables import best_path, planned
from qeopt_solvers.outcome import Certificate, Engine, Limits, Outcome, Status
from qeopt_solvers.reduce import reduce
from qeopt_solvers.slim import slim_links
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
FIRST_SHARE = 1 / 8
"""The first window, as a share of the distance between the bound and the best answer known: a better answer found there makes the
last window smaller."""
FREE = 10
"""With so few columns left within the whole distance there is no need to look at less first."""
LABELS_PER_UNIT = 1_000_000
"""Labels made per unit of `Limits.deterministic`: very roughly those of a second."""
WIDEN = 8
"""How much wider each further window is."""


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


_Ready = tuple["_Call", tuple[int, ...], Numbers, Sequence[Block], Sequence[Steps]]
"""A problem read and split."""


def _prepared(problem: AllocationProblem, limits: Limits, fallback: Engine | None) -> Outcome | _Ready:
    """Read and split a problem, or answer it where that settles it."""
    problem = slim_links(problem)
    until = None if limits.seconds is None else time.monotonic() + limits.seconds
    work = None if limits.deterministic is None else math.ceil(limits.deterministic * LABELS_PER_UNIT)
    call = _Call(problem, limits, fallback, Budget(MOST_LABELS, until, work))
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


def _decide(call: _Call, totals: tuple[int, ...], numbers: Numbers, blocks: Sequence[Block], chains: Sequence[Steps]) -> Outcome:
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


def _compete(call: _Call, totals: tuple[int, ...], numbers: Numbers, apart: Sides, settled: Ints) -> Outcome:
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
    race = _Race(call, totals, pool, dual, settled, rest)
    busy = np.flatnonzero(dual.best.prices).tolist()
    simpler = _without_idle_totals(race, busy) if 0 < len(busy) < len(totals) else None
    return race.outcome() if simpler is None else simpler


def _without_idle_totals(race: _Race, busy: list[int]) -> Outcome | None:
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


@dataclass(frozen=True, slots=True)
class _Call:
    """What the caller asked for."""

    problem: AllocationProblem
    limits: Limits
    fallback: Engine | None
    budget: Budget

    def handed_on(self, reason: str, stopped: Outcome | None = None) -> Outcome:
        """Let the fallback answer the reduced problem; without one, give what there is."""
        if self.fallback is None:
            return replace(stopped or Outcome(Status.UNKNOWN, "chain"), note=f"not finished: {reason}")
        limits, until = self.limits, self.budget.until
        reduced = reduce(self.problem, until)
        if reduced is None:
            return Outcome(Status.INFEASIBLE, "chain")
        hint = limits.hint if stopped is None or stopped.picks is None else stopped.picks
        spent = self.budget.spent / LABELS_PER_UNIT
        limits = replace(
            limits,
            hint=None if hint is None else reduced.lower(hint),
            seconds=None if until is None else max(0.0, until - time.monotonic()),
            deterministic=None if limits.deterministic is None else max(0.0, limits.deterministic - spent),
        )
        outcome = self.fallback(reduced.problem, limits)
        picks = None if outcome.picks is None else reduced.lift(outcome.picks)
        note = "; ".join(part for part in (f"reduced problem solved by {outcome.engine}: {reason}", outcome.note) if part)
        certificate = None if stopped is None else stopped.certificate
        outcome = replace(outcome, engine="chain", picks=picks, certificate=certificate, note=note)
        return outcome if stopped is None else self._better(outcome, stopped)

    def _better(self, outcome: Outcome, stopped: Outcome) -> Outcome:
        """What the fallback answered, unless it was stopped as well with a lesser answer than was known before."""
        if stopped.picks is None or outcome.status in {Status.OPTIMAL, Status.INFEASIBLE}:
            return outcome
        if outcome.picks is not None and recount.key(self.problem, outcome.picks) >= recount.key(self.problem, stopped.picks):
            return outcome
        bounds = [bound for bound in (outcome.bound, stopped.bound) if bound is not None]
        return replace(stopped, bound=min(bounds), deterministic_time=outcome.deterministic_time, note=outcome.note)


@dataclass(frozen=True, slots=True)
class _Race:
    """What competes for the totals, and what is settled already."""

    call: _Call
    totals: tuple[int, ...]
    pool: Pool
    dual: Dual
    settled: Ints
    rest: int
    """Value of everything that does not compete."""

    def outcome(self) -> Outcome:
        """Look through wider and wider windows."""
        incumbent = self._incumbent()
        bound = self.dual.best.bound
        window = 1e-6 * abs(bound) + 1
        if incumbent is not None:
            distance = self._distance(incumbent)
            few = not self.pool.chains and self.dual.best.freedom(distance) <= FREE
            window = distance if few else distance * FIRST_SHARE
        try:
            while True:
                found = search(self.pool, self.dual.best, window, self.call.budget)
                if found is not None and found.value >= bound - window:
                    return self._optimal(found)
                everything = bound - self.pool.extremes()[1] + 1
                if window > everything:
                    return Outcome(Status.INFEASIBLE, "chain")
                incumbent = self._better(incumbent, found)
                most = everything + 1 if incumbent is None else self._distance(incumbent)
                window = min(most, window * WIDEN + 1)
        except TooManyLabels:
            return self.call.handed_on("the totals entangle too much", self._stopped(incumbent))
        except Exhausted:
            return replace(self._stopped(incumbent), note="stopped by its limits")

    def _distance(self, incumbent: tuple[int, ...]) -> float:
        """How far an answer is below the bound: no window need be wider."""
        return self.dual.best.bound - (recount.value(self.call.problem, incumbent) - self.rest) + 0.5

    def _better(self, incumbent: tuple[int, ...] | None, found: Complete | None) -> tuple[int, ...] | None:
        if found is None:
            return incumbent
        return self._best((incumbent, self._picks(found.columns, found.chained)))

    def _best(self, known: Sequence[tuple[int, ...] | None]) -> tuple[int, ...] | None:
        some = [picks for picks in known if picks is not None]
        if len(some) < 2:
            return some[0] if some else None
        return max(some, key=lambda picks: recount.key(self.call.problem, picks))

    def _incumbent(self) -> tuple[int, ...] | None:
        """The best feasible answer known before the search."""
        hint, met = self.call.limits.hint, None
        feasible = self.dual.feasible(self.pool.numbers.budgets)
        if feasible is not None:
            _, columns = improved(self.pool, feasible, self.dual.best)
            met = self._picks(columns, feasible.chained(self.pool))
        if hint is not None and recount.violations(self.call.problem, hint):
            hint = None
        return self._best((met, hint))

    def _picks(self, columns: Ints, chained: Sequence[tuple[int, int]]) -> tuple[int, ...]:
        picks = self.settled.copy()
        self.pool.items.put(picks, columns)
        for choice, option in chained:
            picks[choice] = option
        return tuple(picks.tolist())

    def _stopped(self, incumbent: tuple[int, ...] | None) -> Outcome:
        certificate = self._certificate()
        if incumbent is None:
            return Outcome(Status.UNKNOWN, "chain", None, None, certificate.bound, False, certificate, self._work())
        value = recount.value(self.call.problem, incumbent)
        bound = max(value, certificate.bound)
        return Outcome(Status.FEASIBLE, "chain", incumbent, value, bound, False, certificate, self._work())

    def _optimal(self, found: Complete) -> Outcome:
        value, picks = found.value + self.rest, self._picks(found.columns, found.chained)
        return Outcome(Status.OPTIMAL, "chain", picks, value, value, True, self._certificate(), self._work())

    def _work(self) -> float:
        return self.call.budget.spent / LABELS_PER_UNIT

    def _certificate(self) -> Certificate:
        prices = [0] * len(self.call.problem.rows)
        for index, price in zip(self.totals, self.dual.best.prices.tolist(), strict=True):
            prices[index] = round(price * SCALE)
        bound = self.dual.best.bound
        return Certificate(tuple(prices), SCALE, self.rest + math.floor(bound + 1e-11 * abs(bound) + 1e-3))
