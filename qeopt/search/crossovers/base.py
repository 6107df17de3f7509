"""What every crossover is, and the steps crossovers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from numpy.random import Generator

from qeopt.space import Space, Structure


class Crossover(Protocol):
    """Takes every gene from one of two structures; the child follows the rules between blocks if its parents do."""

    def __call__(self, space: Space, first: Structure, second: Structure, rng: Generator) -> Structure:
        """Return a child."""
        ...


def block_numbers(space: Space) -> list[int]:
    """The number of the block of every gene."""
    order: dict[str, int] = {}
    return [order.setdefault(block, len(order)) for block, _, _ in space.genes]


def joined(space: Space, first: Structure, second: Structure, from_second: Sequence[bool]) -> Structure:
    """Take the genes of the marked blocks from the second structure and the others from the first.

    Where that breaks the rule between widths, the widths alone stay with the first structure: they obey it.
    """
    marks = [from_second[number] for number in block_numbers(space)]
    child = Structure(tuple(b if mark else a for a, b, mark in zip(first.values, second.values, marks, strict=True)))
    if space.follows_rules(child):
        return child
    values = list(child.values)
    for index in space.ruled_widths:
        values[index] = first.values[index]
    return Structure(tuple(values))
