"""One population: a frozen state and a pure function that takes it some generations on, here or on another machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qeopt.qbr import Refiner
from qeopt.search.breeding import Breeder
from qeopt.search.codes import encode
from qeopt.search.relax import Relaxer
from qeopt.search.settings import SearchSettings
from qeopt.space import Space, Structure, Task


@dataclass(frozen=True)
class Terms:
    """All that a search is about: what varies, what for, on which terms, and how it is explored."""

    space: Space
    task: Task
    refiner: Refiner
    settings: SearchSettings


@dataclass(frozen=True, slots=True)
class Candidate:
    """A structure and the most it can score."""

    structure: Structure
    relaxed: float


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
    """Structures evaluated for which the relaxation found bits."""
    refined: int = 0
    """Exact programs solved."""
    exhausted: bool = False
    """Whether the last generation held no structure that had not been seen."""


def advance(terms: Terms, island: Island, generations: int, evaluations: int) -> Island:
    """Take an island some generations on. The same arguments give the same island, wherever this runs.

    Args:
        terms: What the search is about.
        island: Where it stands.
        generations: Generations to make.
        evaluations: Structures it may have evaluated in the end.
    """
    breeder = Breeder(terms.space, terms.settings)
    relaxer = Relaxer(terms.space, terms.task, terms.refiner)
    for _ in range(generations):
        room = min(terms.settings.children, evaluations - island.evaluations)
        if room <= 0 or island.exhausted:
            break
        parents = [candidate.structure for candidate in island.population]
        children = breeder.children(parents, island.seen, (island.number, island.generation), room)
        island = replace(island, generation=island.generation + 1, exhausted=not children)
        island = evaluated(terms, relaxer, island, children)
    return island


def evaluated(terms: Terms, relaxer: Relaxer, island: Island, structures: Sequence[Structure]) -> Island:
    """Rank new structures by their relaxed value; find exact bits for those that could beat the best.

    A structure that has no bits after all is no parent: a rule that the relaxation leaves out rules its like out as well.
    """
    if not structures:
        return island
    relaxed = relaxer.relax(structures).scores
    found = [Candidate(structure, float(score)) for structure, score in zip(structures, relaxed, strict=True) if np.isfinite(score)]
    found.sort(key=rank)
    best, refined = island.best, 0
    without_bits: set[Structure] = set()
    for candidate in found:
        if best is not None and candidate.relaxed <= best.score:
            break
        refined += 1
        bits = terms.refiner.refine(terms.space.expand(candidate.structure, terms.task))
        if bits.score is None or bits.resources is None:
            without_bits.add(candidate.structure)
        elif best is None or bits.score > best.score:
            best = Leader(candidate.structure, bits.score, terms.refiner.limits.shares(bits.resources))
    parents = [candidate for candidate in found if candidate.structure not in without_bits]
    return replace(
        island,
        population=tuple(sorted([*island.population, *parents], key=rank)[: terms.settings.population]),
        seen=island.seen.union(encode(terms.space, structure) for structure in structures),
        best=best,
        evaluations=island.evaluations + len(structures),
        feasible=island.feasible + len(found),
        refined=island.refined + refined,
    )


def welcome(island: Island, best: Leader | None, migrants: Sequence[Candidate], codes: Sequence[int], population: int) -> Island:
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
    """Sort key: higher relaxed value first; ties by structure, so that order never depends on history."""
    return -candidate.relaxed, candidate.structure.values
