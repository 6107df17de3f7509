"""Exploring structures: evolution ranked by a relaxation, decided by exact bits."""

from __future__ import annotations

from collections.abc import Callable

from qeopt.qbr import Refiner
from qeopt.search.evolution import evolve
from qeopt.search.result import Best, Candidate, Progress, SearchResult, Stop
from qeopt.search.settings import SearchSettings
from qeopt.space import Space, Task

__all__ = ["Best", "Candidate", "Progress", "SearchResult", "SearchSettings", "Stop", "explore"]


def explore(
    space: Space, task: Task, refiner: Refiner, settings: SearchSettings, report: Callable[[Progress], None] | None = None
) -> SearchResult:
    """Find the best structure of `space` and its bits; a space of one structure only has its bits refined."""
    if space.size > 1:
        return evolve(space, task, refiner, settings, report)
    structure = space.smallest()
    refined = refiner.refine(space.expand(structure, task, space.name))
    best = None if refined.score is None else Best(structure, refined, refined.score)
    return SearchResult(best, Stop.SINGLE, reason=refined.reason)
