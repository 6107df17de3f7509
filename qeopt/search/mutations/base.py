"""What every move is, and the steps moves share."""

from __future__ import annotations

from typing import Protocol

from numpy.random import Generator

from qeopt.space import Space, Structure
from qeopt.space.genes import Value


class Move(Protocol):
    """Changes one gene; returns the same structure where it has nothing to change."""

    def __call__(self, space: Space, structure: Structure, rng: Generator) -> Structure:
        """Return a neighbour of `structure`."""
        ...


def genes_named(space: Space, name: str) -> list[int]:
    """Positions of the genes called `name` that have a choice."""
    return [index for index, (_, gene, values) in enumerate(space.genes) if gene == name and len(values) > 1]


def with_value(structure: Structure, index: int, value: Value) -> Structure:
    """The structure with one gene set."""
    return Structure((*structure.values[:index], value, *structure.values[index + 1 :]))


def redraw(space: Space, structure: Structure, rng: Generator, name: str) -> Structure:
    """Give one gene called `name` another of its values, each as likely."""
    candidates = genes_named(space, name)
    if not candidates:
        return structure
    index = candidates[rng.integers(len(candidates))]
    others = [value for value in space.genes[index][2] if value != structure.values[index]]
    return with_value(structure, index, others[rng.integers(len(others))])


def step(space: Space, structure: Structure, index: int, by: int) -> Structure:
    """Move one gene `by` places along its values, stopping at the ends."""
    values = space.genes[index][2]
    place = min(max(values.index(structure.values[index]) + by, 0), len(values) - 1)
    return with_value(structure, index, values[place])
