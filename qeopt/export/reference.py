"""Run a quantised network in NumPy. What comes out here is what every export has to compute.

Integers are multiplied and summed exactly, with the bias in the sum. The sum times the scales is a real value in double precision.
The function at the end of the operator is applied to it; then it is rounded to the nearest integer of the output's grid, halves to
even, and clipped. Nothing else is ever rounded: an average is a sum divided by its count, an addition adds real values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from qeopt.export.errors import ExportError
from qeopt.export.functions import LINEAR
from qeopt.export.geometry import Window, image_of, window
from qeopt.export.quantised import Grid, Integers, QuantisedNetwork, Reals, Weights
from qeopt.network import Op, OpKind

FUNCTIONS: Mapping[str, Callable[[Reals], Reals]] = {
    LINEAR: lambda values: values,
    "relu": lambda values: np.maximum(values, 0.0),
    "relu6": lambda values: np.clip(values, 0.0, 6.0),
}
"""Functions that exports with numbers know."""


def run(model: QuantisedNetwork, images: Reals) -> dict[str, Integers]:
    """Run images through the network.

    Args:
        model: The network.
        images: Real values, shape (images, channels, height, width).

    Returns:
        The integers of every tensor, shape (images, channels, height, width).
    """
    image = image_of(model.network).name
    held = {image: model.grids[image].quantise(images)}
    for op in model.network.ops:
        inputs = [held[tensor.name] for tensor in op.inputs]
        real = step(op, inputs, model.grids, model.weights.get(op.name), model.functions[op.name])
        held[op.output.name] = model.grids[op.output.name].quantise(real)
    return held


def step(op: Op, inputs: list[Integers], grids: Mapping[str, Grid], weights: Weights | None, function: str) -> Reals:
    """Compute one operator, up to the rounding of its output.

    Args:
        op: The operator.
        inputs: Integers of its inputs, shape (images, channels, height, width).
        grids: What they stand for, by tensor name.
        weights: Its weights, if it has any.
        function: The function at its end.

    Returns:
        Real values, shape (images, channels, height, width).

    Raises:
        ExportError: when the operator or the function is not known here.
    """
    if function not in FUNCTIONS:
        raise ExportError(f"{op.name!r} ends in {function!r}, which cannot be written; {', '.join(sorted(FUNCTIONS)[1:])} can")
    real: list[Reals] = [values * np.float64(grids[tensor.name].scale) for values, tensor in zip(inputs, op.inputs, strict=True)]
    scale = grids[op.inputs[0].name].scale
    found: Reals
    if weights is not None:
        sums = _dense(weights, inputs[0]) if op.kind is OpKind.DENSE else _convolve(op, weights, inputs[0])
        found = (sums + _column(weights.bias)) * _column(weights.scales * scale)
    else:
        match op.kind:
            case OpKind.POOL | OpKind.MAX_POOL:
                found = _pool(op, inputs[0]) * scale
            case OpKind.ADD:
                found = real[0] + real[1]
            case OpKind.MUL:
                found = real[0] * real[1]
            case OpKind.ACTIVATION:
                found = real[0]
            case OpKind.CONCAT:
                found = np.concatenate(real, axis=1)
            case _:
                raise ExportError(f"{op.name!r} is of the kind {op.kind}, which exports with numbers cannot write")
    return FUNCTIONS[function](found)


def _column(by_channel: Reals | Integers) -> Reals:
    return by_channel.astype(np.float64)[:, None, None]


def _dense(weights: Weights, values: Integers) -> Reals:
    flat = values.reshape(len(values), -1).astype(np.float64)
    return np.asarray(flat @ weights.values.T.astype(np.float64))[:, :, None, None]


def _convolve(op: Op, weights: Weights, values: Integers) -> Reals:
    """Sum products; doubles are exact here, as no sum of products of 16-bit integers comes near 2 ** 53."""
    kernel = weights.values.astype(np.float64)
    outputs, inputs = kernel.shape[:2]
    groups = values.shape[1] // inputs
    sums = np.zeros((len(values), groups, outputs // groups, int(op.output.height), int(op.output.width)))
    for row, column, seen in _taps(op, window(op), values.astype(np.float64), 0.0):
        grouped = seen.reshape(len(seen), groups, inputs, *seen.shape[2:])
        tap = kernel[:, :, row, column].reshape(groups, outputs // groups, inputs)
        if inputs == 1:
            sums += grouped * tap[:, :, 0, None, None]
        else:
            sums += np.einsum("goi,ngihw->ngohw", tap, grouped, optimize=True)
    return sums.reshape(len(values), outputs, *sums.shape[3:])


def _pool(op: Op, values: Integers) -> Reals:
    found = window(op)
    if op.kind is OpKind.MAX_POOL:
        return np.asarray(np.max([seen for _, _, seen in _taps(op, found, values.astype(np.float64), -np.inf)], axis=0))
    sums = sum(seen for _, _, seen in _taps(op, found, values.astype(np.float64), 0.0))
    counts = sum(seen for _, _, seen in _taps(op, found, np.ones(values.shape), 0.0))
    return np.asarray(sums / counts)


def _taps(op: Op, found: Window, values: Reals, padding: float) -> Iterator[tuple[int, int, Reals]]:
    """For every place in the window, the values that all outputs see there."""
    top, left, bottom, right = found.pads
    padded = np.pad(values, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=padding)
    height, width = int(op.output.height), int(op.output.width)
    for row in range(found.height):
        for column in range(found.width):
            y, x = row * found.dilation[0], column * found.dilation[1]
            yield (
                row,
                column,
                padded[:, :, y : y + (height - 1) * found.strides[0] + 1 : found.strides[0]][
                    :, :, :, x : x + (width - 1) * found.strides[1] + 1 : found.strides[1]
                ],
            )
