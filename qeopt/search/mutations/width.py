"""Change the width of one block (the authors' move on `out`: scaled, rounded to a declared width, kept between its neighbours)."""

import numpy as np
from numpy.random import Generator

from qeopt.relaxation.cells.tables import Floats, Integers, Masks
from qeopt.relaxation.genome import Genome
from qeopt.search.mutations.base import drawn, step, with_places

FACTORS = np.array([2, 1.5, 1.25, 0.8, 0.6, 0.5])
NUDGES = np.array([-2, -1, 1, 2])
"""Places along the declared widths; factors alone cannot settle between them."""


def mutate(genome: Genome, places: Integers, rng: Generator) -> Integers:
    """Scale or nudge the width of one block."""
    candidates = genome.named("width")
    if not len(candidates):
        return places
    size = len(places)
    genes = drawn(candidates, size, rng)
    nudged = step(genome, places, genes, drawn(NUDGES, size, rng))
    wanted = genome.values[genes, places[np.arange(size), genes]] * FACTORS[rng.integers(len(FACTORS), size=size)]
    scaled = with_places(places, genes, _nearest(genome.values[genes], wanted))
    return _between_neighbours(genome, np.where(rng.integers(2, size=size)[:, None] == 0, nudged, scaled), genes)


def _between_neighbours(genome: Genome, places: Integers, genes: Integers) -> Integers:
    """Clamp one width of each structure to those before and after it, where the space asks for widths that never decrease."""
    some = np.flatnonzero(np.isin(genes, genome.ruled))
    if not len(some):
        return places
    ruled, turn = genome.ruled, np.searchsorted(genome.ruled, genes[some])
    widths = genome.values[ruled, places[some][:, ruled]]
    edge = np.full((len(some), 1), np.inf)
    around = np.concatenate([-edge, widths, edge], axis=1)
    line = np.arange(len(some))
    own, values = widths[line, turn], genome.values[genes[some]]
    allowed = (values >= around[line, turn][:, None]) & (values <= around[line, turn + 2][:, None]) & np.isfinite(values)
    can = np.flatnonzero(allowed.any(axis=1))
    clamped = places.copy()
    clamped[some[can], genes[some[can]]] = _nearest(values[can], own[can], allowed[can])
    return clamped


def _nearest(values: Floats, wanted: Floats, allowed: Masks | None = None) -> Integers:
    """The place of the (allowed) value nearest to what is wanted, by row; of two as near, the smaller."""
    away = np.abs(values - wanted[:, None])
    nearest: Integers = (away if allowed is None else np.where(allowed, away, np.inf)).argmin(axis=1)
    return nearest
