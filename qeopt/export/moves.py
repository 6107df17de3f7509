"""Operators that move values: what they write is what they read, at other places."""

from __future__ import annotations

import numpy as np

from qeopt.export.arithmetic.quantised import Integers
from qeopt.export.arithmetic.resizing import nearest
from qeopt.network import Op, OpKind, Tensor

MOVING = frozenset({OpKind.SLICE, OpKind.SPLIT, OpKind.TRANSPOSE, OpKind.RESHAPE, OpKind.PAD})
"""Kinds that only move values; resizing to the nearest value does too."""
_AXES = {2: 1, 0: 2, 1: 3}


def only_moves(op: Op) -> bool:
    """Whether an operator makes no new value."""
    return op.kind in MOVING or (op.kind is OpKind.RESIZE and op.function.startswith("nearest"))


def moved(op: Op, values: Integers, filler: int = 0) -> list[Integers]:
    """Values of everything that an operator writes.

    Args:
        op: The operator.
        values: What it reads, shape (images, channels, height, width).
        filler: What it pads with.
    """
    match op.kind:
        case OpKind.SLICE:
            return [_sliced(op, values)]
        case OpKind.SPLIT:
            return _parts(op, values)
        case OpKind.PAD:
            return [_padded(op, values, filler)]
        case OpKind.RESIZE:
            rows, columns = nearest(op)
            return [values[:, :, rows][:, :, :, columns]]
        case _:
            return [seen(op, values).reshape(len(values), *_shape(op.output))]


def seen(op: Op, values: Integers) -> Integers:
    """What an operator sees of its first input."""
    for view, order in op.moves:
        values = values.reshape(len(values), *view).transpose(0, *(axis + 1 for axis in order))
    return values


def _shape(tensor: Tensor) -> tuple[int, int, int]:
    return int(tensor.channels), int(tensor.height), int(tensor.width)


def _sliced(op: Op, values: Integers) -> Integers:
    lengths = {0: int(op.output.height), 1: int(op.output.width), 2: int(op.output.channels)}
    for side, axis in _AXES.items():
        values = values.take(op.begins[side] + op.every[side] * np.arange(lengths[side]), axis=axis)
    return values


def _parts(op: Op, values: Integers) -> list[Integers]:
    shapes = [_shape(tensor) for tensor in op.outputs]
    axis = next((axis for axis in (1, 2, 3) if values.shape[axis] != shapes[0][axis - 1]), 1)
    ends = np.cumsum([shape[axis - 1] for shape in shapes])[:-1]
    return [np.asarray(part) for part in np.split(values, ends, axis=axis)]


def _padded(op: Op, values: Integers, filler: int) -> Integers:
    top, left, bottom, right = op.pads or (0, 0, 0, 0)
    margins = ((0, 0), op.channel_pads, (top, bottom), (left, right))
    if op.function in {"reflect", "edge"}:
        return np.pad(values, margins, mode="reflect" if op.function == "reflect" else "edge")
    return np.pad(values, margins, constant_values=filler)
