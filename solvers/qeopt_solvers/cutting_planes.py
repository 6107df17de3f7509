"""Minimise a convex function from its supporting planes (Kelley's method, steadied by stepping only part of the way)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

STEP = 0.7
"""How far from the best point toward the minimum of the planes the next point lies."""
STRETCH = 4.0
"""Planes are trusted up to this many times the best point."""


@dataclass(frozen=True, slots=True)
class Plane:
    """The function's value and a subgradient at a point."""

    point: tuple[float, ...]
    value: float
    slope: tuple[float, ...]


def minimise(
    function: Callable[[tuple[float, ...]], Plane],
    start: Sequence[float],
    high: Sequence[float],
    *,
    tolerance: float,
    most: int,
    stop: Callable[[Plane], bool] = lambda plane: False,
) -> Plane:
    """Minimise a convex function on the box from 0 to `high`.

    Args:
        function: Gives value and subgradient at a point.
        start: First point.
        high: Upper ends of the box.
        tolerance: Stops when the best value is this close to the least the planes allow, as a share of its magnitude.
        most: Evaluations at most.
        stop: Asked after every evaluation with the best plane so far; True ends the search.

    Returns:
        The plane with the least value found.
    """
    planes = [function(tuple(start))]
    best = planes[0]
    while start and len(planes) < most and not stop(best):
        trusted = [min(top, max(STRETCH * at, top / 1000)) for at, top in zip(best.point, high, strict=True)]
        low_point, low = _lowest(planes, trusted)
        inside = all(at < edge or edge == top for at, edge, top in zip(low_point, trusted, high, strict=True))
        if inside and best.value - low <= tolerance * abs(best.value):
            break
        share = 1.0 if planes[-1] is not best and len(planes) % 3 == 0 else STEP
        point = tuple(share * a + (1 - share) * b for a, b in zip(low_point, best.point, strict=True))
        planes.append(function(point))
        best = min(best, planes[-1], key=lambda plane: plane.value)
    return best


def _lowest(planes: Sequence[Plane], high: Sequence[float]) -> tuple[tuple[float, ...], float]:
    """The point of the box from 0 to `high` where the highest plane is lowest, and that height."""
    from ortools.linear_solver import pywraplp  # type: ignore[import-untyped]  # noqa: PLC0415  # slow to load: only when needed

    solver = pywraplp.Solver.CreateSolver("GLOP")
    at = [solver.NumVar(0.0, top, f"x{index}") for index, top in enumerate(high)]
    height = solver.NumVar(-solver.infinity(), solver.infinity(), "height")
    for plane in planes:
        offset = plane.value - sum(s * p for s, p in zip(plane.slope, plane.point, strict=True))
        solver.Add(height - sum(s * x for s, x in zip(plane.slope, at, strict=True)) >= offset)
    solver.Minimize(height)
    solver.Solve()
    return tuple(x.solution_value() for x in at), height.solution_value()
