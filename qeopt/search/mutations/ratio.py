"""Change how much one block expands (the authors' move on `btn`)."""

from numpy.random import Generator

from qeopt.search.mutations.base import redraw
from qeopt.space import Space, Structure


def mutate(space: Space, structure: Structure, rng: Generator) -> Structure:
    """Give one block another expansion ratio."""
    return redraw(space, structure, rng, "ratio")
