"""Prices of the budgets that a chain cannot enforce step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qeopt.relaxation.cells.tables import CellTable, Floats


@dataclass(frozen=True, slots=True)
class Prices:
    """Lagrange multipliers, in nats per unit; zero where there is no budget."""

    flash: float = 0.0
    """Nats per unit of flash (bytes, or bits where the runtime keeps fractions)."""
    bitops: float = 0.0
    """Nats per bit operation."""
    macs: float = 0.0
    """Nats per multiply-accumulate."""
    held: float = 0.0
    """Nats per unit of memory that operators hold for good."""

    def of(self, table: CellTable) -> Floats:
        """Best score less priced costs of every cell of a table, by (bits read, bits written, cell)."""
        return table.priced(np.array([self.flash]), np.array([self.bitops])) - (self.macs * table.macs + self.held * table.held)


def chained(first: Floats, second: Floats) -> Floats:
    """Compose two stretches of a chain: the best over the bits between them (a product in max-plus algebra)."""
    best: Floats = (first[..., :, :, None] + second[..., None, :, :]).max(axis=-2)
    return best
