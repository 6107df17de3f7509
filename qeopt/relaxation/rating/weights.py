"""The weights of all cells of a space as items of a knapsack: one line per group of weights that share their bits."""

from __future__ import annotations

import numpy as np

from qeopt.relaxation.cells.tables import CellTable, Floats, Integers, WeightGroup
from qeopt.score import MICRO
from qeopt_solvers.chains.distinct import LARGEST, Items

NO_WEIGHTS = 0
"""An item that gains and costs nothing."""
MOST_GROUPS = 4096
"""No structure has more groups of weights: decides which numbers are small enough."""


class WeightItems:
    """Collects the weights of tables, then hands them out as items. Gains are integers, as in the exact program of one network."""

    def __init__(self) -> None:
        self._gains: list[Integers] = []
        self._flash: list[Integers] = []
        self._alive: list[Integers] = []
        self._count = 1

    def of(self, table: CellTable) -> tuple[Integers, Floats, Floats]:
        """Add the weights of a table whose groups have one case each.

        Returns:
            (cells, groups) items; (cells,) score and (cells,) flash of the cells that no bits change.
        """
        size = len(table.flash)
        gain, flash = table.constant.copy(), table.flash.copy()
        items: list[Integers] = []
        for group in table.groups:
            alive = np.isfinite(group.gains[0])
            if alive.sum() > 1:
                items.append(self._add(group))
            elif alive.any():
                gain += group.gains[0, alive]
                flash += group.flash[:, alive][:, 0]
        return np.stack(items, axis=1) if items else np.zeros((size, 0), dtype=np.int64), gain, flash

    def _add(self, group: WeightGroup) -> Integers:
        size = len(group.flash)
        alive = np.isfinite(group.gains[0])
        gains = np.rint(MICRO * np.where(alive, group.gains[0], 0.0)).astype(np.int64)
        self._gains.append(np.broadcast_to(gains, group.flash.shape))
        self._flash.append(np.rint(group.flash).astype(np.int64))
        self._alive.append(np.broadcast_to(alive, group.flash.shape))
        self._count += size
        return np.arange(self._count - size, self._count)

    def collected(self) -> Items | None:
        """All items; None where their numbers are too large for exact sums."""
        width = max((table.shape[1] for table in self._gains), default=1)
        gains, flash = (self._joined(tables, width) for tables in (self._gains, self._flash))
        if max(np.abs(gains).max(), flash.max()) * MOST_GROUPS >= LARGEST:
            return None
        alive = self._joined(self._alive, width).astype(np.bool_)
        alive[NO_WEIGHTS, 0] = True
        return Items.of(gains, flash, alive)

    def _joined(self, tables: list[Integers], width: int) -> Integers:
        """One line per item, padded."""
        found = np.zeros((self._count, width), dtype=np.int64)
        start = 1
        for table in tables:
            found[start : start + len(table), : table.shape[1]] = table
            start += len(table)
        return found
