"""Children: random structures to begin with, then crossed and mutated members of a population."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.random import Generator, SeedSequence

from qeopt.search.codes import encode
from qeopt.search.crossovers import CROSSOVERS, Crossover
from qeopt.search.mutations import MUTATIONS, Move
from qeopt.search.settings import SearchSettings
from qeopt.space import Space, Structure

ATTEMPTS = 16
"""Tries to make a child that follows the rules and was not seen before."""
FIRST_WALK = 48
"""Longest random walk from the smallest structure to a member of the first generation."""


class Breeder:
    """Makes the structures of a generation; each child has a random stream of its own."""

    def __init__(self, space: Space, settings: SearchSettings) -> None:
        self._space = space
        self._settings = settings
        self._moves: list[Move] = [MUTATIONS.load(name) for name in settings.mutations]
        self._crossovers: list[Crossover] = [CROSSOVERS.load(name) for name in settings.crossovers]

    def children(
        self, parents: Sequence[Structure], seen: AbstractSet[int], stream: tuple[int, int], count: int
    ) -> list[Structure]:
        """Make up to `count` structures that are not among `seen`.

        Args:
            parents: Structures to start from, best first.
            seen: Codes of structures that need no second look.
            stream: Island and generation; generation 0 holds random structures and the smallest.
            count: How many to try for.
        """
        made: dict[int, Structure] = {}
        for index in range(count):
            rng = np.random.default_rng(SeedSequence([self._settings.seed, *stream, index]))
            for _ in range(ATTEMPTS):
                child = self._child(parents, stream[1], index, rng)
                code = encode(self._space, child)
                if code not in seen and code not in made and self._space.follows_rules(child):
                    made[code] = child
                    break
        return list(made.values())

    def _child(self, parents: Sequence[Structure], generation: int, index: int, rng: Generator) -> Structure:
        if generation == 0 and index == 0:
            return self._space.smallest()
        if generation == 0 or not parents:
            return self.moved(self._space.smallest(), int(rng.integers(1, FIRST_WALK + 1)), rng)
        child = _parent(parents, rng)
        if self._crossovers and rng.random() < self._settings.crossed:
            child = self._crossovers[rng.integers(len(self._crossovers))](self._space, child, _parent(parents, rng), rng)
        return self.moved(child, self._settings.moves_per_child, rng)

    def moved(self, structure: Structure, moves: int, rng: Generator) -> Structure:
        """Make random moves from a structure."""
        for _ in range(moves):
            structure = self._moves[rng.integers(len(self._moves))](self._space, structure, rng)
        return structure


def _parent(parents: Sequence[Structure], rng: Generator) -> Structure:
    """The better of two random members; they are sorted, best first."""
    return parents[int(rng.integers(len(parents), size=2).min())]
