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
        written = cell.build(builder, "y", source)
        if place.ends_stage:
            builder.end_stage()
        beside = [Tensor(f"result {number}", *sides, bits=FIXED_BITS) for number, sides in enumerate(place.results, start=1)]
        hands_on = written.name == source.name and place.output_is_seen  # else nothing that is scored waits for it
        return builder.finish(output_is_seen=place.output_is_seen, end=source if hands_on else None, beside=beside)


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
    costs: tuple[Floats | None, ...]
    """By total: (widths, cases, cells), one case where it depends on no activation; None where these weights do not matter."""

    @property
    def couples(self) -> bool:
        """Whether activation bits matter to these weights."""
        return len(self.gains) > 1 or any(cost is not None and cost.shape[1] > 1 for cost in self.costs)

    def worth(self, prices: Floats, size: int) -> Floats:
        """Best gain less priced costs, by (case, cell).

        Args:
            prices: (totals, cells) nats per unit, or (totals, 1) for all cells.
            size: Number of cells.
        """
        best = np.full((len(self.gains), size), -np.inf)
        for width, gains in enumerate(self.gains.T):
            total = gains[:, None]
            for price, cost in zip(prices, self.costs, strict=True):
                if cost is not None:
                    total = total - price * cost[width]
            np.maximum(best, total, out=best)
        return best

    def take(self, rows: Integers) -> WeightGroup:
        """The group of some of its cells."""
        return replace(self, costs=tuple(None if cost is None else cost[:, :, rows] for cost in self.costs))


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
    fixed: Floats
    """(totals, cells) costs that no bits change."""
    plain: tuple[Floats | None, ...]
    """By total: (combinations, cells) costs that activation bits alone decide; None where they decide none."""
    layers: int
    ends: Integers
    """(combinations, 2) indices of the bits read and written among the boundary widths, ascending."""
    boundary: int
    """How many widths a tensor between two cells may have."""

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.constant)

    @property
    def separates(self) -> bool:
        """Whether the bits of weights and of activations can be chosen apart, and only weights cost anything."""
        return all(cost is None for cost in self.plain) and not any(group.couples for group in self.groups)

    def take(self, rows: Integers) -> CellTable:
        """The table of some of its cells, in the given order."""
        return replace(
            self,
            constant=self.constant[rows],
            gains=self.gains[:, rows],
            groups=tuple(group.take(rows) for group in self.groups),
            fixed=self.fixed[:, rows],
            plain=tuple(None if cost is None else cost[:, rows] for cost in self.plain),
        )

    @property
    def shape(self) -> tuple[object, ...]:
        """What tables must agree on to be joined."""
        groups = tuple((g.case.tobytes(), g.gains.tobytes(), g.gains.shape, tuple(map(_form, g.costs))) for g in self.groups)
        return self.ends.tobytes(), self.boundary, self.layers, tuple(map(_form, self.plain)), groups

    @classmethod
    def joined(cls, tables: Sequence[CellTable]) -> CellTable:
        """One table of the cells of several tables of the same shape."""
        first = tables[0]
        groups = (
            replace(group, costs=tuple(map(_beside, zip(*(table.groups[number].costs for table in tables), strict=True))))
            for number, group in enumerate(first.groups)
        )
        return replace(
            first,
            constant=np.concatenate([table.constant for table in tables]),
            gains=np.concatenate([table.gains for table in tables], axis=-1),
            groups=tuple(groups),
            fixed=np.concatenate([table.fixed for table in tables], axis=-1),
            plain=tuple(map(_beside, zip(*(table.plain for table in tables), strict=True))),
        )

    def by_combination(self, prices: Floats) -> Floats:
        """Best score less priced costs, by (combination, cell).

        Args:
            prices: (totals, cells) nats per unit, or (totals, 1) for all cells.
        """
        total: Floats = self.gains + (self.constant - (prices * self.fixed).sum(axis=0))
        for price, cost in zip(prices, self.plain, strict=True):
            if cost is not None:
                total -= price * cost
        for group in self.groups:
            worth = group.worth(prices, self.size)
            total += worth[group.case] if len(worth) > 1 else worth
        return total

    def priced(self, prices: Floats) -> Floats:
        """The same by (bits read, bits written, cell)."""
        return self._by_ends(self.by_combination(prices))

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

    def spent(self, row: int, read: int, written: int, prices: Floats) -> Floats:
        """(totals,) costs of one cell at the best bits between two given boundary widths; `prices` are (totals,)."""
        one = self.take(np.array([row]))
        total = one.by_combination(prices[:, None])[:, 0]
        between = (self.ends[:, 0] == read) & (self.ends[:, 1] == written)
        combination = int(np.where(between, total, -np.inf).argmax())
        found = one.fixed[:, 0].copy()
        for index, cost in enumerate(one.plain):
            found[index] += 0.0 if cost is None else cost[combination, 0]
        for group in one.groups:
            case = int(group.case[combination])
            costs = [_of_case(cost, case, group.gains.shape[1]) for cost in group.costs]
            worth = group.gains[case] - sum((price * cost for price, cost in zip(prices, costs, strict=True)), start=np.zeros(1))
            found += [cost[int(worth.argmax())] for cost in costs]
        return found

    def least(self) -> Floats:
        """(totals, cells) each total at the bits that cost least of it, legal or not."""
        found = self.fixed.copy()
        for total in range(len(found)):
            cost = self.plain[total]
            if cost is not None and cost.size:
                found[total] += cost.min(axis=0)
            for group in self.groups:
                own = group.costs[total]
                if own is not None:
                    found[total] += own.min(axis=(0, 1))
        return found


def _of_case(cost: Floats | None, case: int, widths: int) -> Floats:
    """(widths,) what weights of the only cell cost in a case."""
    return np.zeros(widths) if cost is None else cost[:, min(case, cost.shape[1] - 1), 0]


def _form(cost: Floats | None) -> tuple[int, ...]:
    """What costs of tables must agree on to be joined."""
    return () if cost is None else cost.shape[:-1]


def _beside(parts: Sequence[Floats | None]) -> Floats | None:
    """Arrays joined along their cells; None where there are none."""
    found = [part for part in parts if part is not None]
    return np.concatenate(found, axis=-1) if found else None
