"""Change how much one block expands (the authors' move on `btn`)."""

from numpy.random import Generator

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome
from qeopt.search.mutations.base import redraw


def mutate(genome: Genome, places: Integers, rng: Generator) -> Integers:
    """Give one block another expansion ratio."""
    return redraw(genome, places, rng, "ratio")
