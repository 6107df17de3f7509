"""Change the window of one block (the authors' move on `k`)."""

from numpy.random import Generator

from qeopt.search.genome import Genome
from qeopt.search.mutations.base import redraw
from qeopt.search.tables import Integers


def mutate(genome: Genome, places: Integers, rng: Generator) -> Integers:
    """Give one block another kernel size."""
    return redraw(genome, places, rng, "kernel")
