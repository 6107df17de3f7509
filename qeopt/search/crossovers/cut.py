"""Cut both chains before one block and join the head of the first to the tail of the second."""

from numpy.random import Generator

from qeopt.search.crossovers.base import block_numbers, joined
from qeopt.space import Space, Structure


def cross(space: Space, first: Structure, second: Structure, rng: Generator) -> Structure:
    """Take the blocks up to a random place from the first parent and the rest from the second."""
    blocks = 1 + max(block_numbers(space), default=0)
    place = int(rng.integers(blocks + 1))
    return joined(space, first, second, [number >= place for number in range(blocks)])
