"""Take each block from either parent."""

from numpy.random import Generator

from qeopt.search.crossovers.base import block_numbers, joined
from qeopt.space import Space, Structure


def cross(space: Space, first: Structure, second: Structure, rng: Generator) -> Structure:
    """Take every block, with all its genes, from one parent or the other, each as likely."""
    blocks = 1 + max(block_numbers(space), default=0)
    return joined(space, first, second, [bool(mark) for mark in rng.integers(2, size=blocks)])
