"""Change the window of one block (the authors' move on `k`)."""

from numpy.random import Generator

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome
from qeopt.search.mutations.base import redraw


def mutate(genome: Genome, places: Integers, rng: Generator) -> Integers:
    """Give one block another kernel size."""
    return redraw(genome, places, rng, "kernel")
