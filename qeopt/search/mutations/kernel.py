"""Change the window of one block (the authors' move on `k`)."""

from numpy.random import Generator

from qeopt.search.cells.tables import Integers
from qeopt.search.genome import Genome
from qeopt.search.mutations.base import redraw


def mutate(genome: Genome, places: Integers, rng: Generator) -> Integers:
    """Give one block another kernel size."""
    return redraw(genome, places, rng, "kernel")
