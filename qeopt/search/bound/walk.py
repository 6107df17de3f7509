"""Walk along the lattice at given prices: the best value at every border between blocks, and the structure behind it.

A state is (channels, layers used so far, bits) of the tensor between two blocks. SRAM, kernels and layers are exact; flash, bit
operations and MACs are paid for at their prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qeopt.search.lattice import BlockLattice, Crossing, FirstCell, Rows
from qeopt.search.prices import Prices, chained
from qeopt.search.tables import Floats, Integers
from qeopt.space.genes import Value

Choice = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Layers:
    """Numbers of convolutions that can have been used at a border, ascending."""

    counts: Integers

    def shift(self, by: int, into: Layers) -> tuple[Integers, Integers]:
        """Where each count lands after `by` more: positions here, positions in `into` (those over budget are dropped)."""
        wanted = self.counts + by
        place = np.searchsorted(into.counts, wanted)
        fits = (place < len(into.counts)) & (into.counts[np.minimum(place, len(into.counts) - 1)] == wanted)
        return np.flatnonzero(fits), place[fits]


class Walk:
    """One pass over the lattice at fixed prices."""

    def __init__(self, lattice: Sequence[BlockLattice], prices: Prices, start: int, widths: int, layer_budget: int | None) -> None:
        self._lattice = lattice
        self._prices = prices
        self._widths = widths
        self._priced: dict[int, Floats] = {}
        deepest = sum(_layers_of(block, max(block.units)) for block in lattice)
        self._layers = [Layers(np.array([0]))] * (len(lattice) + 1)
        self._counts_layers = False
        if layer_budget is not None and deepest > layer_budget:
            self._layers = _reachable(lattice, layer_budget)
            self._counts_layers = True
        value = np.full((1, 1, widths), -np.inf)
        value[0, 0, start] = 0.0
        self._borders = [value]
        for number, block in enumerate(lattice):
            value = self._through(number, block, value)
            self._borders.append(value)

    @property
    def value(self) -> float:
        """The best score less priced costs at the end of the chain."""
        return float(self._borders[-1].max())

    def structure(self) -> dict[str, Choice]:
        """The genes, by block, of a structure that reaches `value`."""
        border = self._borders[-1]
        width, layers, bits = np.unravel_index(int(border.argmax()), border.shape)
        state = (int(width), int(layers), int(bits))
        found: dict[str, Choice] = {}
        for number in range(len(self._lattice) - 1, -1, -1):
            genes, state = self._back(number, state)
            found[self._lattice[number].name] = genes
        return found

    def _used(self, block: BlockLattice, count: int) -> int:
        """Layers to count for a block with `count` cells; none where no structure can exceed the budget."""
        return _layers_of(block, count) if self._counts_layers else 0

    def _table(self, rows: Rows) -> Floats:
        """Priced values of a table's positions, computed once per pass."""
        key = id(rows)
        if key not in self._priced:
            self._priced[key] = self._prices.of(rows.table)[rows.index]
        return self._priced[key]

    def _through(self, number: int, block: BlockLattice, entering: Floats) -> Floats:
        """Values at the border behind a block."""
        before, behind = self._layers[number], self._layers[number + 1]
        leaving = np.full((len(block.leaving), len(behind.counts), self._widths), -np.inf)
        if 1 in block.units:
            self._gather(leaving, block, self._enter(block, block.only, entering), before, behind, self._used(block, 1))
        if block.first is None or block.middle is None or block.last is None:
            return leaving
        inside = self._enter(block, block.first, entering)
        for count in range(2, max(block.units) + 1):
            if count in block.units:
                self._gather(leaving, block, _advance(inside, self._table(block.last)), before, behind, self._used(block, count))
            inside = _advance(inside, self._table(block.middle))
        return leaving

    def _gather(self, leaving: Floats, block: BlockLattice, columns: Floats, before: Layers, behind: Layers, layers: int) -> None:
        """Take the best column of each width into the border, at the layers used then."""
        source, target = before.shift(layers, behind)
        shape = (len(block.leaving), -1, *columns.shape[1:])
        best = columns.reshape(shape).max(axis=1)  # columns are sorted by width, as many for each
        leaving[:, target] = np.maximum(leaving[:, target], best[:, source])

    def _enter(self, block: BlockLattice, first: FirstCell, entering: Floats) -> Floats:
        """Values behind the first cell of every column, by (column, layers used before, bits)."""
        inside = np.full((len(block.column_width), *entering.shape[1:]), -np.inf)
        for crossing in first.crossings:
            inside[crossing.columns] = self._cross(block, crossing, entering)
        stay = first.stay
        value = entering[stay.entries]
        for rows in stay.parts:
            value = _advance(value, self._table(rows))
        inside[stay.columns] = np.maximum(inside[stay.columns], value)
        return inside

    def _cross(self, block: BlockLattice, crossing: Crossing, entering: Floats) -> Floats:
        """The best over all other channel counts that may enter each column."""
        value = entering
        for rows in crossing.before:
            value = _advance(value, self._table(rows))
        unique = int(crossing.unique.max()) + 1
        joint = self._table(crossing.meet).reshape(len(block.entering), unique, self._widths, self._widths)
        reached = np.full((len(block.entering), unique, value.shape[1], self._widths), -np.inf)
        for bits in range(self._widths):
            if np.isfinite(value[:, :, bits]).any():
                np.maximum(reached, value[:, None, :, bits, None] + joint[:, :, None, bits, :], out=reached)
        best = _below(reached, block, crossing)
        if block.may_shrink:
            best = np.maximum(best, _above(reached, block, crossing))
        for rows in crossing.after:
            best = _advance(best, self._table(rows))
        return best

    def _back(self, number: int, state: tuple[int, int, int]) -> tuple[Choice, tuple[int, int, int]]:
        """The genes of a block that reach a state behind it best, and the state before it."""
        block, entering = self._lattice[number], self._borders[number]
        width, layers, bits = state
        best, answer = -np.inf, None
        for count in block.units:
            source, target = self._layers[number].shift(self._used(block, count), self._layers[number + 1])
            place = source[target == layers]
            if not len(place):
                continue
            first = block.only if count == 1 else block.first
            if first is None:
                continue
            for column in np.flatnonzero(block.column_width == width):
                paths = self._paths(block, first, int(column))
                for _ in range(count - 2):
                    paths = chained(paths, self._repeat(block.middle, int(column)))
                if count > 1:
                    paths = chained(paths, self._repeat(block.last, int(column)))
                values = entering[:, place[0], :] + paths[:, :, bits]
                value = float(values.max())
                if value > best:
                    entry, read = np.unravel_index(int(values.argmax()), values.shape)
                    genes = {
                        name: gene
                        for name, gene in {**block.column_genes[column], "units": count}.items()
                        if name in block.declared
                    }
                    best, answer = value, (genes, (int(entry), int(place[0]), int(read)))
        if answer is None:
            raise ValueError("a state that nothing reaches")
        return answer

    def _repeat(self, rows: Rows | None, column: int) -> Floats:
        if rows is None:
            raise ValueError("a block without further cells")
        cells: Floats = self._table(rows)[column]
        return cells

    def _paths(self, block: BlockLattice, first: FirstCell, column: int) -> Floats:
        """Values of one column's first cell by (entry, bits read, bits written)."""
        paths = np.full((len(block.entering), self._widths, self._widths), -np.inf)
        for crossing in first.crossings:
            found = np.flatnonzero(crossing.columns == column)
            if len(found):
                paths = self._crossing_paths(block, crossing, int(found[0]))
        stay = np.flatnonzero(first.stay.columns == column)
        if len(stay):
            value = self._table(first.stay.parts[0])[stay[0]]
            for rows in first.stay.parts[1:]:
                value = chained(value, self._table(rows)[stay[0]])
            paths[first.stay.entries[stay[0]]] = value
        return paths

    def _crossing_paths(self, block: BlockLattice, crossing: Crossing, place: int) -> Floats:
        unique = int(crossing.unique.max()) + 1
        paths = self._table(crossing.meet).reshape(len(block.entering), unique, self._widths, self._widths)[
            :, crossing.unique[place]
        ]
        for rows in reversed(crossing.before):
            paths = chained(self._table(rows), paths)
        for rows in crossing.after:
            paths = chained(paths, self._table(rows)[place])
        width = block.leaving[block.column_width[crossing.columns[place]]]
        allowed = block.entering != width if block.may_shrink else block.entering < width
        return np.where(allowed[:, None, None], paths, -np.inf)


def _advance(value: Floats, cells: Floats) -> Floats:
    """Move (row, layers, bits) through one cell per row."""
    best: Floats = (value[:, :, :, None] + cells[:, None, :, :]).max(axis=2)
    return best


def _below(reached: Floats, block: BlockLattice, crossing: Crossing) -> Floats:
    """For each column, the best over entries narrower than it."""
    width = block.leaving[block.column_width[crossing.columns]]
    narrower = np.searchsorted(block.entering, width, side="left")
    best = np.maximum.accumulate(reached, axis=0)[np.maximum(narrower - 1, 0), crossing.unique]
    return np.where((narrower > 0)[:, None, None], best, -np.inf)


def _above(reached: Floats, block: BlockLattice, crossing: Crossing) -> Floats:
    """For each column, the best over entries wider than it."""
    width = block.leaving[block.column_width[crossing.columns]]
    wider = np.searchsorted(block.entering, width, side="right")
    best = np.maximum.accumulate(reached[::-1], axis=0)[::-1][np.minimum(wider, len(block.entering) - 1), crossing.unique]
    return np.where((wider < len(block.entering))[:, None, None], best, -np.inf)


def _layers_of(block: BlockLattice, count: int) -> int:
    """Convolutions of a block with `count` cells."""
    first = sum(rows.table.layers for rows in block.only.stay.parts)
    return first + (0 if block.middle is None else (count - 1) * block.middle.table.layers)


def _reachable(lattice: Sequence[BlockLattice], budget: int) -> list[Layers]:
    """Layer counts at every border from which the chain can still end within the budget."""
    least = [min(_layers_of(block, count) for count in block.units) for block in lattice]
    counts = {0}
    found = [Layers(np.array([0]))]
    for number, block in enumerate(lattice):
        ahead = sum(least[number + 1 :])
        counts = {used + _layers_of(block, count) for used in counts for count in block.units}
        counts = {used for used in counts if used + ahead <= budget} or {0}
        found.append(Layers(np.array(sorted(counts))))
    return found
