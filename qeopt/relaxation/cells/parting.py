"""Take cells apart: which part joins the channels entering to a block's own, and which parts depend on one side alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qeopt.relaxation.cells.tables import Integers
from qeopt.space import Place
from qeopt.space.cells import Cell


class NotSeparable(Exception):  # noqa: N818  # not a fault: such a space simply has no bound
    """The space is no chain that this bound can walk along."""


@dataclass(frozen=True, slots=True)
class Parting:
    """A crossing of some columns before it is tabulated."""

    columns: Integers
    meet: int
    """Number of the part that joins both sides."""
    unique: Integers
    dims: tuple[Integers, ...]
    """Rows of dimensions of every part."""


def dims_of(cell: Cell, channels: Integers) -> Integers:
    """Rows of (channels read, *DIMS) of a cell whose dimensions are arrays."""
    columns = [channels, *(np.broadcast_to(getattr(cell, name), channels.shape) for name in cell.DIMS)]
    return np.stack(columns, axis=1).astype(np.int64)


def parts_of(cell: Cell, channels: Integers) -> list[tuple[Cell, Integers]]:
    """A cell's parts with the channels that each reads."""
    found = []
    for part in cell.parts():
        found.append((part, channels))
        channels = np.broadcast_to(getattr(part, "channels", channels), channels.shape)
    return found


def places_of(cell: Cell, where: Place) -> list[Place]:
    """Where each part of a cell stands."""
    parts = cell.parts()
    found = []
    for number, part in enumerate(parts):
        final = number == len(parts) - 1
        found.append(replace(where, ends_stage=where.ends_stage and final, output_is_seen=where.output_is_seen if final else True))
        where = replace(where, height=-(-where.height // part.stride), width=-(-where.width // part.stride), is_first=False)
    return found


def parted(dims: Sequence[Integers], columns: Integers, meet: int | None) -> Parting:
    """Find the part that joins both sides for these columns, and the dimensions of all parts.

    Raises:
        NotSeparable: when there is no such part.
    """
    cut = [table[:, columns] for table in dims]
    meet = meeting(cut) if meet is None else meet
    if meet is None:
        raise NotSeparable
    joint = cut[meet]
    alike: dict[bytes, int] = {}
    unique = np.array([alike.setdefault(column.tobytes(), len(alike)) for column in joint.transpose(1, 0, 2).copy()])
    keep = np.unique(unique, return_index=True)[1]
    rows = [
        *(table[:, 0] for table in cut[:meet]),
        joint[:, keep].reshape(-1, joint.shape[2]),
        *(table[0] for table in cut[meet + 1 :]),
    ]
    return Parting(columns, meet, unique, tuple(rows))


def meeting(dims: Sequence[Integers]) -> int | None:
    """The part before which only the entry matters and behind which only the column does; None where there is no such part.

    Args:
        dims: By part: (entries, columns, dimensions).
    """
    meet = next((number for number, table in enumerate(dims) if (table != table[:, :1]).any()), len(dims) - 1)
    depends_on_entry = any((table != table[:1]).any() for table in dims[meet + 1 :])
    return None if depends_on_entry else meet


def distinct(rows: Integers) -> tuple[Integers, Integers]:
    """Which rows to keep so that each is there once, and the place of every row among those."""
    spans = rows.max(axis=0, initial=0) + 1
    if len(rows) == 0 or math.prod(spans.tolist()) >= np.iinfo(np.int64).max:
        _, keep, index = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    else:
        _, keep, index = np.unique(np.ravel_multi_index(tuple(rows.T), spans), return_index=True, return_inverse=True)
    if len(keep) == len(rows):
        return np.arange(len(rows)), np.arange(len(rows))
    return keep, index.ravel()


def alike(values: Mapping[str, Integers]) -> list[Integers]:
    """Columns grouped by all genes but the width."""
    others = np.stack(
        [column for name, column in values.items() if name != "width"] or [np.zeros(len(values["width"]), dtype=np.int64)], axis=1
    )
    _, group = np.unique(others, axis=0, return_inverse=True)
    return [np.flatnonzero(group.ravel() == number) for number in range(int(group.max()) + 1)]
