"""Evolution over structures: islands whose children are rated in arrays, with exact bits for those that could be the best.

Islands are taken on round by round, by any workers; everything that is decided between rounds is decided from their merged states,
so the answer does not depend on how many workers there are or which of them is first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from qeopt.qbr import NEVER, Refined
from qeopt.relaxation.bound import JointBound
from qeopt.search.alternatives import find_alternatives
from qeopt.search.checkpoint import Journal, State
from qeopt.search.codes import encode
from qeopt.search.island import GRACE, Candidate, Island, Leader, Terms, advance, bits_of, evaluated, rank, receive_migrants
from qeopt.search.polish import polishing
from qeopt.search.result import Best, Progress, SearchResult, Stop
from qeopt.search.workers import Workers


def evolve(
    terms: Terms,
    bound: JointBound | None,
    *,
    workers: Workers,
    report: Callable[[Progress], None],
    started: float,
    journal: Journal | None = None,
    state: State | None = None,
) -> SearchResult:
    """Search for the structure whose exact bits score most. Ctrl-C ends it with the best so far.

    The same terms give the same result, unless `time_limit_seconds` ends the search.

    Args:
        terms: What the search is about.
        bound: Its structures found every island; its value ends the search when the gap is closed.
        workers: Who takes islands on.
        report: Called after every round, and after every look around while the structures of the bound are polished.
        started: When the search began, by `time.monotonic`.
        journal: Where every round is saved.
        state: Where an earlier run was left.
    """
    started -= state.history[-1].seconds if state is not None else 0.0
    found = state is None
    try:
        for first in _founding(terms, bound) if found else ():
            state = _after(terms, bound, None, _islands(terms, first), started)
            report(state.history[-1])
            if terms.refiner.deadline.is_past:
                break
        if found and state is not None and journal is not None:
            journal.append(terms.space, None, state)
        while state is not None and state.stopped is None:
            before = state
            state = _after(terms, bound, before, _next_round(terms, before, workers), started)
            if journal is not None:
                journal.append(terms.space, before, state)
            report(state.history[-1])
    except KeyboardInterrupt:
        return _result(terms, bound, state, Stop.INTERRUPTED)
    stopped = None if state is None else state.stopped
    return _result(terms, bound, state, stopped or Stop.INTERRUPTED)


def _after(terms: Terms, bound: JointBound | None, before: State | None, islands: tuple[Island, ...], started: float) -> State:
    """Where a search stands after a round."""
    progress = _progress(terms, islands, bound, time.monotonic() - started)
    history = (*(before.history if before is not None else ()), progress)
    return State(islands, history, _why_stop(terms, islands, history))


def _founding(terms: Terms, bound: JointBound | None) -> Iterator[Island]:
    """The first island before any generation: with the structures of the bound, then with more and more of those around."""
    first = Island(0)
    if bound is None:
        yield first
        return
    rater = terms.rater()
    places = rater.genome.read(bound.structures)
    first = replace(evaluated(terms, rater, first, places), seen=frozenset(rater.genome.codes(places)))
    yield first
    yield from polishing(terms, rater, first, bound.structures)


def _islands(terms: Terms, first: Island) -> tuple[Island, ...]:
    """All islands: they know what the first does, which alone has counted it."""
    others = (replace(first, number=number, evaluations=0, feasible=0, refined=0) for number in range(1, terms.settings.islands))
    return (first, *others)


def _next_round(terms: Terms, state: State, workers: Workers) -> tuple[Island, ...]:
    allowed = _allowances(terms, state.history)
    calls = [(terms, island, terms.settings.migration_every, most) for island, most in zip(state.islands, allowed, strict=True)]
    return _meet(terms, workers.map(advance, calls))


def _allowances(terms: Terms, history: tuple[Progress, ...]) -> list[int]:
    """How many structures each island may evaluate: equal shares of what the founders, whom the first has counted, left."""
    islands, founders = terms.settings.islands, history[0].evaluations
    share, extra = divmod(max(terms.settings.evaluations - founders, 0), islands)
    return [share + (number < extra) + (founders if number == 0 else 0) for number in range(islands)]


def _meet(terms: Terms, islands: list[Island]) -> tuple[Island, ...]:
    """Let islands learn of the best design and pass structures on, in a ring."""
    if len(islands) == 1:
        return tuple(islands)
    best = _best(islands)
    met = []
    for island, neighbour in zip(islands, [islands[-1], *islands[:-1]], strict=True):
        migrants = neighbour.population[: terms.settings.migrants]
        codes = [encode(terms.space, candidate.structure) for candidate in migrants]
        met.append(receive_migrants(island, best, migrants, codes, terms.settings.population))
    return tuple(met)


def _best(islands: list[Island] | tuple[Island, ...]) -> Leader | None:
    """The best of all; of equals, that of the first island."""
    leaders = [island.best for island in islands if island.best is not None]
    return max(leaders, key=lambda leader: leader.score, default=None)


def _progress(terms: Terms, islands: tuple[Island, ...], bound: JointBound | None, seconds: float) -> Progress:
    best = _best(islands)
    return Progress(
        generation=max(island.generation for island in islands),
        evaluations=sum(island.evaluations for island in islands),
        feasible=sum(island.feasible for island in islands),
        refined=sum(island.refined for island in islands),
        best_score=None if best is None else best.score,
        bound=None if bound is None else bound.value,
        seconds=seconds,
        most=terms.settings.evaluations,
        used={} if best is None else best.used,
    )


def _why_stop(terms: Terms, islands: tuple[Island, ...], history: tuple[Progress, ...]) -> Stop | None:
    """Whether the search ends here, and why."""
    settings, progress = terms.settings, history[-1]
    if settings.strategy == "bound":
        return Stop.BOUND
    if progress.generation >= settings.min_generations and _gap_is_closed(progress, settings.gap):
        return Stop.GAP
    if progress.evaluations >= settings.evaluations:
        return Stop.EVALUATIONS
    if terms.refiner.deadline.is_past:
        return Stop.TIME
    allowed = _allowances(terms, history)
    if all(island.exhausted or island.evaluations >= most for island, most in zip(islands, allowed, strict=True)):
        return Stop.EXHAUSTED
    return None


def _gap_is_closed(progress: Progress, gap: float) -> bool:
    if progress.bound is None or progress.best_score is None:
        return False
    return progress.bound - progress.best_score <= gap * abs(progress.best_score)


def _result(terms: Terms, bound: JointBound | None, state: State | None, stopped: Stop) -> SearchResult:
    """Find the bits of the best structure once more, and the designs beside it."""
    if state is None:
        return SearchResult(None, stopped, bound=bound, reason="interrupted before any structure was looked at")
    leader = _best(state.islands)
    if leader is None:
        return SearchResult(None, stopped, state.history, bound=bound, reason=why_nothing(terms))
    best = Best(leader.structure, _again(terms, leader), leader.score)
    population = _population(terms, state.islands)
    around = [candidate.structure for candidate in population]
    best, others = (best, ()) if stopped in {Stop.INTERRUPTED, Stop.TIME} else find_alternatives(terms, best, around)
    from_bound = None if bound is None else state.history[0].best_score
    return SearchResult(best, stopped, state.history, population, bound, from_bound, "", others)


def _again(terms: Terms, leader: Leader) -> Refined:
    """The exact bits of a structure; where another process found them, once more, in the little time that takes."""
    known = bits_of(terms, leader)
    if known is not None:
        return known
    refiner = terms.refiner.until(terms.refiner.deadline.extended(GRACE))
    network = terms.space.expand(leader.structure, terms.task)
    refined = refiner.refine(network)
    return refined if refined.bits is not None else terms.refiner.until(NEVER).refine(network)


def _population(terms: Terms, islands: tuple[Island, ...]) -> tuple[Candidate, ...]:
    """The members of all islands, each once, best first."""
    members = {candidate.structure: candidate for island in islands for candidate in island.population}
    return tuple(sorted(members.values(), key=rank)[: terms.settings.population * len(islands)])


def why_nothing(terms: Terms, *, proven: bool = False) -> str:
    """Why even the smallest structure does not fit; else that none was found, or is `proven` not to fit."""
    smallest = terms.space.expand(terms.space.smallest(), terms.task)
    reason = terms.refiner.refine(smallest).reason
    if reason:
        return f"the smallest structure of the space does not fit: {reason}"
    return "it is proven that no structure of the space fits" if proven else "no structure that fits was found"
