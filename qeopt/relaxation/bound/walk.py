"""Walk along the lattice at given prices: the best value at every border between blocks, and the structure behind it.

A state is (layers used so far, bits, channels) of the tensor between two blocks. SRAM, kernels and layers are exact; budgets
that add up over operators are paid for at their prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from qeopt.relaxation.cells.lattice import BlockLattice, Crossing, FirstCell, Rows
from qeopt.relaxation.cells.tables import Floats, Integers
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


@dataclass(frozen=True, slots=True)
class State:
    """A place at a border between blocks, by index."""

    layers: int
    bits: int
    width: int


class Walk:
    """One pass over the lattice at fixed prices."""

    def __init__(self, lattice: Sequence[BlockLattice], prices: Floats, start: int, widths: int, layer_budget: int | None) -> None:
        """Walk.

        Args:
            lattice: The cells of the space.
            prices: (totals,) nats per unit of each total.
            start: Index of the image's bits among the boundary widths.
            widths: How many boundary widths there are.
            layer_budget: Most layers; None for any number.
        """
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
        value = np.full((1, widths, 1), -np.inf)
        value[0, start] = 0.0
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
        layers, bits, width = np.unravel_index(int(border.argmax()), border.shape)
        state = State(int(layers), int(bits), int(width))
        found: dict[str, Choice] = {}
        for number in range(len(self._lattice) - 1, -1, -1):
            genes, state = self._back(number, state)
            found[self._lattice[number].name] = genes
        return found

    def _used(self, block: BlockLattice, count: int) -> int:
        """Layers to count for a block with `count` cells; none where no structure can exceed the budget."""
        return _layers_of(block, count) if self._counts_layers else 0

    def _table(self, rows: Rows) -> Floats:
        """(bits read, bits written, positions) priced values of a table's positions, computed once per pass."""
        key = id(rows)
        if key not in self._priced:
            self._priced[key] = rows.placed(rows.table.priced(self._prices[:, None]))
        return self._priced[key]

    def _through(self, number: int, block: BlockLattice, entering: Floats) -> Floats:
        """Values at the border behind a block."""
        before, behind = self._layers[number], self._layers[number + 1]
        leaving = np.full((len(behind.counts), self._widths, len(block.leaving)), -np.inf)
        if 1 in block.units:
            self._gather(leaving, self._enter(block, block.only, entering), before.shift(self._used(block, 1), behind))
        if block.first is None or block.middle is None or block.last is None:
            return leaving
        inside = self._enter(block, block.first, entering)
        for count in range(2, max(block.units) + 1):
            if count in block.units:
                ended = _advance(inside, self._table(block.last))
                self._gather(leaving, ended, before.shift(self._used(block, count), behind))
            if count < max(block.units):
                inside = _advance(inside, self._table(block.middle))
        return leaving

    @staticmethod
    def _gather(leaving: Floats, columns: Floats, shift: tuple[Integers, Integers]) -> None:
        """Take the best column of each width into the border, at the layers used then."""
        source, target = shift
        best = columns.reshape(*columns.shape[:2], leaving.shape[2], -1).max(axis=3)  # columns are sorted by width
        leaving[target] = np.maximum(leaving[target], best[source])

    def _enter(self, block: BlockLattice, first: FirstCell, entering: Floats) -> Floats:
        """Values behind the first cell of every column, by (layers used before, bits, column)."""
        inside = np.full((*entering.shape[:2], len(block.column_width)), -np.inf)
        for crossing in first.crossings:
            inside[:, :, crossing.columns] = self._cross(block, crossing, entering)
        stay = first.stay
        value = entering[:, :, stay.entries]
        for rows in stay.parts:
            value = _advance(value, self._table(rows))
        inside[:, :, stay.columns] = np.maximum(inside[:, :, stay.columns], value)
        return inside

    def _cross(self, block: BlockLattice, crossing: Crossing, entering: Floats) -> Floats:
        """The best over all other channel counts that may enter each column."""
        value = entering
        for rows in crossing.before:
            value = _advance(value, self._table(rows))
        joint = self._meet(block, crossing)
        reached = np.full((len(value), *joint.shape[1:]), -np.inf)
        room = np.empty(joint.shape[1:])  # large: to allocate it anew takes longer than to fill it
        for layer, read in np.argwhere(np.isfinite(value).any(axis=2)).tolist():
            np.add(joint[read], value[layer, read, :, None], out=room)
            np.maximum(reached[layer], room, out=reached[layer])
        best = _from_narrower(reached, block, crossing)
        if block.may_shrink:
            best = np.maximum(best, _from_wider(reached, block, crossing))
        for rows in crossing.after:
            best = _advance(best, self._table(rows))
        return best

    def _meet(self, block: BlockLattice, crossing: Crossing) -> Floats:
        """(bits read, bits written, entries, unique columns) the part that joins both sides."""
        return self._table(crossing.meet).reshape(self._widths, self._widths, len(block.entering), -1)

    def _back(self, number: int, state: State) -> tuple[Choice, State]:
        """The genes of a block that reach a state behind it best, and the state before it."""
        block, entering = self._lattice[number], self._borders[number]
        columns = np.flatnonzero(block.column_width == state.width)
        found: list[tuple[float, int, int, State]] = []
        for count in block.units:
            source, target = self._layers[number].shift(self._used(block, count), self._layers[number + 1])
            first = block.only if count == 1 else block.first
            place = source[target == state.layers]
            if first is None or not len(place):
                continue
            ahead = np.full((self._widths, len(columns)), -np.inf)
            ahead[state.bits] = 0.0
            for rows in self._repeats(block, count):
                ahead = _retreat(self._table(rows)[:, :, columns], ahead)
            for value, column, read, entry in self._origins(block, first, columns, ahead, entering[place[0]]):
                found.append((value, count, column, State(int(place[0]), read, entry)))
        value, count, column, before = max(found, key=lambda way: way[0])
        if value == -np.inf:
            raise ValueError("a state that nothing reaches")
        genes = {**block.column_genes[column], "units": count}
        return {name: gene for name, gene in genes.items() if name in block.declared}, before

    @staticmethod
    def _repeats(block: BlockLattice, count: int) -> list[Rows]:
        """The cells behind the first of `count`, last one first."""
        if count == 1 or block.middle is None or block.last is None:
            return []
        return [block.last, *[block.middle] * (count - 2)]

    def _origins(
        self, block: BlockLattice, first: FirstCell, columns: Integers, ahead: Floats, entering: Floats
    ) -> Iterator[tuple[float, int, int, int]]:
        """Where the first cell of some columns is best entered from: value, column, bits read, entry.

        Args:
            block: What is entered.
            first: Its first cell.
            columns: Columns that may be gone through.
            ahead: (bits, columns) what follows the first cell.
            entering: (bits, entries) what comes before it.
        """
        for crossing in first.crossings:
            place = np.flatnonzero(np.isin(crossing.columns, columns))
            if len(place):
                here = np.isin(columns, crossing.columns)
                yield _best(entering[:, :, None] + self._crossed(block, crossing, place, ahead[:, here]), columns[here])
        stay = first.stay
        place = np.flatnonzero(np.isin(stay.columns, columns))
        if len(place):
            value = ahead[:, np.isin(columns, stay.columns)]
            for rows in reversed(stay.parts):
                value = _retreat(self._table(rows)[:, :, place], value)
            total = entering[:, stay.entries[place]] + value
            read, index = np.unravel_index(int(total.argmax()), total.shape)
            yield float(total.max()), int(stay.columns[place[index]]), int(read), int(stay.entries[place[index]])

    def _crossed(self, block: BlockLattice, crossing: Crossing, place: Integers, ahead: Floats) -> Floats:
        """(bits read, entries, columns) the way from every other channel count through some columns of a crossing."""
        for rows in reversed(crossing.after):
            ahead = _retreat(self._table(rows)[:, :, place], ahead)
        paths = _retreat(self._meet(block, crossing)[:, :, :, crossing.unique[place]], ahead[:, None, :])
        for rows in reversed(crossing.before):
            paths = _retreat(self._table(rows)[:, :, :, None], paths)
        width = block.leaving[block.column_width[crossing.columns[place]]]
        entering = block.entering[:, None]
        return np.where((entering != width) if block.may_shrink else (entering < width), paths, -np.inf)


def _advance(value: Floats, cells: Floats) -> Floats:
    """Move (layers, bits, rows) forward through one cell per row."""
    best: Floats = value[:, 0, None] + cells[0]
    for read in range(1, len(cells)):
        np.maximum(best, value[:, read, None] + cells[read], out=best)
    return best


def _retreat(cells: Floats, ahead: Floats) -> Floats:
    """Move (bits, ...) backward through the cells (bits read, bits written, ...)."""
    best: Floats = cells[:, 0] + ahead[0]
    for written in range(1, len(ahead)):
        np.maximum(best, cells[:, written] + ahead[written], out=best)
    return best


def _best(total: Floats, columns: Integers) -> tuple[float, int, int, int]:
    """The best of (bits read, entries, columns): its value, column, bits read and entry."""
    read, entry, column = np.unravel_index(int(total.argmax()), total.shape)
    return float(total[read, entry, column]), int(columns[column]), int(read), int(entry)


def _from_narrower(reached: Floats, block: BlockLattice, crossing: Crossing) -> Floats:
    """For each column, the best over entries narrower than it."""
    width = block.leaving[block.column_width[crossing.columns]]
    narrower = np.searchsorted(block.entering, width, side="left")
    best = _running(reached)[:, :, np.maximum(narrower - 1, 0), crossing.unique]
    return np.where(narrower > 0, best, -np.inf)


def _from_wider(reached: Floats, block: BlockLattice, crossing: Crossing) -> Floats:
    """For each column, the best over entries wider than it."""
    width = block.leaving[block.column_width[crossing.columns]]
    wider = np.searchsorted(block.entering, width, side="right")
    best = _running(reached[:, :, ::-1])[:, :, ::-1]
    best = best[:, :, np.minimum(wider, len(block.entering) - 1), crossing.unique]
    return np.where(wider < len(block.entering), best, -np.inf)


def _running(reached: Floats) -> Floats:
    """The best so far along the entries; `np.maximum.accumulate` takes several times as long along an axis before the last."""
    best = reached.copy()
    for entry in range(1, best.shape[2]):
        np.maximum(best[:, :, entry], best[:, :, entry - 1], out=best[:, :, entry])
    return best


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
