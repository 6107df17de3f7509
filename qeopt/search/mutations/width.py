"""Change the width of one block (the authors' move on `out`: scaled, rounded to a declared width, kept between its neighbours)."""

import numpy as np
from numpy.random import Generator

from qeopt.search.mutations.base import genes_named, step, with_value
from qeopt.space import Space, Structure

FACTORS = (2, 1.5, 1.25, 0.8, 0.6, 0.5)
NUDGES = (-2, -1, 1, 2)
"""Places along the declared widths; factors alone cannot settle between them."""


def mutate(space: Space, structure: Structure, rng: Generator) -> Structure:
    """Scale or nudge the width of one block."""
    candidates = genes_named(space, "width")
    if not candidates:
        return structure
    index = candidates[rng.integers(len(candidates))]
    if rng.integers(2):
        return _between_neighbours(space, step(space, structure, index, NUDGES[rng.integers(len(NUDGES))]), index)
    values = np.asarray(space.genes[index][2])
    wanted = structure.values[index] * FACTORS[rng.integers(len(FACTORS))]
    nearest = space.genes[index][2][int(np.abs(values - wanted).argmin())]
    return _between_neighbours(space, with_value(structure, index, nearest), index)


def _between_neighbours(space: Space, structure: Structure, index: int) -> Structure:
    """Clamp one width to those before and after it, where the space asks for widths that never decrease."""
    ruled = space.ruled_widths
    if index not in ruled:
        return structure
    place = ruled.index(index)
    low = structure.values[ruled[place - 1]] if place else 0
    high = structure.values[ruled[place + 1]] if place + 1 < len(ruled) else float("inf")
    allowed = [value for value in space.genes[index][2] if low <= value <= high]
    if not allowed:
        return structure
    return with_value(structure, index, min(allowed, key=lambda value: abs(value - structure.values[index])))
