"""One population: a frozen state and a pure function that takes it some generations on, here or on another machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qeopt.qbr import Refined, Refiner
from qeopt.relaxation.cells.prices import Prices
from qeopt.relaxation.cells.recent import Recent, fingerprint
from qeopt.relaxation.cells.tables import Floats, Integers
from qeopt.relaxation.rating.exact import Rater
from qeopt.relaxation.rating.floor import NO_FLOOR, Floor
from qeopt.search.breeding import Breeder
from qeopt.search.settings import SearchSettings
from qeopt.space import Space, Structure, Task
from qeopt.spec.plugins import naming_plugins
from qeopt_solvers import Status

AT_ONCE, SLOWLY = 4096, 256
"""Structures that are rated before the clock is looked at again: where they are looked up, and where they are not."""
GRACE = 1.0
"""Seconds after the time allowed in which the first bits are found, or those of the best structure once more."""


_LATEST: Recent[Refined] = Recent()


@dataclass(frozen=True)
class Terms:
    """All that a search is about: what varies, what for, on which terms, and how it is explored."""

    space: Space
    task: Task
    refiner: Refiner
    settings: SearchSettings
    prices: tuple[Prices, ...] = ()
    """Prices of budgets that are good ones for the best of the space, as its bound found them."""

    def rater(self) -> Rater:
        """What says in arrays how much structures score."""
        return Rater(self.space, self.task, self.refiner, self.prices)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A structure and the most it can score."""

    structure: Structure
    value: float
    """Score of its best bits where arrays can tell (`qeopt.relaxation.rating.exact`), else of the relaxation."""


@dataclass(frozen=True, slots=True)
class Leader:
    """The best structure so far and the score of its exact bits, which can be found again at any time."""

    structure: Structure
    score: float
    used: Mapping[str, float] = field(default_factory=dict)
    """Shares of its budgets that it uses, by name."""


@dataclass(frozen=True, slots=True)
class Island:
    """A population and what it has been through."""

    number: int
    generation: int = 0
    """Generations made so far."""
    population: tuple[Candidate, ...] = ()
    """Best first."""
    seen: frozenset[int] = frozenset()
    """Codes of the structures that need no second look."""
    best: Leader | None = None
    evaluations: int = 0
    feasible: int = 0
    """Structures evaluated that may have bits, as far as arrays can tell."""
    refined: int = 0
    """Exact programs solved."""
    exhausted: bool = False
    """Whether the last generation held no structure that had not been seen."""


@naming_plugins()
def advance(terms: Terms, island: Island, generations: int, evaluations: int) -> Island:
    """Take an island some generations on. The same arguments give the same island, wherever this runs.

    Args:
        terms: What the search is about.
        island: Where it stands.
        generations: Generations to make.
        evaluations: Structures it may have evaluated in the end.

    Raises:
        PluginError: a plug-in fails.
    """
    breeder = Breeder(terms.space, terms.settings)
    rater = terms.rater()
    seen = set(island.seen)
    for _ in range(generations):
        room = min(terms.settings.children, evaluations - island.evaluations)
        if room <= 0 or island.exhausted or terms.refiner.deadline.is_past:
            break
        parents = rater.genome.read([candidate.structure for candidate in island.population])
        children, codes = breeder.children(parents, seen, (island.number, island.generation), room)
        seen.update(codes)
        island = replace(island, generation=island.generation + 1, exhausted=not codes)
        island = evaluated(terms, rater, island, children)
    return replace(island, seen=frozenset(seen))


def evaluated(terms: Terms, rater: Rater, island: Island, places: Integers) -> Island:
    """Rate new structures in arrays; solve the exact program of those that could beat the best, the most promising first.

    A structure that has no bits after all is no parent: a rule that arrays leave out rules its like out as well. When the time
    allowed is up, those that were not rated yet are not counted either.

    Args:
        terms: What the search is about.
        rater: Made by `terms.rater()`.
        island: Where it stands.
        places: (structures, genes) none of which the island has seen.
    """
    floor = _floor(island, terms.settings.population)
    ratings = _rated(terms, rater, places, floor)
    places = places[: len(ratings)]
    fits = np.isfinite(ratings)
    entering = np.flatnonzero(fits & (ratings >= floor.now))
    found = list(map(Candidate, rater.genome.structures(places[entering]), ratings[entering].tolist()))
    found.sort(key=rank)
    best, parents, refined = _refined(terms, island.best, found, lowers=rater.has_values)
    return replace(
        island,
        population=tuple(sorted([*island.population, *parents], key=rank)[: terms.settings.population]),
        best=best,
        evaluations=island.evaluations + len(places),
        feasible=island.feasible + int(fits.sum()),
        refined=island.refined + refined,
    )


def _rated(terms: Terms, rater: Rater, places: Integers, floor: Floor) -> Floats:
    """Ratings of structures, or of the first of them as far as there is time: some thousand at once, and at least so many."""
    step = AT_ONCE if rater.is_quick else SLOWLY
    parts = [rater.rate(places[:step], floor)]
    for begin in range(step, len(places), step):
        if terms.refiner.deadline.is_past:
            break
        parts.append(rater.rate(places[begin : begin + step], floor))
    return np.concatenate(parts)


def _floor(island: Island, population: int) -> Floor:
    """What a structure must be able to score to enter the population or to be the best; nothing while there is no best."""
    if island.best is None:
        return NO_FLOOR
    return Floor(island.best.score, population, tuple(member.value for member in island.population))


def _refined(
    terms: Terms, best: Leader | None, found: Sequence[Candidate], *, lowers: bool
) -> tuple[Leader | None, list[Candidate], int]:
    """Solve for those that could beat the best; the best then, those that have bits, and how many programs that took.

    With `lowers`, what was solved counts with its score, as all values are scores but for rules left out.
    """
    parents: list[Candidate] = []
    refiner = terms.refiner if best is not None else terms.refiner.until(terms.refiner.deadline.extended(GRACE))
    for index, candidate in enumerate(found):
        if refiner.deadline.is_past or (best is not None and candidate.value <= best.score):
            return best, [*parents, *found[index:]], index
        worth = -math.inf if best is None else best.score
        bits = refiner.refine(terms.space.expand(candidate.structure, terms.task), worth=worth)
        if bits.score is None or bits.resources is None:
            continue
        parents.append(replace(candidate, value=min(candidate.value, bits.score)) if lowers else candidate)
        if best is None or bits.score > best.score:
            refiner, best = terms.refiner, Leader(candidate.structure, bits.score, terms.refiner.limits.shares(bits.resources))
            _LATEST.put(_name(terms, candidate.structure), bits)
    return best, parents, len(found)


def bits_of(terms: Terms, leader: Leader) -> Refined | None:
    """The bits of a structure that became the best, where this process found them lately; cut short only where time is limited."""
    known = _LATEST.known(_name(terms, leader.structure))
    if known is None or known.score != leader.score:
        return None
    return known if known.status is Status.OPTIMAL or terms.refiner.deadline.at is not None else None


def _name(terms: Terms, structure: Structure) -> str:
    refiner = terms.refiner
    return f"{fingerprint(terms.space, terms.task, refiner)} {refiner.settings!r} {refiner.arenas} {structure.values}"


def receive_migrants(
    island: Island, best: Leader | None, migrants: Sequence[Candidate], codes: Sequence[int], population: int
) -> Island:
    """Tell an island of the best design of all and hand it structures of another."""
    news = [candidate for candidate, code in zip(migrants, codes, strict=True) if code not in island.seen]
    return replace(
        island,
        best=best,
        population=tuple(sorted([*island.population, *news], key=rank)[:population]),
        seen=island.seen.union(codes),
        exhausted=island.exhausted and not news,
    )


def rank(candidate: Candidate) -> tuple[float, tuple[float, ...]]:
    """Sort key: higher value first; ties by structure, so that order never depends on history."""
    return -candidate.value, candidate.structure.values
