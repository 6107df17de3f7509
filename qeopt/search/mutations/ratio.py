"""Change how much one block expands (the authors' move on `btn`)."""

from numpy.random import Generator

from qeopt.search.cells.tables import Integers
from qeopt.search.genome import Genome
from qeopt.search.mutations.base import redraw


def mutate(genome: Genome, places: Integers, rng: Generator) -> Integers:
    """Give one block another expansion ratio."""
    return redraw(genome, places, rng, "ratio")
