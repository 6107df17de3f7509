"""Take each block from either parent."""

from numpy.random import Generator

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome
from qeopt.search.crossovers.base import block_count, joined


def cross(genome: Genome, first: Integers, second: Integers, rng: Generator) -> Integers:
    """Take every block, with all its genes, from one parent or the other, each as likely."""
    return joined(genome, first, second, rng.integers(2, size=(len(first), block_count(genome))) == 1)
