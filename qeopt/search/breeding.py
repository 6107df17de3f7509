"""Children: random structures to begin with, then crossed and mutated members of a population; a whole generation at once."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np
from numpy.random import Generator, SeedSequence

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome
from qeopt.search.crossovers import CROSSOVERS, Crossover
from qeopt.search.mutations import MUTATIONS, Move
from qeopt.search.settings import SearchSettings
from qeopt.space import Space

ATTEMPTS = 16
"""Tries to fill a generation with children that follow the rules and were not seen before."""
FIRST_WALK = 48
"""Longest random walk from the smallest structure to a member of the first generation."""


class Breeder:
    """Makes the structures of a generation; each generation has a random stream of its own."""

    def __init__(self, space: Space, settings: SearchSettings) -> None:
        self.genome = Genome(space)
        self._smallest = self.genome.read([space.smallest()])
        self._settings = settings
        self._moves: list[Move] = [MUTATIONS.load(name) for name in settings.mutations]
        self._crossovers: list[Crossover] = [CROSSOVERS.load(name) for name in settings.crossovers]

    def children(
        self, parents: Integers, seen: AbstractSet[int], stream: tuple[int, int], count: int
    ) -> tuple[Integers, list[int]]:
        """Make up to `count` structures that are not among `seen`.

        Args:
            parents: (structures, genes) places to start from, best first.
            seen: Codes of structures that need no second look.
            stream: Island and generation; generation 0 holds random structures and the smallest.
            count: How many to try for.

        Returns:
            The children, (structures, genes), and the code of each.
        """
        rng = np.random.default_rng(SeedSequence([self._settings.seed, *stream]))
        parts, codes = [np.zeros((0, len(self.genome.sizes)), dtype=np.int64)], dict[int, None]()
        for attempt in range(ATTEMPTS):
            missing = count - len(codes)
            if missing == 0:
                break
            bred = self._random(missing, rng) if stream[1] == 0 or not len(parents) else self._bred(parents, missing, rng)
            if stream[1] == attempt == 0:
                bred[:1] = self._smallest
            bred = bred[self.genome.follow_rules(bred)]
            new = []
            for row, code in enumerate(self.genome.codes(bred)):
                if code not in seen and code not in codes:
                    codes[code] = None
                    new.append(row)
            parts.append(bred[new])
        return np.concatenate(parts), list(codes)

    def moved(self, places: Integers, moves: Integers, rng: Generator) -> Integers:
        """Make random moves, `moves` (structures,) of them, from each structure."""
        places = places.copy()
        for number in range(int(moves.max(initial=0))):
            walking = np.flatnonzero(moves > number)
            chosen = rng.integers(len(self._moves), size=len(walking))
            for index, move in enumerate(self._moves):
                some = walking[chosen == index]
                if len(some):
                    places[some] = move(self.genome, places[some], rng)
        return places

    def crossed(self, first: Integers, second: Integers, rng: Generator) -> Integers:
        """A child of each pair, by a random one of the crossovers."""
        children = first.copy()
        chosen = rng.integers(max(len(self._crossovers), 1), size=len(first))
        for index, cross in enumerate(self._crossovers):
            some = np.flatnonzero(chosen == index)
            if len(some):
                children[some] = cross(self.genome, first[some], second[some], rng)
        return children

    def _random(self, count: int, rng: Generator) -> Integers:
        """Walks of random length from the smallest structure."""
        return self.moved(np.repeat(self._smallest, count, axis=0), rng.integers(1, FIRST_WALK + 1, size=count), rng)

    def _bred(self, parents: Integers, count: int, rng: Generator) -> Integers:
        """Children of members, of which every one is the better of two random ones; a share has two parents."""
        first, second = (parents[rng.integers(len(parents), size=(count, 2)).min(axis=1)] for _ in range(2))
        pairs = np.flatnonzero(rng.random(count) < self._settings.crossed)
        first[pairs] = self.crossed(first[pairs], second[pairs], rng)
        return self.moved(first, np.full(count, self._settings.moves_per_child), rng)
