"""Where operators that only move values read: as loops, or as tables of rows, columns and channels. Found by moving places."""

from __future__ import annotations

import numpy as np

from qeopt.export.arithmetic.geometry import shape_of
from qeopt.export.arithmetic.quantised import Integers
from qeopt.export.arithmetic.resizing import linear, nearest
from qeopt.export.errors import ExportError
from qeopt.export.moves import moved
from qeopt.network import Op

MOST_LOOPS = 6
"""How many loops the kernel can run inside of each other."""


def loops_of(op: Op, part: int) -> tuple[int, ...]:
    """Describe a walk through the input, in the order in which the output lies in memory.

    Args:
        op: A slice, split, transposition or reshape.
        part: Which of its outputs.

    Returns:
        Where the first value is read, how many loops there are, how often each turns, and by how many values each moves.

    Raises:
        ExportError: when the walk has more loops than the kernel.
    """
    channels, height, width = shape_of(op.inputs[0])
    places = np.arange(height * width * channels).reshape(height, width, channels).transpose(2, 0, 1)
    found = moved(op, places[None])[part][0].transpose(1, 2, 0).ravel()
    turns, steps = list[int](), list[int]()
    rest = found
    while len(rest) > 1:
        step = int(rest[1] - rest[0])
        breaks = np.flatnonzero(np.diff(rest) != step)
        turn = int(breaks[0]) + 1 if len(breaks) else len(rest)
        if len(rest) % turn or (rest.reshape(-1, turn) - rest[::turn, None] != step * np.arange(turn)).any():
            raise ExportError(f"{op.name!r} moves values in an order that is no loops of the kernel")
        turns.insert(0, turn)
        steps.insert(0, step)
        rest = rest[::turn]
    if len(turns) > MOST_LOOPS:
        raise ExportError(f"{op.name!r} moves values by {len(turns)} loops; {MOST_LOOPS} are the most")
    return (int(found[0]), len(turns), *turns, *steps)


def tables_of(op: Op) -> tuple[int, ...]:
    """Where every row, column and channel of the output begins in the input, in values; -1 for padding.

    Args:
        op: A padding.
    """
    channels, height, width = shape_of(op.inputs[0])
    column_step, row_step = channels, width * channels
    sides = np.indices((channels, height, width))
    tables = list[int]()
    for axis, step in ((1, row_step), (2, column_step), (0, 1)):
        found = moved(op, sides[axis][None], -1)[0][0]
        places = found.max(axis=tuple(other for other in range(3) if other != axis))
        tables += np.where(places < 0, -1, places * step).tolist()
    return tuple(tables)


def shares_of(op: Op) -> tuple[int, ...]:
    """How many shares rows and columns are apart, then of rows and of columns: places before, behind, shares of those behind.

    The nearest value is that before, with a single share.

    Raises:
        ExportError: the shares are no whole parts of the distance.
    """
    channels, _, width = shape_of(op.inputs[0])
    if op.function.startswith("linear"):
        (top, bottom, down, rows), (left, right, across, columns) = linear(op)
    else:
        (top, left), rows, columns = nearest(op), 1, 1
        bottom, right, down, across = top, left, top * 0, left * 0
    spelled: list[Integers] = [top * width * channels, bottom * width * channels, down, left * channels, right * channels, across]
    return (rows, columns, *(int(value) for values in spelled for value in values))
