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
from qeopt_solvers.chains.improve import improved
from qeopt_solvers.chains.labels import Budget, Complete, OutOfTime, TooManyLabels, search
from qeopt_solvers.chains.numbers import NEVER, Ints, Numbers, compose, numbers_of
from qeopt_solvers.chains.parts import Parts, split
from qeopt_solvers.chains.prices import SCALE, Dual, Pool, competitors, minimise
from qeopt_solvers.chains.tables import Step, best_path, steps_of
from qeopt_solvers.outcome import Certificate, Engine, Limits, Outcome, Status
from qeopt_solvers.reduce import reduce
from qeopt_solvers.slim import slim_links
from qeopt_solvers.traits import Traits

TRAITS = Traits(
    summary="our own: dynamic programming over neighbours and prices for totals; fastest where totals do not entangle everything",
    exact=True,
    tie_breaks=True,
    hint=True,
    reduces=True,
    accepts_fallback=True,
)

TIES_TOO_LARGE = "its tie-breaks are too large for 64-bit tables"
MOST_LABELS = 20_000
"""Labels kept after a step before the problem is handed on."""
FIRST_SHARE = 1 / 16
"""The first window, as a share of the distance between the bound and the best answer known: a better answer found there makes the
last window smaller. With one total and no chain the answer known is nearly always that good already."""
WIDEN = 8
"""How much wider each further window is."""


def solve(problem: AllocationProblem, limits: Limits, fallback: Engine | None = None) -> Outcome:
    """Answer exactly, or through `fallback` where the problem is too entangled for this method."""
    problem = slim_links(problem)
    call = _Call(problem, limits, fallback, None if limits.seconds is None else time.monotonic() + limits.seconds)
    parts = split(problem)
    if parts is None:
        return Outcome(Status.INFEASIBLE, "chain")
    numbers = numbers_of(problem, parts)
    if numbers is None:
        return call.handed_on("its numbers are too large for 64-bit tables")
    if not numbers.alive.any(axis=1).all():
        return Outcome(Status.INFEASIBLE, "chain")
    chains = [steps_of(problem, parts, chain, numbers.alive) for chain in parts.chains]
    planned = [steps for steps in chains if steps is not None]
    if len(planned) < len(chains):
        return call.handed_on("too many neighbouring choices are entangled")
    return _decide(call, parts, numbers, planned)


def _decide(call: _Call, parts: Parts, numbers: Numbers, chains: Sequence[tuple[Step, ...]]) -> Outcome:
    """Decide by themselves the loners and chains that touch no total; let the others compete."""
    loners, competing = competitors(parts, numbers, chains)
    picks = [-1] * len(numbers.gains)
    alone = sorted(set(parts.alone).difference(loners))
    keys = compose(numbers.gains[alone], numbers.ties[:, alone], alone=True)
    if keys is None:
        return call.handed_on(TIES_TOO_LARGE)
    for choice, option in zip(alone, np.where(numbers.alive[alone], keys, NEVER).argmax(axis=1).tolist(), strict=True):
        picks[choice] = option
    for steps in chains:
        if steps not in competing:
            path = best_path(steps, _levels(numbers, [step.choice for step in steps]))
            if path is None:
                return Outcome(Status.INFEASIBLE, "chain")
            for step, option in zip(steps, path, strict=True):
                picks[step.choice] = option
    if -1 in picks:
        return _compete(call, parts, numbers, loners, competing, picks)
    value = recount.value(call.problem, picks)
    certificate = Certificate((0,) * len(call.problem.rows), 1, value)
    return Outcome(Status.OPTIMAL, "chain", tuple(picks), value, value, True, certificate)


def _levels(numbers: Numbers, members: list[int]) -> list[Ints]:
    """What a chain is ranked by: one folded key where that fits 64 bits, else the gains and each tie-break in turn."""
    folded = compose(numbers.gains[members], numbers.ties[:, members])
    if folded is None:
        return [numbers.gains, *(-tie for tie in numbers.ties)]
    keys = np.zeros_like(numbers.gains)
    keys[members] = folded
    return [keys]


def _compete(
    call: _Call,
    parts: Parts,
    numbers: Numbers,
    loners: Sequence[int],
    chains: Sequence[tuple[Step, ...]],
    settled: list[int],
) -> Outcome:
    """Let what touches a binding total compete for it."""
    members = [*loners, *(step.choice for steps in chains for step in steps)]
    folded = compose(np.zeros_like(numbers.gains[members]), numbers.ties[:, members])
    if folded is None:
        return call.handed_on(TIES_TOO_LARGE)
    ties = np.zeros_like(numbers.gains)
    ties[members] = -folded
    pool = Pool.of(numbers, ties, loners, chains)
    if not pool.possible():
        return Outcome(Status.INFEASIBLE, "chain")
    dual = minimise(pool)
    if dual.infeasible:
        return Outcome(Status.INFEASIBLE, "chain")
    idle = [index for index, price in zip(parts.totals, dual.best.prices.tolist(), strict=True) if price == 0]
    if idle and len(idle) < len(parts.totals):
        simpler = _without_rows(call, idle)
        if simpler is not None:
            return simpler
    rest = sum(choice.gains[pick] for choice, pick in zip(call.problem.choices, settled, strict=True) if pick >= 0)
    return _Race(call, parts, pool, dual, settled, rest).outcome()


def _without_rows(call: _Call, idle: Sequence[int]) -> Outcome | None:
    """Lift the totals that have no price: an optimum that keeps them all the same is the optimum, and far easier to find."""
    rows = list(call.problem.rows)
    for index in idle:
        row = rows[index]
        most = row.fixed + sum(max(t.costs) for t in row.terms) + sum(max(t.costs) for t in row.link_terms)
        rows[index] = replace(row, limit=most)
    seconds = None if call.until is None else max(0.0, call.until - time.monotonic())
    outcome = solve(replace(call.problem, rows=tuple(rows)), replace(call.limits, seconds=seconds))
    if outcome.status is Status.INFEASIBLE:
        return outcome
    if outcome.status is not Status.OPTIMAL or outcome.picks is None or recount.violations(call.problem, outcome.picks):
        return None
    return outcome


@dataclass(frozen=True, slots=True)
class _Call:
    """What the caller asked for."""

    problem: AllocationProblem
    limits: Limits
    fallback: Engine | None
    until: float | None

    def handed_on(self, reason: str, stopped: Outcome | None = None) -> Outcome:
        """Let the fallback answer the reduced problem; without one, give what there is."""
        if self.fallback is None:
            return replace(stopped or Outcome(Status.UNKNOWN, "chain"), note=f"not finished: {reason}")
        reduced = reduce(self.problem)
        if reduced is None:
            return Outcome(Status.INFEASIBLE, "chain")
        hint = self.limits.hint if stopped is None or stopped.picks is None else stopped.picks
        limits = replace(
            self.limits,
            hint=None if hint is None else reduced.lower(hint),
            seconds=None if self.until is None else max(0.0, self.until - time.monotonic()),
        )
        outcome = self.fallback(reduced.problem, limits)
        picks = None if outcome.picks is None else reduced.lift(outcome.picks)
        note = "; ".join(part for part in (f"reduced problem solved by {outcome.engine}: {reason}", outcome.note) if part)
        certificate = None if stopped is None else stopped.certificate
        return replace(outcome, engine="chain", picks=picks, certificate=certificate, note=note)


@dataclass(frozen=True, slots=True)
class _Race:
    """What competes for the totals, and what is settled already."""

    call: _Call
    parts: Parts
    pool: Pool
    dual: Dual
    settled: list[int]
    rest: int
    """Value of everything that does not compete."""

    def outcome(self) -> Outcome:
        """Look through wider and wider windows."""
        incumbent = self._incumbent()
        bound = self.dual.best.bound
        everything = bound - self.pool.extremes()[1] + 1
        share = 1.0 if len(self.parts.totals) == 1 and not self.pool.chains else FIRST_SHARE
        window = 1e-6 * abs(bound) + 1 if incumbent is None else self._distance(incumbent) * share
        budget = Budget(MOST_LABELS, self.call.until)
        try:
            while True:
                found = search(self.pool, self.dual.best, window, budget)
                if found is not None and found.value >= bound - window:
                    return self._optimal(found)
                if window > everything:
                    return Outcome(Status.INFEASIBLE, "chain")
                incumbent = self._better(incumbent, found)
                most = everything + 1 if incumbent is None else self._distance(incumbent)
                window = min(most, window * WIDEN + 1)
        except TooManyLabels:
            return self.call.handed_on("the totals entangle too much", self._stopped(incumbent))
        except OutOfTime:
            return replace(self._stopped(incumbent), note="stopped by its limits")

    def _distance(self, incumbent: tuple[int, ...]) -> float:
        """How far an answer is below the bound: no window need be wider."""
        return self.dual.best.bound - (recount.value(self.call.problem, incumbent) - self.rest) + 0.5

    def _better(self, incumbent: tuple[int, ...] | None, found: Complete | None) -> tuple[int, ...] | None:
        if found is None:
            return incumbent
        picks = self._picks(found.picks)
        return max(filter(None, (incumbent, picks)), key=lambda some: recount.key(self.call.problem, some))

    def _incumbent(self) -> tuple[int, ...] | None:
        """The best feasible answer known before the search."""
        problem, hint = self.call.problem, self.call.limits.hint
        known = []
        if self.dual.feasible is not None:
            _, columns = improved(self.pool, self.dual.feasible, self.dual.best)
            known.append(self._picks(replace(self.dual.feasible, columns=columns).picks(self.pool)))
        if hint is not None and not recount.violations(problem, hint):
            known.append(tuple(hint))
        return max(known, key=lambda picks: recount.key(problem, picks), default=None)

    def _picks(self, competing: Sequence[tuple[int, int]]) -> tuple[int, ...]:
        picks = list(self.settled)
        for choice, option in competing:
            picks[choice] = option
        return tuple(picks)

    def _stopped(self, incumbent: tuple[int, ...] | None) -> Outcome:
        certificate = self._certificate()
        if incumbent is None:
            return Outcome(Status.UNKNOWN, "chain", bound=certificate.bound, certificate=certificate)
        value = recount.value(self.call.problem, incumbent)
        return Outcome(Status.FEASIBLE, "chain", incumbent, value, max(value, certificate.bound), certificate=certificate)

    def _optimal(self, found: Complete) -> Outcome:
        value = found.value + self.rest
        return Outcome(Status.OPTIMAL, "chain", self._picks(found.picks), value, value, True, self._certificate())

    def _certificate(self) -> Certificate:
        prices = [0] * len(self.call.problem.rows)
        for index, price in zip(self.parts.totals, self.dual.best.prices.tolist(), strict=True):
            prices[index] = round(price * SCALE)
        bound = self.dual.best.bound
        return Certificate(tuple(prices), SCALE, self.rest + math.floor(bound + 1e-11 * abs(bound) + 1e-3))
