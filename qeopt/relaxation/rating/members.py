"""Which cells structures consist of, for many structures at once: rows of the lattice's tables, or of tables made for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qeopt.qbr import Refiner
from qeopt.relaxation.cells.lattice import BlockLattice, FirstCell, Rows, boundary_widths
from qeopt.relaxation.cells.tables import CellKind, CellTable, Integers, dimensions
from qeopt.relaxation.cells.tabulate import tabulate
from qeopt.space import Space, Structure, Task


@dataclass(frozen=True, slots=True)
class Members:
    """Cells of one kind in a batch of structures."""

    table: CellTable
    """A cell each."""
    owners: Integers
    """Which structure each belongs to."""
    slots: Integers
    """Its place in the chain of that structure."""


@dataclass(frozen=True, slots=True)
class Genes:
    """Where a block's genes stand among the places of a structure."""

    width: int | None
    units: int | None
    others: tuple[int, ...]
    """In the order in which the block's columns count them."""
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, space: Space, block: BlockLattice) -> Genes:
        """Find a block's genes; its columns run through the widths, and for each through the other genes."""
        named = {gene: index for index, (name, gene, _) in enumerate(space.genes) if name == block.name}
        others = tuple(index for gene, index in named.items() if gene not in {"width", "units"})
        return cls(named.get("width"), named.get("units"), others, tuple(len(space.genes[index][2]) for index in others))

    def read(self, places: Integers, entry: Integers) -> tuple[Integers, Integers, Integers]:
        """(structures,) the width each leaves a block with, its column, and the place of its number of cells."""
        width = entry if self.width is None else places[:, self.width]
        column = width.copy()
        for index, size in zip(self.others, self.sizes, strict=True):
            column = column * size + places[:, index]
        number = np.zeros(len(places), dtype=np.int64) if self.units is None else places[:, self.units]
        return width, column, number


def find_members(space: Space, lattice: Sequence[BlockLattice], places: Integers) -> list[Members]:
    """The cells of structures in the tables of a lattice.

    Args:
        space: Structures.
        lattice: All its cells.
        places: (structures, genes) place of every value among its gene's values.
    """
    finder = _Finder(len(places))
    entry = np.zeros(len(places), dtype=np.int64)
    for block in lattice:
        width, column, number = Genes.of(space, block).read(places, entry)
        finder.visit(block, entry, column, np.array(block.units)[number])
        entry = width
    return finder.members()


class _Finder:
    """Follows structures through the blocks."""

    def __init__(self, size: int) -> None:
        self._slot = np.zeros(size, dtype=np.int64)
        self._found: dict[int, tuple[CellTable, list[tuple[Integers, Integers, Integers]]]] = {}

    def visit(self, block: BlockLattice, entry: Integers, column: Integers, cells: Integers) -> None:
        """Go through a block, given the entry, the column and the number of cells of every structure."""
        width = block.column_width[column]
        stays = block.entering[entry] == block.leaving[width]
        for first, here in ((block.only, cells == 1), (block.first, cells > 1)):
            if first is not None:
                self._stay(first, np.flatnonzero(here & stays), column)
                self._cross(first, np.flatnonzero(here & ~stays), entry, column)
        if block.middle is None or block.last is None:
            return
        for number in range(2, int(cells.max(initial=1)) + 1):
            self._take(block.middle, np.flatnonzero(cells > number), column)
            self._take(block.last, np.flatnonzero(cells == number), column)

    def members(self) -> list[Members]:
        """What was met, table by table."""
        alike: dict[tuple[object, ...], list[Members]] = defaultdict(list)
        for table, parts in self._found.values():
            rows, owners, slots = (np.concatenate(column) for column in zip(*parts, strict=True))
            alike[table.shape].append(Members(table.take(rows), owners, slots))
        return [_joined(members) for members in alike.values()]

    def _stay(self, first: FirstCell, here: Integers, column: Integers) -> None:
        place = np.zeros_like(column)
        place[here] = np.searchsorted(first.stay.columns, column[here])
        for rows in first.stay.parts:
            self._take(rows, here, place)

    def _cross(self, first: FirstCell, here: Integers, entry: Integers, column: Integers) -> None:
        for crossing in first.crossings:
            some = here[np.isin(column[here], crossing.columns)]
            place = np.zeros_like(column)
            place[some] = np.searchsorted(crossing.columns, column[some])
            unique = int(crossing.unique.max()) + 1
            for rows in crossing.before:
                self._take(rows, some, entry)
            self._take(crossing.meet, some, entry * unique + crossing.unique[place])
            for rows in crossing.after:
                self._take(rows, some, place)

    def _take(self, rows: Rows, here: Integers, position: Integers) -> None:
        """Some structures go through the cells at their positions."""
        if not len(here):
            return
        _, parts = self._found.setdefault(id(rows.table), (rows.table, []))
        parts.append((rows.index[position[here]], here, self._slot[here]))
        self._slot[here] += 1


def _joined(members: Sequence[Members]) -> Members:
    """Cells of tables of the same shape as those of one: few large arrays are quicker than many small ones."""
    return Members(
        CellTable.joined([some.table for some in members]),
        np.concatenate([some.owners for some in members]),
        np.concatenate([some.slots for some in members]),
    )


def tabulate_members(space: Space, task: Task, refiner: Refiner, structures: Sequence[Structure]) -> list[Members]:
    """The cells of structures in tables made for them, where the space has no lattice."""
    dims: dict[CellKind, list[tuple[int, ...]]] = defaultdict(list)
    whose: dict[CellKind, list[tuple[int, int]]] = defaultdict(list)
    for owner, structure in enumerate(structures):
        for slot, placed in enumerate(space.cells(structure, task)):
            kind = CellKind.of(placed.cell, placed.place)
            dims[kind].append(dimensions(placed))
            whose[kind].append((owner, slot))
    boundary = boundary_widths(refiner)
    return [Members(tabulate(kind, dims[kind], refiner, boundary), *np.array(whose[kind]).T) for kind in dims]
