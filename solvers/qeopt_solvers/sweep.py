"""Proven answers over a grid of budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeVar

from qeopt_solvers import recount
from qeopt_solvers.allocation import AllocationProblem
from qeopt_solvers.budgets import with_limits
from qeopt_solvers.outcome import Limits, Outcome, Status
from qeopt_solvers.solve import solve


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the grid."""

    limits: tuple[tuple[str, int], ...]
    """(kind, limit of every row of that kind)."""
    outcome: Outcome


Answer = TypeVar("Answer")


def over_grid(
    grid: Mapping[str, Sequence[int]], answer: Callable[[dict[str, int], Sequence[Answer]], Answer]
) -> Iterator[tuple[dict[str, int], Answer]]:
    """Answer every combination of the limits in `grid`, tighter ones first and the last kind varying fastest.

    Args:
        grid: Limits per kind.
        answer: Told the limits of a point and the answers of those one step tighter in one kind, all of which fit there too.

    Yields:
        The limits of a point and its answer, as soon as it is there.
    """
    axes = [sorted(set(values)) for values in grid.values()]
    answers: dict[tuple[int, ...], Answer] = {}
    for place in product(*(range(len(axis)) for axis in axes)):
        limits = {kind: axis[index] for kind, axis, index in zip(grid, axes, place, strict=True)}
        tighter = [answers[_before(place, axis)] for axis in range(len(place)) if place[axis] > 0]
        answers[place] = answer(limits, tighter)
        yield limits, answers[place]


def sweep(
    problem: AllocationProblem, grid: Mapping[str, Sequence[int]], *, engine: str = "cp_sat", limits: Limits | None = None
) -> tuple[Point, ...]:
    """Solve `problem` at every combination of the limits in `grid`, the last kind varying fastest.

    Each point starts from the best answer of the points with tighter limits, which fits there too, so values never fall as limits
    grow, even where a solve is stopped.

    Args:
        problem: The problem; the limits of kinds that `grid` does not name stay.
        grid: Limits per kind of row.
        engine: An exact engine.
        limits: Of every single solve.

    Raises:
        EngineError: when the engine is unknown or its package is missing.
        ValueError: for a kind that the problem has no row of.
    """

    def answer(budgets: dict[str, int], tighter: Sequence[Outcome]) -> Outcome:
        known = max((outcome for outcome in tighter if outcome.has_picks), key=lambda outcome: outcome.value or 0, default=None)
        there = with_limits(problem, budgets)
        outcome = solve(there, engine, replace(limits or Limits(), hint=None if known is None else known.picks))
        return _no_worse(there, outcome, known)

    return tuple(Point(tuple(budgets.items()), outcome) for budgets, outcome in over_grid(grid, answer))


def _before(place: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*place[:axis], place[axis] - 1, *place[axis + 1 :])


def _no_worse(problem: AllocationProblem, outcome: Outcome, known: Outcome | None) -> Outcome:
    """Keep the answer of a tighter point where a stopped solve found nothing better."""
    if known is None or known.picks is None or outcome.status is Status.OPTIMAL:
        return outcome
    if outcome.picks is not None and recount.key(problem, outcome.picks) >= recount.key(problem, known.picks):
        return outcome
    note = f"{outcome.note}; picks of a tighter point".removeprefix("; ")
    return replace(outcome, status=Status.FEASIBLE, picks=known.picks, value=known.value, note=note)
