"""Exploring structures: a bound over the whole space, and evolution ranked by a relaxation and decided by exact bits."""

from __future__ import annotations

from collections.abc import Callable

from qeopt.qbr import Refiner
from qeopt.search.bound import JointBound, bound_space
from qeopt.search.evolution import evolve
from qeopt.search.result import Best, Candidate, Progress, SearchResult, Stop
from qeopt.search.settings import SearchSettings
from qeopt.space import Space, Task

__all__ = ["Best", "Candidate", "JointBound", "Progress", "SearchResult", "SearchSettings", "Stop", "explore"]


def explore(
    space: Space, task: Task, refiner: Refiner, settings: SearchSettings, report: Callable[[Progress], None] | None = None
) -> SearchResult:
    """Find the best structure of `space` and its bits; a space of one structure only has its bits refined."""
    if space.size == 1:
        structure = space.smallest()
        refined = refiner.refine(space.expand(structure, task, space.name))
        best = None if refined.score is None else Best(structure, refined, refined.score)
        return SearchResult(best, Stop.SINGLE, reason=refined.reason)
    bound = None
    if settings.strategy != "evolution":
        bound = bound_space(space, task, refiner, tolerance=settings.gap / 8, most_walks=settings.walks)
    return evolve(space, task, refiner, settings, report, bound)
