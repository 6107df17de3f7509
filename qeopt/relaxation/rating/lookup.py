"""Relax structures by looking their cells up in the lattice: no cell is priced twice, and a hundred thousand take a second.

At given prices it serves any problem. At the best of many prices it serves problems whose bits separate: one budget at most depends
on bits, and on those of weights alone, and every kernel takes any legal weights with any legal activations. Then activations are a
dynamic program that no price changes, and weights cost a number per cell and price.
`qeopt.relaxation.rating.exact` looks the weights of every cell up in the same tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from qeopt.budgets import LAYERS
from qeopt.qbr import Refiner
from qeopt.relaxation.cells.lattice import BlockLattice, Crossing, FirstCell, Rows
from qeopt.relaxation.cells.tables import CellTable, Floats, Integers
from qeopt.relaxation.cells.totals import totals_of
from qeopt.relaxation.rating.members import Genes
from qeopt.relaxation.rating.pieces import Piece, Visit, joined, stacked, weights_of
from qeopt.relaxation.rating.weights import NO_WEIGHTS, WeightItems
from qeopt.space import Space
from qeopt_solvers.chains.distinct import Items

WORTHS = (0.5, 4000.0)
"""Least and greatest price to bound at, as nats that the whole flash budget is worth; none is looked at too."""
WORK = 4_000_000
"""Numbers to prepare: small spaces are bounded at more prices than large ones."""
BESIDE = 3
"""Numbers beside the priced ones and the least of every total: layers, score and cost that no bits change."""


@dataclass(frozen=True, slots=True)
class BlockLookup:
    """One block: how to go through it from any entry, for every column and number of cells."""

    lattice: BlockLattice
    enter: tuple[Piece, Piece]
    """(entries, unique columns) the part that joins both sides, where the first cell is the only one and where others follow."""
    unique: tuple[Integers, Integers]
    """For each column, its unique column in `enter`."""
    leave: Piece
    """(columns, numbers of cells) everything behind it."""
    stay: Piece
    """(columns, numbers of cells) the way through from the column's own channel count."""


def is_separable(lattice: Sequence[BlockLattice]) -> bool:
    """Whether weights and activations of every cell can be chosen apart."""
    tables = [table for block in lattice for table in _tables(block)]
    return all(table.separates for table in tables) and len(_weighed(tables)) <= 1


def _weighed(tables: Sequence[CellTable]) -> list[int]:
    """The totals that bits of weights change."""
    costs = [group.costs for table in tables for group in table.groups]
    return sorted({number for of_group in costs for number, cost in enumerate(of_group) if cost is not None})


class Lookup:
    """Bounds structures of one space by looking their cells up."""

    def __init__(
        self, space: Space, refiner: Refiner, lattice: Sequence[BlockLattice], start: int, at: Floats | None = None
    ) -> None:
        """Prepare the blocks.

        Args:
            space: Structures.
            refiner: The terms under which bits are chosen.
            lattice: The space's cells.
            start: Index of the image's bits among the boundary widths.
            at: (totals,) prices to bound at; left out, bits must separate, and the best of many prices is taken.
        """
        totals = totals_of(refiner)
        tables = [table for block in lattice for table in _tables(block)]
        self._at = at
        self._weighed = next(iter(_weighed(tables)), None) if at is None else None
        self._limits = [total.limit for total in totals]
        self._layers = refiner.limits.get(LAYERS.name)
        self._budget = None if self._weighed is None else self._limits[self._weighed]
        self._worths = np.zeros(1) if self._budget is None else _worths(tables)
        self._prices = self._worths / (self._budget or 1)
        if at is not None:
            self._worths = np.array([at @ np.array([limit or 0 for limit in self._limits])])
        self._start = start
        self._boundary = lattice[0].only.stay.parts[0].table.boundary
        self._weights = WeightItems()
        self._pieces: dict[int, Piece] = {}
        self._blocks = [self._block(block) for block in lattice]
        self._pieces.clear()
        self._genes = [Genes.of(space, block) for block in lattice]

    @property
    def budget(self) -> int | None:
        """The limit of what weights cost, in the unit of the tables; None where there is none."""
        return self._budget

    def bound(self, places: Integers) -> Floats:
        """(structures,) scores that no bits exceed, given the places of genes; -inf where nothing fits."""
        bits, sums = self._walked(places)
        bounds: Floats = (sums[:, : len(self._worths)] + self._worths).min(axis=1) + bits
        return bounds

    def parts(self, places: Integers) -> tuple[Floats, Floats, Floats, Integers]:
        """What structures are made of: the best gain of activation bits, score and cost that no bits change, and their weights.

        Returns:
            (structures,) nats, -inf beyond a limit; (structures,) nats; (structures,) in the runtime's unit; (structures, groups)
            items of `self.items`, `NO_WEIGHTS` behind the last of each.
        """
        bits, sums = self._walked(places)
        none = np.full((len(places), 1), NO_WEIGHTS)
        weights = [none, *(weights_of(visits, len(places)) for visits in self._visits(places))]
        found = -np.sort(-np.concatenate(weights, axis=1), axis=1)
        return bits, sums[:, -2], sums[:, -1], found[:, : int((found != NO_WEIGHTS).sum(axis=1).max(initial=1))]

    @cached_property
    def items(self) -> Items | None:
        """The weights of all cells; None where their numbers are too large for exact sums."""
        return self._weights.collected()

    def _walked(self, places: Integers) -> tuple[Floats, Floats]:
        """(structures,) best gain of activation bits, -inf beyond a limit; and (structures, numbers) sums."""
        value = np.full((len(places), self._boundary), -np.inf)
        value[:, self._start] = 0.0
        sums = np.zeros((len(places), self._numbers))
        for visits in self._visits(places):
            behind = np.full_like(value, -np.inf)
            for here, pieces in visits:
                reached = value[here]
                for piece, index in pieces:
                    reached = (reached[:, :, None] + piece.bits[index]).max(axis=1)
                    sums[here] += piece.sums[index]
                behind[here] = reached
            value = behind
        best: Floats = value.max(axis=1)
        for used, limit in zip(sums[:, len(self._prices) :].T, (*self._limits, self._layers), strict=False):
            if limit is not None:
                best = np.where(used <= limit, best, -np.inf)
        return best, sums

    @property
    def _numbers(self) -> int:
        """Numbers that add up along a chain: score less priced cost at every price, the least of every total, those beside."""
        return len(self._prices) + len(self._limits) + BESIDE

    def _visits(self, places: Integers) -> Iterator[tuple[Visit, ...]]:
        """Take structures through the blocks."""
        entry = np.zeros(len(places), dtype=np.int64)
        for block, genes in zip(self._blocks, self._genes, strict=True):
            visits, entry = _through(block, places, genes, entry)
            yield visits

    def _block(self, block: BlockLattice) -> BlockLookup:
        firsts = [block.only, block.first or block.only]
        entered = [self._enter(block, first) for first in firsts]
        repeats = [self._repeated(block, count) for count in block.units]
        behind = [
            after if repeat is None else after.then(repeat)
            for count, repeat in zip(block.units, repeats, strict=True)
            for after in (entered[count > 1][2],)
        ]
        stays = [self._stay(block, firsts[count > 1]) for count in block.units]
        through = [stay if repeat is None else stay.then(repeat) for stay, repeat in zip(stays, repeats, strict=True)]
        return BlockLookup(block, (entered[0][0], entered[1][0]), (entered[0][1], entered[1][1]), stacked(behind), stacked(through))

    def _repeated(self, block: BlockLattice, count: int) -> Piece | None:
        """What follows the first of `count` cells, by column."""
        if count == 1 or block.middle is None or block.last is None:
            return None
        piece = self._piece(block.last)
        for _ in range(count - 2):
            piece = self._piece(block.middle).then(piece)
        return piece

    def _enter(self, block: BlockLattice, first: FirstCell) -> tuple[Piece, Integers, Piece]:
        """The joining part, the unique column of each column in it, and the parts behind it by column."""
        size = len(block.column_width)
        if not first.crossings:
            nothing = self._nothing((len(block.entering), 1), feasible=False)
            return nothing, np.zeros(size, dtype=np.int64), self._nothing((size,), feasible=True)
        unique = np.zeros(size, dtype=np.int64)
        meet: list[Piece] = []
        follow: list[Piece] = []
        for crossing in first.crossings:
            unique[crossing.columns] = sum(piece.bits.shape[1] for piece in meet) + crossing.unique
            meet.append(self._joined(block, crossing))
            after = self._nothing((len(crossing.columns),), feasible=True)
            for rows in crossing.after:
                after = after.then(self._piece(rows))
            follow.append(after)
        columns = np.argsort(np.concatenate([crossing.columns for crossing in first.crossings]))
        return joined(meet, axis=1), unique, joined(follow, axis=0).at(columns)

    def _joined(self, block: BlockLattice, crossing: Crossing) -> Piece:
        meet = self._piece(crossing.meet)
        shape = (len(block.entering), int(crossing.unique.max()) + 1)
        bits = meet.bits.reshape(*shape, *meet.bits.shape[1:])
        piece = Piece(bits, meet.sums.reshape(*shape, -1), meet.weights.reshape(*shape, -1))
        for rows in reversed(crossing.before):
            before = self._piece(rows)
            piece = Piece(before.bits[:, None], before.sums[:, None], before.weights[:, None]).then(piece)
        return piece

    def _stay(self, block: BlockLattice, first: FirstCell) -> Piece:
        """The first cell of every column from its own channel count; infeasible where that cannot enter."""
        piece = self._nothing((len(block.column_width),), feasible=False)
        inner = self._nothing((len(first.stay.columns),), feasible=True)
        for rows in first.stay.parts:
            inner = inner.then(self._piece(rows))
        piece.bits[first.stay.columns], piece.sums[first.stay.columns] = inner.bits, inner.sums
        weights = np.full((len(block.column_width), inner.weights.shape[1]), NO_WEIGHTS)
        weights[first.stay.columns] = inner.weights
        return replace(piece, weights=weights)

    def _piece(self, rows: Rows) -> Piece:
        if id(rows) in self._pieces:
            return self._pieces[id(rows)]
        table = rows.table
        if self._at is None:
            priced = [self._without_activations(table, price) for price in self._prices.tolist()]
            weights, gain, cost = self._weights.of(table, self._weighed)
            bits = np.moveaxis(table.activations(), -1, 0)
        else:
            gain = cost = np.zeros(table.size)
            priced, weights = [gain], np.zeros((table.size, 0), dtype=np.int64)
            bits = np.moveaxis(table.priced(self._at[:, None]), -1, 0)
        counts = [*table.least(), np.full(table.size, float(table.layers)), gain, cost]
        piece = Piece(bits[rows.index], np.stack([*priced, *counts], axis=1)[rows.index], weights[rows.index])
        self._pieces[id(rows)] = piece
        return piece

    def _without_activations(self, table: CellTable, price: float) -> Floats:
        """(cells,) score less priced cost that activation bits do not change."""
        prices = np.zeros((len(self._limits), 1))
        if self._weighed is not None:
            prices[self._weighed] = price
        worths = (group.worth(prices, table.size)[0] for group in table.groups)
        found: Floats = table.constant - (prices * table.fixed).sum(axis=0) + sum(worths, start=np.zeros(1))
        return found

    def _nothing(self, shape: tuple[int, ...], *, feasible: bool) -> Piece:
        """No cell at all (feasible), or no way through."""
        width = self._boundary
        bits = np.full((*shape, width, width), -np.inf)
        if feasible:
            bits[..., np.arange(width), np.arange(width)] = 0.0
        return Piece(bits, np.zeros((*shape, self._numbers)), np.zeros((*shape, 0), dtype=np.int64))


def _through(block: BlockLookup, places: Integers, genes: Genes, entry: Integers) -> tuple[tuple[Visit, ...], Integers]:
    """How every structure goes through a block, and its entry into the next block."""
    lattice = block.lattice
    width, column, number = genes.read(places, entry)
    stays = lattice.entering[entry] == lattice.leaving[width]
    here = np.flatnonzero(stays)
    visits: list[Visit] = [(here, ((block.stay, (column[here], number[here])),))]
    alone = np.array(lattice.units)[number] == 1
    for several, enter, unique in zip((False, True), block.enter, block.unique, strict=True):
        here = np.flatnonzero(~stays & (alone != several))
        if len(here):  # a block that changes no width has nothing to enter by
            visits.append((here, ((enter, (entry[here], unique[column[here]])), (block.leave, (column[here], number[here])))))
    return tuple(visits), width


def _worths(tables: Sequence[CellTable]) -> Floats:
    """Prices to bound at: the more of them, the closer the bound comes to the best price of each structure."""
    cells = sum(table.size for table in tables)
    return np.concatenate([np.zeros(1), np.geomspace(*WORTHS, int(np.clip(WORK // max(cells, 1), 24, 240)))])


def _tables(block: BlockLattice) -> list[CellTable]:
    """Every table of a block."""
    rows = [rows for rows in (block.middle, block.last) if rows is not None]
    for first in (block.only, block.first):
        if first is not None:
            rows += first.stay.parts
            for crossing in first.crossings:
                rows += [*crossing.before, crossing.meet, *crossing.after]
    return [found.table for found in rows]
