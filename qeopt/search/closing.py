"""The end of a search: the space is divided until its bound is near the best design, or a better one is met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qeopt.qbr import Refined
from qeopt.relaxation.bound import JointBound, best_bits, closed
from qeopt.search.alternatives import find_alternatives
from qeopt.search.island import Terms
from qeopt.search.result import Best, SearchResult, Stop
from qeopt.search.watch import Watch
from qeopt.space import Structure

GAP = 0.0005
"""Share of the best score that the bound may stay above it."""
BRANCHES = 16
"""Parts at most, unless a study states them."""
ENDED_EARLY = frozenset({Stop.INTERRUPTED, Stop.TIME})


def close_gap(terms: Terms, result: SearchResult, watch: Watch) -> SearchResult:
    """Divide the space where a search that ended by itself left its best design far from the bound."""
    bound, best, settings = result.bound, result.best, terms.settings
    branches = BRANCHES if settings.branches is None else settings.branches
    if branches < 2 or bound is None or best is None or result.stopped in ENDED_EARLY:
        return result
    if _gap(bound, best) <= max(GAP, settings.gap):
        return result
    refined: dict[Structure, Refined | None] = {best.structure: best.refined}

    def refine(structure: Structure) -> Refined | None:
        if structure not in refined:
            refined[structure] = best_bits(terms.space, terms.task, terms.refiner, structure)
        return refined[structure]

    divided = closed(
        bound,
        terms.space,
        terms.task,
        terms.refiner,
        best.score,
        gap=max(GAP, settings.gap),
        tolerance=settings.gap / 8,
        most_walks=settings.walks,
        branches=branches,
        refine=refine,
        found=watch.walked,
    )
    return _with(terms, replace(result, bound=min((bound, divided), key=lambda one: one.value)), _best(best, refined))


def _with(terms: Terms, result: SearchResult, best: Best) -> SearchResult:
    """The result with its best design and its last word on what is proven."""
    bound, last, others = result.bound, result.history[-1], result.alternatives
    if bound is None:
        return result
    if best is not result.best:
        best, others = find_alternatives(terms, best, [candidate.structure for candidate in result.population])
    stopped = Stop.GAP if _gap(bound, best) <= terms.settings.gap else result.stopped
    history = (*result.history[:-1], replace(last, bound=bound.value, best_score=best.score))
    return replace(result, best=best, stopped=stopped, bound=bound, history=history, alternatives=others)


def _best(best: Best, refined: Mapping[Structure, Refined | None]) -> Best:
    """The best of some structures; what was there already where none is better."""
    found = [Best(structure, one, one.score) for structure, one in refined.items() if one is not None and one.score is not None]
    top = max(found, key=lambda one: one.score)
    return top if top.score > best.score else best


def _gap(bound: JointBound, best: Best) -> float:
    """Share of the best score by which the bound is above it."""
    return (bound.value - best.score) / abs(best.score) if best.score else float(bound.value > best.score)
