"""Add or remove units of one block (the authors' move on `L`: one or two either way)."""

import numpy as np
from numpy.random import Generator

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome
from qeopt.search.mutations.base import drawn, step

STEPS = np.array([-2, -1, 1, 2])


def mutate(genome: Genome, places: Integers, rng: Generator) -> Integers:
    """Give one block one or two units more or fewer."""
    candidates = genome.named("units")
    if not len(candidates):
        return places
    return step(genome, places, drawn(candidates, len(places), rng), drawn(STEPS, len(places), rng))
