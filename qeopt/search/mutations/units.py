"""Add or remove units of one block (the authors' move on `L`: one or two either way)."""

from numpy.random import Generator

from qeopt.search.mutations.base import genes_named, step
from qeopt.space import Space, Structure

STEPS = (-2, -1, 1, 2)


def mutate(space: Space, structure: Structure, rng: Generator) -> Structure:
    """Give one block one or two units more or fewer."""
    candidates = genes_named(space, "units")
    if not candidates:
        return structure
    return step(space, structure, candidates[rng.integers(len(candidates))], STEPS[rng.integers(len(STEPS))])
