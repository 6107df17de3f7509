"""Exploring structures: a bound over the whole space, and evolution ranked by a relaxation and decided by exact bits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NoReturn

import numpy as np

from qeopt.qbr import Deadline, Refiner
from qeopt.relaxation.bound import BoundPart, JointBound, best_bits, bound_space
from qeopt.relaxation.bound.feasibility import proof_that_none_fits
from qeopt.relaxation.rating.relax import Relaxer
from qeopt.search.checkpoint import Journal, Saved
from qeopt.search.closing import close_gap
from qeopt.search.evolution import evolve, why_nothing
from qeopt.search.island import Candidate, Terms
from qeopt.search.result import Alternative, Best, Phase, Progress, SearchResult, Stop
from qeopt.search.settings import SearchSettings
from qeopt.search.watch import Watch
from qeopt.search.workers import InProcess, Workers, open_workers
from qeopt.space import Space, Structure, Subject, Task
from qeopt_solvers import Status

__all__ = [
    "Alternative",
    "Best",
    "Candidate",
    "JointBound",
    "Journal",
    "Phase",
    "Progress",
    "SearchResult",
    "SearchSettings",
    "Stop",
    "Workers",
    "explore",
    "open_workers",
]

BOUND_SHARE = 0.5
"""Of the time allowed, what the bound may take: the rest is for finding designs."""

MOST_PRICED = 4
"""Parts of a space at whose prices structures are rated: those with the highest bounds."""


def explore(
    space: Subject,
    task: Task,
    refiner: Refiner,
    settings: SearchSettings,
    report: Callable[[Progress], None] | None = None,
    *,
    workers: Workers | None = None,
    journal: Journal | None = None,
    seeds: Sequence[Structure] = (),
    closes: bool = True,
) -> SearchResult:
    """Find the best structure of `space` and its bits; a space of one structure only has its bits refined.

    Args:
        space: Structures.
        task: What the network reads and tells apart.
        refiner: The terms under which bits are chosen.
        settings: How structures are explored.
        report: Called after every walk of the bound and every round. When it raises KeyboardInterrupt, the search ends with the
            best so far, and what is proven so far holds.
        workers: Who takes islands on; this process unless given. They change nothing but time.
        journal: Where every round is saved, and from where the search goes on if it was saved there before.
        seeds: Structures to look at with those of the bound, before any evolution; not used by a search without a bound.
        closes: Whether the space is divided after the search where its best design is far from the bound; single structures that
            this comes down to have no prices.

    Raises:
        CheckpointError: when the journal belongs to another search or is damaged.
    """
    if space.size == 1:
        return _only(space, task, refiner)
    if not isinstance(space, Space):
        raise TypeError(f"only a space can be searched, not a {type(space).__name__}")
    started = time.monotonic()
    if refiner.deadline.at is None:
        refiner = refiner.until(Deadline.after(settings.time_limit_seconds))
    terms = Terms(space, task, refiner, settings)
    report = report or (lambda progress: None)
    workers = workers or InProcess()
    saved = None if journal is None else journal.read(space)
    if saved is None:
        watch = Watch(report, started, settings, refiner.deadline.sooner(BOUND_SHARE))
        try:
            bound = _bound(terms, watch)
        except KeyboardInterrupt:
            return SearchResult(None, Stop.INTERRUPTED, reason="interrupted before any structure was looked at")
        saved = Saved(_seeded(bound, seeds), None)
        if watch.stopped:  # nothing is saved: a bound that was cut short is not the one that a resumed run must have
            return evolve(_priced(terms, bound), saved.bound, workers=workers, report=_end, started=started)
        if bound is not None and (parts := _proof_of_none(terms, bound, watch)):
            reason = why_nothing(terms, proven=True)
            return SearchResult(None, Stop.NOTHING, bound=bound, reason=reason, none_fits=parts, excluded=True)
        if journal is not None:
            journal.begin(saved.bound)
    terms = _priced(terms, saved.bound)
    result = evolve(terms, saved.bound, workers=workers, report=report, started=started, journal=journal, state=saved.state)
    return close_gap(terms, result, Watch(report, started, settings, refiner.deadline)) if closes else result


def _proof_of_none(terms: Terms, bound: JointBound, watch: Watch) -> tuple[BoundPart, ...]:
    """What proves that there is nothing to search for; asked where nothing that the bound met may fit."""
    if bound.value == -math.inf:
        return bound.parts
    relaxed = Relaxer(terms.space, terms.task, terms.refiner).relax(bound.structures)
    if watch.is_late or np.isfinite(relaxed).any():
        return ()
    return proof_that_none_fits(terms.space, terms.task, terms.refiner) or ()


def _end(progress: Progress) -> NoReturn:
    """End a search after its first round.

    Raises:
        KeyboardInterrupt: always.
    """
    raise KeyboardInterrupt


def _priced(terms: Terms, bound: JointBound | None) -> Terms:
    """The same terms with the prices that a bound found."""
    if bound is None:
        return terms
    highest = sorted(bound.parts, key=lambda part: -part.value)[:MOST_PRICED] if bound.is_branched else bound.parts
    return replace(terms, prices=tuple(part.prices for part in highest))


def _seeded(bound: JointBound | None, seeds: Sequence[Structure]) -> JointBound | None:
    return bound and replace(bound, structures=tuple(dict.fromkeys((*seeds, *bound.structures))))


def _only(space: Subject, task: Task, refiner: Refiner) -> SearchResult:
    """The only structure there is, if it keeps the budgets that no bits change."""
    structure = space.smallest()
    refined = refiner.refine(space.expand(structure, task, space.name))
    if refined.score is None or refined.resources is None:
        return SearchResult(None, Stop.SINGLE, reason=refined.reason, excluded=refined.status is Status.INFEASIBLE)
    changeless = refiner.structural_totals(refined.network)
    over = [use for use in refiner.limits.uses(refined.resources) if not use.fits and use.name in changeless]
    if over:
        said = ", ".join(f"{use.name} {use.used:,.0f} of {use.limit:,}" for use in over)
        reason = f"no bits change it, and the network is over budget: {said}"
        return SearchResult(None, Stop.SINGLE, reason=reason, excluded=True)
    return SearchResult(Best(structure, refined, refined.score), Stop.SINGLE)


def _bound(terms: Terms, watch: Watch) -> JointBound | None:
    settings = terms.settings
    if settings.strategy == "evolution" or not terms.refiner.objective.is_additive:
        return None
    watch.begin()
    return bound_space(
        terms.space,
        terms.task,
        terms.refiner,
        tolerance=settings.gap / 8,
        most_walks=settings.walks,
        found=watch.walked,
        score=partial(_score, terms),
        branches=settings.branches or 0,
    )


def _score(terms: Terms, structure: Structure) -> float | None:
    """What the best bits of a structure score; None where it is over a budget whatever its bits."""
    found = best_bits(terms.space, terms.task, terms.refiner, structure)
    return None if found is None else found.score
