"""Broadcasting: constants beside values that depend on the image, and values that are repeated beside others."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from qeopt.network.graph import OpKind
from qeopt.network.importers.constant import Array, Constant
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.views import View

SPREADING = frozenset({"Add", "Sum", "Sub", "Mul", "Max", "Min"})
"""Operators that spread a row, a column or one value for all over the other value that they read."""


def spread(reader: Reader, node: Any, view: View, constant: Constant) -> Constant:
    """A constant that is broadcast to a view, by channels, rows and columns of the tensor behind.

    Raises:
        SpecError: it has more dimensions than the view, or others.
    """
    rank = len(view.dims)
    if constant.size == 1:
        return constant.seen_as((1, 1, 1))
    if len(constant.dims) > rank:
        raise reader.refuse(node, f"a constant of {len(constant.dims)} dimensions beside a value of {rank}")
    aligned = (1,) * (rank - len(constant.dims)) + constant.dims
    if any(own not in {1, side} for own, side in zip(aligned, view.dims, strict=True)):
        raise reader.refuse(node, f"a constant of {list(constant.dims)} values beside {list(view.dims)}")
    height, width, channels = reader.shape(view)
    sides = {axis: view.side_of(axis, (height, width, channels)) for axis in range(rank) if aligned[axis] > 1}
    if None not in sides.values():
        by_side = {side: axis for axis, side in sides.items()}
        order = [by_side[side] for side in (2, 0, 1) if side in by_side]
        rest = [axis for axis in range(rank) if axis not in order]
        lengths = (channels, height, width)
        dims = tuple(length if side in by_side else 1 for side, length in zip((2, 0, 1), lengths, strict=True))
        return constant.then(
            dims, lambda values: np.asarray(values).reshape(aligned).transpose(*order, *rest).reshape(dims), key=f"by {order}"
        )
    full = (channels, height, width)

    def put(values: Array) -> Array:
        found = np.empty(prod(full), np.asarray(values).dtype)
        found[view.offsets().reshape(-1)] = np.broadcast_to(np.asarray(values).reshape(aligned), view.dims).reshape(-1)
        return found.reshape(full)

    return constant.then(full, put)


def affine(reader: Reader, node: Any, index: int, factor: Constant | None, summand: Constant | None) -> None:
    """Multiply by and add constants."""
    view = reader.view(node, index)
    out = reader.dims_of(node.output[0], node)
    if prod(out) != prod(view.dims):
        raise reader.refuse(node, f"a constant that makes {list(out)} of {list(view.dims)} values is not known")
    weights, bias = (None if one is None else spread(reader, node, view, one) for one in (factor, summand))
    if out != view.dims:
        view = view.reshaped(out) or view
    reader.elementwise(node, OpKind.AFFINE, view, weights=weights, bias=bias)


def repeat(reader: Reader, value: str) -> None:
    """Append the operator that repeats values, where that has not been done."""
    if value in reader.repeated:
        _, piece = reader.repeated.pop(value)
        reader.draft.add(piece, canonical(reader.views[value].dims))


def spread_instead(reader: Reader, node: Any) -> None:
    """Let a node read what a value repeats, where it spreads that itself beside another value; else repeat it."""
    for index, value in enumerate(node.input):
        if value in reader.repeated:
            dims = reader.views[value].dims
            whole = [reader.views[one].dims == dims for one in node.input if one in reader.views and one not in reader.repeated]
            if node.op_type in SPREADING and any(whole):
                node.input[index] = reader.repeated[value][0]
            else:
                repeat(reader, value)
