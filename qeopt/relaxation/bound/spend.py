"""What the structure that a walk met costs at the bits behind the walk's value: the slope of the bound at its prices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qeopt.relaxation.cells.lattice import BlockLattice
from qeopt.relaxation.cells.tables import CellTable, Floats
from qeopt.relaxation.genome import Genome
from qeopt.relaxation.rating.members import find_members
from qeopt.space import Space, Structure


def spend(space: Space, lattice: Sequence[BlockLattice], structure: Structure, prices: Floats, start: int) -> Floats:
    """Follow the best bits along the chain of a structure and add up their costs: (totals,) in the units of the tables.

    Args:
        space: Structures.
        lattice: The cells that the walk went along.
        structure: The one that it met.
        prices: (totals,) its prices.
        start: Index of the image's bits among the boundary widths.
    """
    slots: dict[int, tuple[CellTable, int, Floats]] = {}
    for member in find_members(space, lattice, Genome(space).read([structure])):
        priced = member.table.priced(prices[:, None])
        for row, slot in enumerate(member.slots.tolist()):
            slots[slot] = (member.table, row, priced[:, :, row])
    cells = [slots[slot] for slot in sorted(slots)]
    ahead = [np.zeros(len(cells[0][2]))]
    for _, _, value in reversed(cells):
        ahead.append((value + ahead[-1][None, :]).max(axis=1))
    bits, total = start, np.zeros(len(prices))
    for (table, row, value), rest in zip(cells, ahead[-2::-1], strict=True):
        target = int((value[bits] + rest).argmax())
        total += table.spent(row, bits, target, prices)
        bits = target
    return total
