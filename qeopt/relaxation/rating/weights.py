"""The weights of all cells of a space as items of a knapsack: one line per group of weights that share their bits."""

from __future__ import annotations

import numpy as np

from qeopt.relaxation.cells.tables import CellTable, Floats, Integers, Masks, WeightGroup
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
        self._costs: list[Integers] = []
        self._alive: list[Integers] = []
        self._count = 1

    def of(self, table: CellTable, total: int | None) -> tuple[Integers, Floats, Floats]:
        """Add the weights of a table whose groups have one case each.

        Args:
            table: Cells.
            total: The total that weights cost; None where they cost nothing that is limited.

        Returns:
            (cells, groups) items; (cells,) score and (cells,) cost of the cells that no bits change.
        """
        gain, spent = table.constant.copy(), np.zeros(table.size) if total is None else table.fixed[total].copy()
        items: list[Integers] = []
        for group in table.groups:
            alive = np.isfinite(group.gains[0])
            cost = _cost(group, total, table.size)
            if alive.sum() > 1:
                items.append(self._add(group.gains[0], alive, cost))
            elif alive.any():
                gain += group.gains[0, alive]
                spent += cost[:, alive][:, 0]
        return np.stack(items, axis=1) if items else np.zeros((table.size, 0), dtype=np.int64), gain, spent

    def _add(self, gains: Floats, alive: Masks, cost: Floats) -> Integers:
        size = len(cost)
        whole = np.rint(MICRO * np.where(alive, gains, 0.0)).astype(np.int64)
        self._gains.append(np.broadcast_to(whole, cost.shape))
        self._costs.append(np.rint(cost).astype(np.int64))
        self._alive.append(np.broadcast_to(alive, cost.shape))
        self._count += size
        return np.arange(self._count - size, self._count)

    def collected(self) -> Items | None:
        """All items; None where their numbers are too large for exact sums."""
        width = max((table.shape[1] for table in self._gains), default=1)
        gains, costs = (self._joined(tables, width) for tables in (self._gains, self._costs))
        if max(np.abs(gains).max(), costs.max()) * MOST_GROUPS >= LARGEST:
            return None
        alive = self._joined(self._alive, width).astype(np.bool_)
        alive[NO_WEIGHTS, 0] = True
        return Items.of(gains, costs, alive)

    def _joined(self, tables: list[Integers], width: int) -> Integers:
        """One line per item, padded."""
        found = np.zeros((self._count, width), dtype=np.int64)
        start = 1
        for table in tables:
            found[start : start + len(table), : table.shape[1]] = table
            start += len(table)
        return found


def _cost(group: WeightGroup, total: int | None, size: int) -> Floats:
    """(cells, widths) what weights cost."""
    cost = None if total is None else group.costs[total]
    return np.zeros((size, group.gains.shape[1])) if cost is None else cost[:, 0].T
