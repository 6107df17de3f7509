"""Evolution over structures: children by mutation, a relaxation that ranks them, exact bits for those that could be the best."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator, SeedSequence

from qeopt.qbr import Refiner
from qeopt.search.bound import JointBound
from qeopt.search.mutations import MUTATIONS, Move
from qeopt.search.relax import Relaxer
from qeopt.search.result import Best, Candidate, Progress, SearchResult, Stop
from qeopt.search.settings import SearchSettings
from qeopt.space import Space, Structure, Task

ATTEMPTS = 16
"""Tries to make a child that follows the rules and was not seen before."""
FIRST_WALK = 48
"""Longest random walk from the smallest structure to a member of the first generation."""


def evolve(
    space: Space,
    task: Task,
    refiner: Refiner,
    settings: SearchSettings,
    report: Callable[[Progress], None] | None = None,
    bound: JointBound | None = None,
) -> SearchResult:
    """Search `space` for the structure whose exact bits score most. Ctrl-C ends it with the best so far.

    The same space, terms and settings give the same result, unless `time_limit_seconds` ends the search.

    Args:
        space: Structures.
        task: What the network reads and tells apart.
        refiner: The terms under which bits are chosen.
        settings: When to stop, how many children, which moves.
        report: Called after every generation.
        bound: Its structures start the population; its value ends the search when the gap is closed.
    """
    return _Evolution(space, task, refiner, settings, report or (lambda progress: None), bound).run()


class _Evolution:
    """The state of one search."""

    def __init__(
        self,
        space: Space,
        task: Task,
        refiner: Refiner,
        settings: SearchSettings,
        report: Callable[[Progress], None],
        bound: JointBound | None,
    ) -> None:
        self._space = space
        self._task = task
        self._refiner = refiner
        self._settings = settings
        self._report = report
        self._bound = bound
        self._relaxer = Relaxer(space, task, refiner)
        self._moves: list[Move] = [MUTATIONS.load(name) for name in settings.mutations]
        self._seen: set[Structure] = set()
        self._population: list[Candidate] = []
        self._best: Best | None = None
        self._feasible = 0
        self._refined = 0
        self._history: list[Progress] = []
        self._start = time.monotonic()

    def run(self) -> SearchResult:
        from_bound = None
        try:
            if self._bound is not None:
                self._seen.update(self._bound.structures)
                self._evaluate(self._bound.structures)
                from_bound = None if self._best is None else self._best.score
            stopped = Stop.BOUND if self._settings.strategy == "bound" else self._generations()
        except KeyboardInterrupt:
            stopped = Stop.INTERRUPTED
        reason = "" if self._best is not None else self._why_nothing()
        return SearchResult(self._best, stopped, tuple(self._history), tuple(self._population), self._bound, from_bound, reason)

    def _generations(self) -> Stop:
        settings = self._settings
        generation = 0
        while True:
            children = self._children(generation)
            if not children:
                return Stop.EXHAUSTED
            self._evaluate(children)
            self._note(generation)
            generation += 1
            if generation >= settings.min_generations and self._gap_is_closed():
                return Stop.GAP
            if len(self._seen) >= settings.evaluations:
                return Stop.EVALUATIONS
            if settings.time_limit_seconds is not None and time.monotonic() - self._start >= settings.time_limit_seconds:
                return Stop.TIME

    def _note(self, generation: int) -> None:
        progress = Progress(
            generation,
            len(self._seen),
            self._feasible,
            self._refined,
            None if self._best is None else self._best.score,
            None if self._bound is None else self._bound.value,
            time.monotonic() - self._start,
        )
        self._history.append(progress)
        self._report(progress)

    def _gap_is_closed(self) -> bool:
        if self._bound is None or self._best is None:
            return False
        return self._bound.value - self._best.score <= self._settings.gap * abs(self._best.score)

    def _why_nothing(self) -> str:
        """Why even the smallest structure does not fit; it needs least of everything."""
        smallest = self._space.expand(self._space.smallest(), self._task)
        reason = self._refiner.refine(smallest).reason
        return f"the smallest structure of the space does not fit: {reason}" if reason else "no structure that fits was found"

    def _children(self, generation: int) -> list[Structure]:
        """Make the structures of one generation; each child has a random stream of its own."""
        room = min(self._settings.children, self._settings.evaluations - len(self._seen))
        made: list[Structure] = []
        for index in range(room):
            rng = np.random.default_rng(SeedSequence([self._settings.seed, generation, index]))
            child = self._space.smallest() if generation == 0 and index == 0 else self._child(rng, from_scratch=generation == 0)
            if child is not None and child not in self._seen:
                self._seen.add(child)
                made.append(child)
        return made

    def _child(self, rng: Generator, *, from_scratch: bool) -> Structure | None:
        for _ in range(ATTEMPTS):
            child, moves = self._parent(rng, from_scratch=from_scratch)
            for _ in range(moves):
                child = self._moves[rng.integers(len(self._moves))](self._space, child, rng)
            if child not in self._seen and self._space.follows_rules(child):
                return child
        return None

    def _parent(self, rng: Generator, *, from_scratch: bool) -> tuple[Structure, int]:
        """A member of the population (the better of two) or the smallest structure, and how many moves to make from it."""
        if from_scratch or not self._population:
            return self._space.smallest(), int(rng.integers(1, FIRST_WALK + 1))
        pick = min(rng.integers(len(self._population), size=2))  # the population is sorted, best first
        return self._population[pick].structure, self._settings.moves_per_child

    def _evaluate(self, structures: Sequence[Structure]) -> None:
        """Rank new structures by their relaxed value; find exact bits for those that could beat the best."""
        relaxed = self._relaxer.relax(structures).scores
        found = [
            Candidate(structure, float(score)) for structure, score in zip(structures, relaxed, strict=True) if np.isfinite(score)
        ]
        self._feasible += len(found)
        found.sort(key=_rank)
        for candidate in found:
            if self._best is not None and candidate.relaxed <= self._best.score:
                break
            self._refine(candidate.structure)
        self._population = sorted([*self._population, *found], key=_rank)[: self._settings.population]

    def _refine(self, structure: Structure) -> None:
        self._refined += 1
        refined = self._refiner.refine(self._space.expand(structure, self._task))
        if refined.score is not None and (self._best is None or refined.score > self._best.score):
            self._best = Best(structure, refined, refined.score)


def _rank(candidate: Candidate) -> tuple[float, tuple[float, ...]]:
    return -candidate.relaxed, candidate.structure.values
