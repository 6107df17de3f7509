"""The recipe every caller uses: choose an engine by name, solve, and believe nothing that was not counted again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from qeopt_solvers import recount, table
from qeopt_solvers.allocation import AllocationProblem
from qeopt_solvers.outcome import Limits, Outcome, Status
from qeopt_solvers.reduce import Reduced, reduce

FALLBACK = "cp_sat"
"""Takes over from engines that accept a fallback."""


def solve(problem: AllocationProblem, engine: str = "cp_sat", limits: Limits | None = None) -> Outcome:
    """Answer `problem` with the engine called `engine`.

    An exact engine gets the problem reduced, unless it does that itself. A heuristic gets it as it is: its answers would otherwise
    owe their quality to the prices that the reduction works with.

    Raises:
        EngineError: when the engine is unknown or its package is missing.
    """
    limits = limits or Limits()
    run, traits = table.load(engine), table.traits(engine)
    if traits.accepts_fallback:
        run = partial(cast("Callable[..., Outcome]", run), fallback=_fall_back)
    if traits.reduces or not traits.exact:
        return checked(problem, run(problem, limits))
    until = None if limits.seconds is None else time.monotonic() + limits.seconds
    reduced = reduce(problem, until)
    if reduced is None:
        return Outcome(Status.INFEASIBLE, engine, note="a row or link cannot hold whatever is picked")
    hint = None if limits.hint is None else reduced.lower(limits.hint)
    seconds = None if until is None else max(0.0, until - time.monotonic())
    outcome = run(reduced.problem, replace(limits, hint=hint, seconds=seconds))
    return checked(problem, lifted(reduced, outcome))


def solve_many(problems: Sequence[AllocationProblem], engine: str = "cp_sat", limits: Limits | None = None) -> tuple[Outcome, ...]:
    """Answer several problems, `limits` holding for each: at once where the engine can, else one after the other.

    Raises:
        EngineError: when the engine is unknown or its package is missing.
    """
    traits = table.traits(engine)
    if not traits.solve_many:
        return tuple(solve(problem, engine, limits) for problem in problems)
    run = table.engine_module(engine).solve_many
    if traits.accepts_fallback:
        run = partial(run, fallback=_fall_back)
    outcomes = run(problems, limits or Limits())
    return tuple(checked(problem, outcome) for problem, outcome in zip(problems, outcomes, strict=True))


def _fall_back(problem: AllocationProblem, limits: Limits) -> Outcome:
    """Run the engine that takes over what another cannot finish; it is imported only when that happens."""
    return table.load(FALLBACK)(problem, limits)


def lifted(reduced: Reduced, outcome: Outcome) -> Outcome:
    """Translate the answer to a reduced problem into one to the original; prices belong to rows that are gone."""
    picks = None if outcome.picks is None else reduced.lift(outcome.picks)
    return replace(outcome, picks=picks, certificate=None)


def checked(problem: AllocationProblem, outcome: Outcome) -> Outcome:
    """Return `outcome` if its picks recount to what it claims, else an `UNKNOWN` outcome that says what was wrong."""
    fault = _fault(problem, outcome)
    if fault is None:
        return outcome
    note = f"{outcome.engine} answered {outcome.status} but {fault}; the answer was thrown away"
    return replace(
        outcome, status=Status.UNKNOWN, picks=None, value=None, bound=None, ties_proven=False, certificate=None, note=note
    )


def _fault(problem: AllocationProblem, outcome: Outcome) -> str | None:
    claims_picks = outcome.status in {Status.OPTIMAL, Status.FEASIBLE}
    if claims_picks != outcome.has_picks:
        return "gave no picks" if claims_picks else "gave picks all the same"
    if outcome.picks is None:
        return None
    broken = recount.violations(problem, outcome.picks)
    if broken:
        return f"its picks break {', '.join(violation.name for violation in broken)}"
    return _miscount(problem, outcome, outcome.picks)


def _miscount(problem: AllocationProblem, outcome: Outcome, picks: Sequence[int]) -> str | None:
    counted = recount.value(problem, picks)
    if outcome.value != counted:
        return f"its value {outcome.value} recounts to {counted}"
    if outcome.bound is not None and outcome.bound < counted:
        return f"its bound {outcome.bound} is below its value {counted}"
    if outcome.status is Status.OPTIMAL and outcome.bound != counted:
        return f"its bound {outcome.bound} does not meet its value {counted}"
    return None
