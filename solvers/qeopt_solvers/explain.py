"""Why a problem has no answer, and what its budgets are worth when it has one. Everything said is proven by exact solves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from qeopt_solvers import recount
from qeopt_solvers.allocation import AllocationProblem, Row
from qeopt_solvers.budgets import kinds, most_extra, relaxed
from qeopt_solvers.outcome import Limits, Outcome, Status
from qeopt_solvers.solve import solve


@dataclass(frozen=True, slots=True)
class Relaxation:
    """The least by which some budgets must grow for an answer to exist."""

    extra: tuple[tuple[str, int], ...]
    """(kind, units more); where `suffices` is false, what was tried: so much that the kinds no longer bind."""
    suffices: bool
    outcome: Outcome | None
    """The best answer with exactly this much more; None where it does not suffice."""
    proven: bool
    """One step less was proven infeasible (or, where it does not suffice, all of it was)."""


@dataclass(frozen=True, slots=True)
class Infeasibility:
    """Why nothing fits."""

    singles: tuple[Relaxation, ...]
    """One per kind of row: relaxing this kind alone."""
    joint: Relaxation
    """Relaxing all kinds together, in steps of `weights`. If it does not suffice, the links contradict each other."""
    weights: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Worth:
    """What a kind of budget is worth around an answer."""

    kind: str
    unit: str
    slack: int
    """Units left in its tightest row."""
    tightest: tuple[str, ...]
    """The rows with that slack."""
    step: int
    """Units added in the re-solve."""
    gain: int | None
    """Value that the step buys; None if a solve was not finished."""
    unlimited_gain: int | None
    """Value that lifting this kind altogether buys: 0 means that the kind does not bind."""
    least: int | None = None
    """The fewest units more that buy anything; None where none do, or a solve was not finished."""
    least_gain: int | None = None
    """Value that these buy."""
    unlimited_use: int | None = None
    """Units that the answer needs where this kind is lifted altogether; None if that was not proven."""


def explain_infeasible(
    problem: AllocationProblem,
    *,
    engine: str = "cp_sat",
    limits: Limits | None = None,
    weights: Mapping[str, int] | None = None,
) -> Infeasibility:
    """Find the least relaxation of each kind of row alone, and of all together.

    Args:
        problem: A problem proven infeasible.
        engine: An exact engine.
        limits: Of every single solve.
        weights: Units per step and kind of the joint relaxation; by default a thousandth of each limit.

    Raises:
        EngineError: when the engine is unknown or its package is missing.
        ValueError: for a weight of a kind that the problem does not have.
    """
    shares = dict(weights) if weights is not None else _thousandths(problem)
    singles = tuple(least_relaxation(problem, {kind: 1}, engine=engine, limits=limits) for kind in kinds(problem))
    return Infeasibility(singles, least_relaxation(problem, shares, engine=engine, limits=limits), tuple(shares.items()))


def least_relaxation(
    problem: AllocationProblem, weights: Mapping[str, int], *, engine: str = "cp_sat", limits: Limits | None = None
) -> Relaxation:
    """Find how many steps of `weights` must be added to the limits for an answer to exist; none, where there is one already.

    Args:
        problem: The problem.
        weights: Units per step and kind.
        engine: An exact engine.
        limits: Of every single solve.

    Raises:
        EngineError: when the engine is unknown or its package is missing.
        ValueError: for a weight of a kind that the problem does not have.
    """
    most = max((-(-most_extra(problem, kind) // weight) for kind, weight in weights.items() if weight > 0), default=0)

    def at(count: int) -> Outcome:
        return solve(relaxed(problem, dict(_times(weights, count))), engine, limits or Limits())

    enough = at(most)
    if not enough.has_picks:
        return Relaxation(_times(weights, most), False, None, enough.status is Status.INFEASIBLE)
    low, high, proven = -1, most, True  # nothing fits with `low` steps, something with `high`
    while high - low > 1:
        middle = (low + high) // 2
        outcome = at(middle)
        if outcome.has_picks:
            high, enough = middle, outcome
        else:
            low = middle
            proven = outcome.status is Status.INFEASIBLE
    return Relaxation(_times(weights, high), True, enough, proven)


def explain_feasible(
    problem: AllocationProblem,
    outcome: Outcome,
    *,
    engine: str = "cp_sat",
    limits: Limits | None = None,
    steps: Mapping[str, int] | None = None,
) -> tuple[Worth, ...]:
    """Tell for every kind of row how tight it is and what more of it buys, by exact re-solves.

    Args:
        problem: The problem.
        outcome: Its optimal outcome.
        engine: An exact engine.
        limits: Of every single solve.
        steps: Units to add per kind; by default 1024 where the unit is B, else a hundredth of the limit.

    Raises:
        EngineError: when the engine is unknown or its package is missing.
        ValueError: when `outcome` has no picks, or for a step of a kind that the problem does not have.
    """
    if outcome.picks is None or outcome.value is None:
        raise ValueError("there is no answer to explain")
    more = _Buy(problem, outcome, engine, limits or Limits())
    found = []
    for kind in kinds(problem):
        rows = [row for row in problem.rows if row.kind == kind]
        left = {row.name: row.limit - (recount.usage(problem, row, outcome.picks) or 0) for row in rows}
        slack = min(left.values())
        step = (steps or {}).get(kind, 1024 if rows[0].unit == "B" else max(1, rows[0].limit // 100))
        tightest = tuple(name for name, units in left.items() if units == slack)
        stepped, unlimited = more.gain(kind, step), more.gain(kind, most_extra(problem, kind))
        first = more.first_gain(kind, step, stepped, unlimited)
        found.append(
            Worth(
                kind,
                rows[0].unit,
                slack,
                tightest,
                step,
                gain=stepped and stepped.value,
                unlimited_gain=unlimited and unlimited.value,
                least=first and first.extra,
                least_gain=first and first.value,
                unlimited_use=unlimited and unlimited.use,
            )
        )
    return tuple(found)


def _thousandths(problem: AllocationProblem) -> dict[str, int]:
    return {kind: max(1, max(row.limit for row in problem.rows if row.kind == kind) // 1000) for kind in kinds(problem)}


class _Gain(NamedTuple):
    """What more of a kind buys."""

    value: int
    """Above the value of the answer at the limits as they are."""
    extra: int
    """Units above the limits that the better answer uses: with these alone it is the best one, too."""
    use: int
    """Units in the fullest row of the kind."""


@dataclass(frozen=True, slots=True)
class _Buy:
    """Solves one problem with more of a kind than it allows, beside its answer."""

    problem: AllocationProblem
    base: Outcome
    engine: str
    limits: Limits

    def gain(self, kind: str, extra: int) -> _Gain | None:
        """What `extra` units buy; None unless both ends are proven."""
        limits = Limits(self.limits.seconds, self.limits.deterministic, hint=self.base.picks)
        outcome = solve(relaxed(self.problem, {kind: extra}), self.engine, limits)
        if outcome.status is not Status.OPTIMAL or self.base.status is not Status.OPTIMAL or outcome.picks is None:
            return None
        rows = [row for row in self.problem.rows if row.kind == kind]
        used = [recount.usage(self.problem, row, outcome.picks) or 0 for row in rows]
        above = max(units - row.limit for units, row in zip(used, rows, strict=True))
        return _Gain((outcome.value or 0) - (self.base.value or 0), max(0, above), max(used))

    def first_gain(self, kind: str, step: int, stepped: _Gain | None, unlimited: _Gain | None) -> _Gain | None:
        """The gain that takes the fewest units of a kind; None where none does, or a solve was not finished.

        The interval is halved; it ends at the units that the best answer found so far uses, and begins where any row can use more
        than at the last amount that bought nothing.
        """
        if unlimited is None or stepped is None or not unlimited.value:
            return None
        rows = [(row, granule) for row in self.problem.rows if row.kind == kind and (granule := row.granule())]
        low, least = (0, stepped) if stepped.value else (_idle(rows, step), unlimited)
        while least.extra - low > 1:
            middle = (low + least.extra) // 2
            found = self.gain(kind, middle)
            if found is None:
                return None
            if found.value:
                least = found
            else:
                low = _idle(rows, middle)
        return least


def _idle(rows: Sequence[tuple[Row, int]], extra: int) -> int:
    """The most units above the limits that allow no use which `extra` does not, of rows that can be kept and their granules."""
    return extra + min(granule - (row.limit + extra - row.least()) % granule for row, granule in rows) - 1


def _times(weights: Mapping[str, int], count: int) -> tuple[tuple[str, int], ...]:
    return tuple((kind, weight * count) for kind, weight in weights.items())
