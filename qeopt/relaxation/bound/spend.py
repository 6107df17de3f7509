"""What the structure that a walk met costs at the bits behind the walk's value: the slope of the bound at its prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qeopt.relaxation.cells.lattice import BlockLattice
from qeopt.relaxation.cells.prices import Prices
from qeopt.relaxation.cells.tables import CellTable, Floats
from qeopt.relaxation.genome import Genome
from qeopt.relaxation.rating.members import find_members
from qeopt.space import Space, Structure


@dataclass(frozen=True, slots=True)
class Spent:
    """What a structure costs at some bits, in the units of the tables."""

    flash: float
    bitops: float
    macs: float
    held: float


def spend(space: Space, lattice: Sequence[BlockLattice], structure: Structure, prices: Prices, start: int) -> Spent:
    """Follow the best bits along the chain of a structure and add up their costs.

    Args:
        space: Structures.
        lattice: The cells that the walk went along.
        structure: The one that it met.
        prices: Its prices.
        start: Index of the image's bits among the boundary widths.
    """
    flash_price, bitops_price = prices.flash, prices.bitops
    slots: dict[int, tuple[CellTable, int, Floats]] = {}
    for member in find_members(space, lattice, Genome(space).read([structure])):
        priced = member.table.priced(np.array([flash_price]), np.array([bitops_price]))
        for row, slot in enumerate(member.slots.tolist()):
            slots[slot] = (member.table, row, priced[:, :, row])
    cells = [slots[slot] for slot in sorted(slots)]
    ahead = [np.zeros(len(cells[0][2]))]
    for _, _, value in reversed(cells):
        ahead.append((value + ahead[-1][None, :]).max(axis=1))
    bits, flash, operations = start, 0.0, 0.0
    for (table, row, value), rest in zip(cells, ahead[-2::-1], strict=True):
        target = int((value[bits] + rest).argmax())
        spent = table.spent(row, bits, target, flash_price, bitops_price)
        flash, operations, bits = flash + spent[0], operations + spent[1], target
    macs = sum(float(table.macs[row]) for table, row, _ in cells)
    held = sum(float(table.held[row]) for table, row, _ in cells)
    return Spent(flash, operations, macs, held)
