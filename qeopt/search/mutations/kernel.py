"""Change the window of one block (the authors' move on `k`)."""

from numpy.random import Generator

from qeopt.search.mutations.base import redraw
from qeopt.space import Space, Structure


def mutate(space: Space, structure: Structure, rng: Generator) -> Structure:
    """Give one block another kernel size."""
    return redraw(space, structure, rng, "kernel")
