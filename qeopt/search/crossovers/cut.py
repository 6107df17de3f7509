"""Cut both chains before one block and join the head of the first to the tail of the second."""

import numpy as np
from numpy.random import Generator

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome
from qeopt.search.crossovers.base import block_count, joined


def cross(genome: Genome, first: Integers, second: Integers, rng: Generator) -> Integers:
    """Take the blocks up to a random place from the first parent and the rest from the second."""
    blocks = block_count(genome)
    places = rng.integers(blocks + 1, size=len(first))
    return joined(genome, first, second, np.arange(blocks) >= places[:, None])
