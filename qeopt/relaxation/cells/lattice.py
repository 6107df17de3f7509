"""Every cell that a block of a space can hold, tabulated once: the lattice that the bound walks along.

Between blocks only the channel count and the bits of one tensor matter. Inside a block, the columns are its choices of width and of
the other genes; the cell that takes the chain from the channels entering to the block's own is taken apart where no tensor skips
a part, so that a table needs the channels of both sides only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.relaxation.cells.overhead import ANY, Overhead
from qeopt.relaxation.cells.parting import Parting, alike, dims_of, distinct, meeting, parted, parts_of, places_of
from qeopt.relaxation.cells.recent import Recent, fingerprint
from qeopt.relaxation.cells.tables import CellKind, CellTable, Floats, Integers
from qeopt.relaxation.cells.tabulate import tabulate
from qeopt.space import Place, Space, Structure, Task
from qeopt.space.blocks.base import BlockKind
from qeopt.space.cells import Cell
from qeopt.space.genes import Value


@dataclass(frozen=True, slots=True)
class Rows:
    """A table, and which of its cells stands at each position."""

    table: CellTable
    index: Integers

    def placed(self, cells: Floats) -> Floats:
        """Values of the table's cells (last axis), by position."""
        as_they_are = np.array_equal(self.index, np.arange(cells.shape[-1]))
        return cells if as_they_are else cells[..., self.index]


@dataclass(frozen=True, slots=True)
class Crossing:
    """How some columns of a block are reached from other channel counts."""

    columns: Integers
    """Columns reached."""
    before: tuple[Rows, ...]
    """Parts that depend on the channels entering alone, one row per entry."""
    meet: Rows
    """The part that joins both sides: rows (entry, unique column)."""
    unique: Integers
    """For each column, its unique column in `meet`."""
    after: tuple[Rows, ...]
    """Parts that depend on the column alone, one row per column."""


@dataclass(frozen=True, slots=True)
class Stay:
    """How columns are reached from their own channel count."""

    columns: Integers
    entries: Integers
    """For each of those columns, the entry with its channel count."""
    parts: tuple[Rows, ...]

    @property
    def layers(self) -> int:
        """Convolutions of the cell."""
        return sum(rows.table.layers for rows in self.parts)


@dataclass(frozen=True, slots=True)
class FirstCell:
    """The first cell of a block at one place."""

    crossings: tuple[Crossing, ...]
    stay: Stay


@dataclass(frozen=True, slots=True)
class BlockLattice:
    """A block: what enters, its columns, and its cells."""

    name: str
    entering: Integers
    """Channel counts that may enter, ascending."""
    leaving: Integers
    """Channel counts that may leave, ascending."""
    column_width: Integers
    """For each column, the position of its width among `leaving`."""
    column_genes: tuple[Mapping[str, Value], ...]
    """For each column, its genes."""
    declared: frozenset[str]
    """Names of the genes that the block declares."""
    units: tuple[int, ...]
    may_shrink: bool
    """Whether fewer channels may leave than enter."""
    only: FirstCell
    """The first cell where it is the only one."""
    first: FirstCell | None
    """The first cell where others follow."""
    middle: Rows | None
    """Further cells: one row per column."""
    last: Rows | None
    """The last of several cells: one row per column."""


_RECENT: Recent[tuple[BlockLattice, ...]] = Recent()


def build_lattice(space: Space, task: Task, refiner: Refiner, overhead: Overhead = ANY) -> tuple[BlockLattice, ...]:
    """Tabulate every block of `space`, or return what was tabulated for the same terms just before.

    Args:
        space: Structures.
        task: What the network reads and tells apart.
        refiner: The terms under which bits are chosen.
        overhead: The designs that are meant, by what they hold beside their tensors.

    Raises:
        NotSeparable: when the cells of a block cannot be taken apart as the bound needs.
    """
    name = f"{fingerprint(space, task, refiner)} {overhead}"
    return _RECENT.get(name, _LatticeBuilder(space, task, refiner, overhead).build)


@dataclass(frozen=True, slots=True)
class _Ways:
    """The first cell of a block, wherever it stands."""

    stay: tuple[Cell, Integers]
    """The cell of the columns that are entered from their own channel count, and the channels it reads."""
    columns: Integers
    """Those columns."""
    entries: Integers
    """The entry of each."""
    cross: Cell | None
    """The cell from every entry to every column; None where the block has no channels of its own."""
    crossings: tuple[Parting, ...]


class _LatticeBuilder:
    def __init__(self, space: Space, task: Task, refiner: Refiner, overhead: Overhead) -> None:
        self._space = space
        self._task = task
        self._refiner = refiner
        self._overhead = overhead
        self._boundary = boundary_widths(refiner)
        self._tables: dict[tuple[CellKind, bytes], Rows] = {}
        self._by_count: dict[int, dict[int, list[Place]]] = {}

    def build(self) -> tuple[BlockLattice, ...]:
        entering = np.array([self._task.input[2]])
        found = []
        for index, block in enumerate(self._space.blocks):
            lattice = self._block(index, block, entering)
            found.append(lattice)
            entering = lattice.leaving
        return tuple(found)

    def _block(self, index: int, block: BlockKind, entering: Integers) -> BlockLattice:
        genes = {gene.name: gene.values for gene in block.genes}
        units = tuple(int(count) for count in genes.pop("units", (1,)))
        widths = np.array(genes.pop("width", ())) if "width" in genes else None
        others = [dict(zip(genes, values, strict=True)) for values in product(*genes.values())]
        leaving = entering if widths is None else widths
        columns = [(place, {**other, "width": int(width)}) for place, width in enumerate(leaving) for other in others]
        width_of = np.array([place for place, _ in columns])
        values = {name: np.array([genes[name] for _, genes in columns]) for name in columns[0][1]}
        several = any(count > 1 for count in units)

        def place(count: int, number: int) -> Place:
            return self._place(index, count, number)

        ways = self._ways(block, entering, values, crosses=widths is not None)

        def first_at(where: Place) -> FirstCell:
            return self._first(ways, where)

        def repeated_at(where: Place) -> Rows:
            cell = self._cell(block, values["width"], values, first=False, same_width=True)
            return self._tabulated(cell, where, dims_of(cell, values["width"]))

        return BlockLattice(
            name=block.name,
            entering=entering,
            leaving=leaving,
            column_width=width_of,
            column_genes=tuple(genes for _, genes in columns),
            declared=frozenset(gene.name for gene in block.genes),
            units=units,
            may_shrink=not self._space.is_ruled(index),
            only=first_at(place(1, 0)),
            first=first_at(place(2, 0)) if several else None,
            middle=repeated_at(place(3, 1)) if several else None,
            last=repeated_at(place(2, 1)) if several else None,
        )

    def _ways(self, block: BlockKind, entering: Integers, values: Mapping[str, Integers], *, crosses: bool) -> _Ways:
        """Take the first cell apart for every column, wherever it stands."""
        width = values["width"]
        entry = np.searchsorted(entering, width)
        stays = np.flatnonzero((entry < len(entering)) & (entering[np.minimum(entry, len(entering) - 1)] == width))
        staying = {name: column[stays] for name, column in values.items()}
        same = self._cell(block, width[stays], staying, first=True, same_width=True)
        stay = (same, width[stays]), stays, entry[stays]
        if not crosses:
            return _Ways(*stay, None, ())
        source = np.repeat(entering, len(width))
        spread = {name: np.tile(column, len(entering)) for name, column in values.items()}
        cell = self._cell(block, source, spread, first=True, same_width=False)
        dims = [dims_of(part, channels).reshape(len(entering), len(width), -1) for part, channels in parts_of(cell, source)]
        columns = np.arange(len(width))
        meet = meeting(dims)
        groups = [columns] if meet is not None else alike(values)
        return _Ways(*stay, cell, tuple(parted(dims, columns, meet) for columns in groups))

    def _first(self, ways: _Ways, where: Place) -> FirstCell:
        """The first cell at one place."""
        cell, channels = ways.stay
        parts = zip(parts_of(cell, channels), places_of(cell, where), strict=True)
        stay = Stay(ways.columns, ways.entries, tuple(self._tabulated(part, at, dims_of(part, read)) for (part, read), at in parts))
        if ways.cross is None:
            return FirstCell((), stay)
        rooms = list(zip(ways.cross.parts(), places_of(ways.cross, where), strict=True))
        crossings = []
        for crossing in ways.crossings:
            rows = [self._tabulated(part, at, dims) for (part, at), dims in zip(rooms, crossing.dims, strict=True)]
            before, meet, after = rows[: crossing.meet], rows[crossing.meet], rows[crossing.meet + 1 :]
            crossings.append(Crossing(crossing.columns, tuple(before), meet, crossing.unique, tuple(after)))
        return FirstCell(tuple(crossings), stay)

    def _cell(self, block: BlockKind, source: Integers, values: Mapping[str, Integers], *, first: bool, same_width: bool) -> Cell:
        return block.cell(source, values, first=first, same_width=same_width, classes=self._task.classes)

    def _tabulated(self, cell: Cell, where: Place, dims: Integers) -> Rows:
        """Tabulate the distinct rows of `dims`, once."""
        kind = CellKind.of(cell, where)
        key = (kind, dims.tobytes())
        if key not in self._tables:
            keep, index = distinct(dims)
            self._tables[key] = Rows(tabulate(kind, dims[keep], self._refiner, self._boundary, self._overhead), index)
        return self._tables[key]

    def _place(self, index: int, count: int, number: int) -> Place:
        """Where cell `number` of a block stands when the block has `count` of them."""
        places = self._places(count)[index]
        return places[min(number, len(places) - 1)]

    def _places(self, count: int) -> dict[int, list[Place]]:
        """By block, where its cells stand when every block has `count` of them: how many another block has changes no place."""
        if count not in self._by_count:
            smallest = zip(self._space.genes, self._space.smallest().values, strict=True)
            structure = Structure(tuple(count if gene == "units" else value for (_, gene, _), value in smallest))
            found: dict[int, list[Place]] = {}
            for placed in self._space.cells(structure, self._task):
                found.setdefault(placed.block, []).append(placed.place)
            self._by_count[count] = found
        return self._by_count[count]


def boundary_widths(refiner: Refiner) -> tuple[int, ...]:
    """Bits that a tensor between two cells may have, ascending; those of unseen tensors are among them."""
    return tuple(sorted({*refiner.choices.activations, FIXED_BITS}))
