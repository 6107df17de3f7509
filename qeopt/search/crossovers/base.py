"""What every crossover is, and the steps crossovers share."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.random import Generator

from qeopt.relaxation.cells.tables import Integers, Masks
from qeopt.relaxation.genome import Genome


class Crossover(Protocol):
    """Takes every gene from one of two structures; a child follows the rules between blocks if its parents do."""

    def __call__(self, genome: Genome, first: Integers, second: Integers, rng: Generator) -> Integers:
        """Return a child of each pair: (structures, genes) places of values among those of their genes."""
        ...


def joined(genome: Genome, first: Integers, second: Integers, from_second: Masks) -> Integers:
    """Take the genes of the marked blocks, (structures, blocks), from the second structures and the others from the first.

    Where that breaks the rule between widths, the widths alone stay with the first structure: they obey it.
    """
    children = np.where(from_second[:, genome.blocks], second, first)
    broken = np.flatnonzero(~genome.follow_rules(children))
    children[broken[:, None], genome.ruled] = first[broken[:, None], genome.ruled]
    return children


def block_count(genome: Genome) -> int:
    """How many blocks have genes."""
    return int(genome.blocks.max(initial=-1)) + 1
