"""The race of what competes for the totals: wider and wider windows below the bound, until one holds the optimum.

When a window holds too much, what is left goes to another engine, and the outcome says so.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qeopt_solvers import recount
from qeopt_solvers.allocation import AllocationProblem
from qeopt_solvers.chains.improve import improved
from qeopt_solvers.chains.labels import Budget, Complete, Exhausted, TooManyLabels, search
from qeopt_solvers.chains.numbers import Ints
from qeopt_solvers.chains.prices import SCALE, Dual, Pool
from qeopt_solvers.outcome import Certificate, Engine, Limits, Outcome, Status
from qeopt_solvers.reduce import reduce

FIRST_SHARE = 1 / 8
"""The first window, as a share of the distance between the bound and the best answer known: a better answer found there makes the
last window smaller."""
FREE = 10
"""With so few columns left within the whole distance there is no need to look at less first."""
LABELS_PER_UNIT = 1_000_000
"""Labels made per unit of `Limits.deterministic`: very roughly those of a second."""
WIDEN = 8
"""How much wider each further window is."""


@dataclass(frozen=True, slots=True)
class Call:
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
class Race:
    """What competes for the totals, and what is settled already."""

    call: Call
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
