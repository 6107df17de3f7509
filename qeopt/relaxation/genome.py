"""Structures as arrays: a row each, holding for every gene the place of its value among the gene's values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from qeopt.relaxation.cells.tables import Floats, Integers, Masks
from qeopt.space import Space, Structure

LARGEST_DIGIT = 1 << 62
"""Codes are put together from digits below this, which 64-bit integers hold."""


class Genome:
    """The genes of a space, and what is needed to work on many structures at once."""

    def __init__(self, space: Space) -> None:
        self._space = space

    @cached_property
    def sizes(self) -> Integers:
        """(genes,) how many values each has."""
        return np.array([len(values) for _, _, values in self._space.genes], dtype=np.int64)

    @cached_property
    def values(self) -> Floats:
        """(genes, most values) the values, ascending; infinity behind the last."""
        table = np.full((len(self.sizes), int(self.sizes.max(initial=1))), np.inf)
        for row, (_, _, values) in zip(table, self._space.genes, strict=True):
            row[: len(values)] = values
        return table

    @cached_property
    def blocks(self) -> Integers:
        """(genes,) the number of each gene's block."""
        order: dict[str, int] = {}
        return np.array([order.setdefault(block, len(order)) for block, _, _ in self._space.genes], dtype=np.int64)

    @cached_property
    def ruled(self) -> Integers:
        """Width genes that may not decrease, in the order of the chain."""
        return np.array(self._space.ruled_widths, dtype=np.int64)

    def named(self, name: str) -> Integers:
        """Genes called `name` that have a choice."""
        return np.array(
            [index for index, (_, gene, values) in enumerate(self._space.genes) if gene == name and len(values) > 1], dtype=np.int64
        )

    def read(self, structures: Sequence[Structure]) -> Integers:
        """(structures, genes) places."""
        values = np.array([structure.values for structure in structures], dtype=np.float64).reshape(
            len(structures), len(self.sizes)
        )
        columns = [
            np.searchsorted(line[:size], values[:, gene])
            for gene, (line, size) in enumerate(zip(self.values, self.sizes, strict=True))
        ]
        return np.stack(columns, axis=1)

    def structures(self, places: Integers) -> list[Structure]:
        """Spell rows out as structures."""
        genes = [values for _, _, values in self._space.genes]
        return [Structure(tuple(values[place] for values, place in zip(genes, row, strict=True))) for row in places.tolist()]

    def follow_rules(self, places: Integers) -> Masks:
        """(structures,) whether widths obey the rule between blocks."""
        widths = self.values[self.ruled, places[:, self.ruled]]
        rises: Masks = np.logical_and.reduce(widths[:, 1:] >= widths[:, :-1], axis=1)
        return rises

    def codes(self, places: Integers) -> list[int]:
        """The number of each structure, as `qeopt.search.codes.encode` gives it."""
        found = [0] * len(places)
        for genes in self._digits:
            sizes = self.sizes[genes]
            weights = np.cumprod([1, *sizes[:0:-1].tolist()])[::-1]
            base = int(np.prod(sizes))
            found = [code * base + digit for code, digit in zip(found, (places[:, genes] @ weights).tolist(), strict=True)]
        return found

    @cached_property
    def _digits(self) -> list[slice]:
        """Genes cut into stretches whose numbers fit a digit."""
        stretches: list[slice] = []
        start, base = 0, 1
        for gene, size in enumerate(self.sizes.tolist()):
            if base * size >= LARGEST_DIGIT:
                stretches.append(slice(start, gene))
                start, base = gene, 1
            base *= size
        return [*stretches, slice(start, len(self.sizes))]
