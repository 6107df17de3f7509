"""What every move is, and the steps moves share."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.random import Generator

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome


class Move(Protocol):
    """Changes at most one gene of every structure."""

    def __call__(self, genome: Genome, places: Integers, rng: Generator) -> Integers:
        """Return a neighbour of each structure: (structures, genes) places of values among those of their genes."""
        ...


def drawn(genes: Integers, count: int, rng: Generator) -> Integers:
    """One of `genes` for each of `count` structures, each as likely."""
    return genes[rng.integers(len(genes), size=count)]


def with_places(places: Integers, genes: Integers, found: Integers) -> Integers:
    """The structures with one gene of each set."""
    changed = places.copy()
    changed[np.arange(len(places)), genes] = found
    return changed


def redraw(genome: Genome, places: Integers, rng: Generator, name: str) -> Integers:
    """Give one gene called `name` another of its values, each as likely."""
    candidates = genome.named(name)
    if not len(candidates):
        return places
    genes = drawn(candidates, len(places), rng)
    sizes = genome.sizes[genes]
    return with_places(places, genes, (places[np.arange(len(places)), genes] + rng.integers(1, sizes)) % sizes)


def step(genome: Genome, places: Integers, genes: Integers, by: Integers) -> Integers:
    """Move one gene of each structure `by` places along its values, stopping at the ends."""
    found = places[np.arange(len(places)), genes] + by
    return with_places(places, genes, np.clip(found, 0, genome.sizes[genes] - 1))
