"""What every mutation must keep, as tests to inherit.

In a test file of your own::

    from qeopt.testing.mutations import MutationContract

    class TestMine(MutationContract):
        name = "mine"
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome
from qeopt.search.mutations import MUTATIONS, Move
from qeopt.testing.small_studies import small_study, structures


class MutationContract:
    """Inherit, set `name`, and pytest does the rest."""

    name: str = ""
    """Its name in `search.mutations`."""
    count: int = 12
    """Random small spaces."""

    def move(self) -> Move:
        """Give the mutation under test."""
        found: Move = MUTATIONS.load(self.name)
        return found

    def populations(self) -> Iterator[tuple[Genome, Integers]]:
        """Yield spaces with some of their structures."""
        for seed in range(self.count):
            space = small_study(seed).space
            genome = Genome(space)
            yield genome, genome.read(list(structures(space))[:64])

    def test_places_stay_among_those_of_their_genes(self) -> None:
        """Whatever it does, and however many genes it changes, the result names values that there are."""
        for genome, places in self.populations():
            moved = self.move()(genome, places, np.random.default_rng(0))
            assert moved.shape == places.shape
            assert np.issubdtype(moved.dtype, np.integer)
            assert ((moved >= 0) & (moved < genome.sizes)).all()

    def test_the_same_stream_makes_the_same_moves(self) -> None:
        """Same seed, same design: nothing but the generator it is given decides, and what it is given is left as it was."""
        for genome, places in self.populations():
            before = places.copy()
            first, second = (self.move()(genome, places, np.random.default_rng(1)) for _ in range(2))
            assert (first == second).all()
            assert (places == before).all()

    def test_it_moves_something_somewhere(self) -> None:
        """A move that never moves would only cost time."""
        moved = [(self.move()(genome, places, np.random.default_rng(2)) != places).any() for genome, places in self.populations()]
        assert any(moved)

    def test_an_empty_generation_stays_empty(self) -> None:
        """Nothing to move is no fault."""
        for genome, places in self.populations():
            assert len(self.move()(genome, places[:0], np.random.default_rng(3))) == 0
