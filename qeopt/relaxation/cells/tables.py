"""What many cells at once cost and gain, for every combination of the bits inside them, and what that is worth at given prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qeopt.network import Network, NetworkBuilder, Tensor
from qeopt.network.builder import FIXED_BITS
from qeopt.space import Place, PlacedCell
from qeopt.space.cells import Cell

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Masks: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CellKind:
    """What cells of one batch share: everything but their dimensions."""

    type: type[Any]
    fixed: tuple[tuple[str, Any], ...]
    place: Place

    @classmethod
    def of(cls, cell: Cell, place: Place) -> CellKind:
        """The kind of a cell at a place."""
        names = [field.name for field in fields(cell) if field.name not in cell.DIMS]  # type: ignore[arg-type]
        return cls(type(cell), tuple((name, getattr(cell, name)) for name in names), place)

    def network(self, dims: Integers) -> Network:
        """One network that stands for the cells whose (channels read, *DIMS) are the rows of `dims`."""
        place = self.place
        source = Tensor(
            "x", place.height, place.width, dims[:, 0], bits=FIXED_BITS if place.is_first else None, is_image=place.is_first
        )
        cell = self.type(**dict(self.fixed), **{name: dims[:, column] for column, name in enumerate(self.type.DIMS, start=1)})
        builder = NetworkBuilder("cell", source, place.stage)
        builder.unit = "cell"
        cell.build(builder, "y", source)
        if place.ends_stage:
            builder.end_stage()
        return builder.finish(output_is_seen=place.output_is_seen)


def dimensions(placed: PlacedCell) -> tuple[int, ...]:
    """The dimensions by which cells of one kind differ: channels read, then the cell's own."""
    return (placed.channels, *(getattr(placed.cell, name) for name in placed.cell.DIMS))


@dataclass(frozen=True, slots=True)
class WeightGroup:
    """Weights that share their bits. A case is what their gains and costs depend on besides their own width."""

    case: Integers
    """(combinations,) index of the case that holds for each combination of activation bits."""
    gains: Floats
    """(cases, widths) nats; -inf where the kernel does not exist."""
    flash: Floats
    """(cells, widths) in the runtime's unit."""
    bitops: Floats | None
    """(widths, cases, cells); None when no budget asks for it."""

    def worth(self, flash_price: Floats, bitops_price: Floats) -> Floats:
        """Best gain less priced costs, by (case, cell)."""
        best = np.full((len(self.gains), len(self.flash)), -np.inf)
        for width, gains in enumerate(self.gains.T):
            total = gains[:, None] - flash_price * self.flash[:, width]
            if self.bitops is not None:
                total -= bitops_price * self.bitops[width]
            np.maximum(best, total, out=best)
        return best


@dataclass(frozen=True, slots=True)
class CellTable:
    """Gains and costs of the cells of one kind. Combinations that look alike from outside are merged into the best of them.

    Cells are the last axis of everything that combinations have a part in: there are hundreds of them and few of anything else.
    """

    constant: Floats
    """(cells,) score that no bits change, in nats."""
    gains: Floats
    """(combinations, cells) score of activation bits, in nats; -inf where a step or a kernel rules the combination out."""
    groups: tuple[WeightGroup, ...]
    flash: Floats
    """(cells,) flash that no bits change, in the runtime's unit."""
    bitops: Floats | None
    """(combinations, cells) bit operations of operators without weights; None when no budget asks for it."""
    macs: Floats
    """(cells,)"""
    held: Floats
    """(cells,) memory that operators hold for good, in the runtime's unit."""
    layers: int
    ends: Integers
    """(combinations, 2) indices of the bits read and written among the boundary widths, ascending."""
    boundary: int
    """How many widths a tensor between two cells may have."""

    def take(self, rows: Integers) -> CellTable:
        """The table of some of its cells, in the given order."""
        groups = (
            WeightGroup(g.case, g.gains, g.flash[rows], None if g.bitops is None else g.bitops[:, :, rows]) for g in self.groups
        )
        return replace(
            self,
            constant=self.constant[rows],
            gains=self.gains[:, rows],
            groups=tuple(groups),
            flash=self.flash[rows],
            bitops=None if self.bitops is None else self.bitops[:, rows],
            macs=self.macs[rows],
            held=self.held[rows],
        )

    @property
    def shape(self) -> tuple[object, ...]:
        """What tables must agree on to be joined."""
        groups = tuple((g.case.tobytes(), g.gains.tobytes(), g.gains.shape, g.bitops is None) for g in self.groups)
        return self.ends.tobytes(), self.boundary, self.layers, self.bitops is None, groups

    @classmethod
    def joined(cls, tables: Sequence[CellTable]) -> CellTable:
        """One table of the cells of several tables of the same shape."""
        first = tables[0]
        groups = (
            WeightGroup(
                group.case,
                group.gains,
                np.concatenate([table.groups[number].flash for table in tables]),
                _beside([table.groups[number].bitops for table in tables]),
            )
            for number, group in enumerate(first.groups)
        )
        return replace(
            first,
            constant=np.concatenate([table.constant for table in tables]),
            gains=np.concatenate([table.gains for table in tables], axis=-1),
            groups=tuple(groups),
            flash=np.concatenate([table.flash for table in tables]),
            bitops=_beside([table.bitops for table in tables]),
            macs=np.concatenate([table.macs for table in tables]),
            held=np.concatenate([table.held for table in tables]),
        )

    def by_combination(self, flash_price: Floats, bitops_price: Floats) -> Floats:
        """Best score less priced costs, by (combination, cell), with the prices of each cell.

        Args:
            flash_price: (cells,) nats per unit of flash.
            bitops_price: (cells,) nats per bit operation.
        """
        total = self.gains + (self.constant - flash_price * self.flash)
        if self.bitops is not None:
            total -= bitops_price * self.bitops
        for group in self.groups:
            worth = group.worth(flash_price, bitops_price)
            total += worth[group.case] if len(worth) > 1 else worth
        return total

    def priced(self, flash_price: Floats, bitops_price: Floats) -> Floats:
        """The same by (bits read, bits written, cell)."""
        return self._by_ends(self.by_combination(flash_price, bitops_price))

    def activations(self) -> Floats:
        """Best score of activation bits alone, by (bits read, bits written, cell)."""
        return self._by_ends(self.gains)

    def _by_ends(self, total: Floats) -> Floats:
        best = np.full((self.boundary * self.boundary, total.shape[1]), -np.inf)
        code = self.ends[:, 0] * self.boundary + self.ends[:, 1]
        starts = np.flatnonzero(np.diff(code, prepend=-1))
        if total.size:
            best[code[starts]] = np.maximum.reduceat(total, starts, axis=0)
        return best.reshape(self.boundary, self.boundary, -1)

    def spent(self, row: int, read: int, written: int, flash_price: float, bitops_price: float) -> tuple[float, float]:
        """Flash and bit operations of one cell at the best bits between two given boundary widths."""
        total = self.take(np.array([row])).by_combination(np.array([flash_price]), np.array([bitops_price]))[:, 0]
        between = (self.ends[:, 0] == read) & (self.ends[:, 1] == written)
        combination = int(np.where(between, total, -np.inf).argmax())
        flash, operations = float(self.flash[row]), 0.0 if self.bitops is None else float(self.bitops[combination, row])
        for group in self.groups:
            case = int(group.case[combination])
            worth = group.gains[case] - flash_price * group.flash[row]
            if group.bitops is not None:
                worth = worth - bitops_price * group.bitops[:, case, row]
            width = int(worth.argmax())
            flash += float(group.flash[row, width])
            operations += 0.0 if group.bitops is None else float(group.bitops[width, case, row])
        return flash, operations

    def least_flash(self) -> Floats:
        """(cells,) flash at the fewest bits."""
        return self.flash + sum((group.flash.min(axis=1) for group in self.groups), start=np.zeros(len(self.flash)))


def _beside(parts: Sequence[Floats | None]) -> Floats | None:
    """Arrays joined along their cells; None where there are none."""
    found = [part for part in parts if part is not None]
    return np.concatenate(found, axis=-1) if found else None
