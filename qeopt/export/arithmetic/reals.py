"""One operator in double precision. Scales are fitted to what comes out here; what exports compute is in `reference`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from qeopt.export.arithmetic import functions, sums
from qeopt.export.arithmetic.layer_norm import real_layer_norm
from qeopt.export.arithmetic.quantised import Grid, Integers, Norm, Reals, Weights
from qeopt.export.errors import ExportError
from qeopt.export.moves import moved, only_moves
from qeopt.network import Op, OpKind
from qeopt.network.functions import LINEAR

_HOW = frozenset({OpKind.RESIZE, OpKind.PAD})
"""Kinds whose function says how they make values."""


def joined_axis(op: Op) -> int:
    """The axis of (images, channels, height, width) along which an operator joins tensors."""
    source, output = op.inputs[0], op.output
    sides = ((1, source.channels, output.channels), (2, source.height, output.height), (3, source.width, output.width))
    return next((axis for axis, one, other in sides if one != other), 1)


def filler(op: Op, grid: Grid) -> int:
    """The integer that an operator pads with.

    Raises:
        ExportError: the grid does not reach it.
    """
    if op.function != "constant":
        return 0
    value = float(op.terms[0] or 0.0)
    found = int(grid.quantise(np.array(value)))
    if abs(found * grid.scale - value) > grid.scale:
        raise ExportError(f"{op.name!r} pads with {value:g}, which the integers that it reads do not reach")
    return found


def end_of(op: Op, ends: Mapping[str, str]) -> str:
    """The function at the end of an operator; none where that says how it makes values."""
    return LINEAR if op.kind in _HOW else ends[op.name]


def step(
    op: Op,
    inputs: list[Integers],
    grids: Mapping[str, Grid],
    weights: Weights | None,
    function: str,
    slopes: Reals | None = None,
    norm: Norm | None = None,
) -> Reals:
    """Compute one operator, up to the rounding of its output.

    Args:
        op: The operator.
        inputs: Integers of its inputs, shape (images, channels, height, width).
        grids: What they stand for, by tensor name.
        weights: Its weights, if it has any.
        function: The function at its end.
        slopes: Of the function, by channel, where it has any.
        norm: Its constants, if it is a layer normalisation.

    Returns:
        Real values, shape (images, channels, height, width).

    Raises:
        ExportError: when the operator or the function is not known here.
    """
    if op.kind not in _HOW:
        functions.check(function, op.name)
    real: list[Reals] = [values * np.float64(grids[tensor.name].scale) for values, tensor in zip(inputs, op.inputs, strict=True)]
    scale = np.float64(grids[op.inputs[0].name].scale)
    found: Reals
    if weights is not None:
        found = sums.weighted(op, weights, inputs[0]) * (weights.scales * scale)[:, None, None]
    elif norm is not None:
        return functions.apply(function, real_layer_norm(real[0], norm))
    else:
        found = _without_weights(op, inputs, real, grids)
    if op.kind in _HOW:
        return found
    return functions.apply(function, found, op.terms, slopes)


_TWO: Mapping[OpKind, Callable[[Reals, Reals], Reals]] = {
    OpKind.ADD: np.add,
    OpKind.SUB: np.subtract,
    OpKind.MUL: np.multiply,
    OpKind.MAXIMUM: np.maximum,
    OpKind.MINIMUM: np.minimum,
}


def _without_weights(op: Op, inputs: list[Integers], real: list[Reals], grids: Mapping[str, Grid]) -> Reals:
    scale = np.float64(grids[op.inputs[0].name].scale)
    match op.kind:
        case OpKind.POOL | OpKind.MAX_POOL:
            counts = sums.counts(op) if op.kind is OpKind.POOL else 1
            return np.asarray(sums.pooled(op, inputs[0]) / counts * scale)
        case OpKind.ACTIVATION:
            return real[0]
        case OpKind.CONCAT:
            return np.concatenate(real, axis=joined_axis(op))
        case OpKind.RESIZE if op.function.startswith("linear"):
            whole, shares = sums.resized(op, inputs[0])
            return np.asarray(whole * (scale / shares))
    if op.kind in _TWO:
        return _TWO[op.kind](real[0], real[1])
    if not only_moves(op):
        raise ExportError(f"{op.name!r} is of the kind {op.kind}, which exports with numbers cannot write")
    return np.asarray(moved(op, inputs[0], filler(op, grids[op.inputs[0].name]))[0] * scale)
