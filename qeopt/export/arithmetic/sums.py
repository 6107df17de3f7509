"""Exact sums and maxima over windows: what operators compute before anything is rounded.

Products are summed in double precision where that is exact: integers stay below 2^53 as long as sums fit 32 bits, and no sum of
products of integers of at most 16 bits comes near it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qeopt.export import moves
from qeopt.export.arithmetic.geometry import Window, window
from qeopt.export.arithmetic.quantised import Integers, Reals, Weights
from qeopt.export.arithmetic.resizing import linear
from qeopt.network import Op, OpKind


def weighted(op: Op, weights: Weights, values: Integers) -> Integers:
    """Sum products of weights and values, and the bias; shape (images, channels, height, width)."""
    if op.kind is OpKind.AFFINE:
        return np.asarray(values * weights.values + weights.bias)
    how = {OpKind.DENSE: _dense, OpKind.TRANSPOSED_CONV: _spread}.get(op.kind, _convolve)
    sums: Integers = how(op, weights, values).astype(np.int64)
    return np.asarray(sums + weights.bias[:, None, None])


def pooled(op: Op, values: Integers) -> Integers:
    """Sum over windows, padding left out; or take the largest value (`max_pool`)."""
    found = window(op)
    if op.kind is OpKind.MAX_POOL:
        return np.asarray(np.max([seen for _, _, seen in _taps(op, found, values.astype(np.float64), -np.inf)], axis=0), np.int64)
    return np.asarray(sum(seen for _, _, seen in _taps(op, found, values.astype(np.float64), 0.0)), np.int64)


def counts(op: Op) -> Integers:
    """Values that an average divides by, at every place of the output; shape (height, width)."""
    found, source = window(op), op.inputs[0]
    if op.counts_padding:
        return np.full((int(op.output.height), int(op.output.width)), found.height * found.width)
    ones = np.ones((1, 1, int(source.height), int(source.width)))
    return np.asarray(sum(seen[0, 0] for _, _, seen in _taps(op, found, ones, 0.0)), np.int64)


def resized(op: Op, values: Integers) -> tuple[Integers, int]:
    """Sums of the four values around each place, by their shares, and how many shares there are."""
    (top, bottom, down, rows), (left, right, across, columns) = linear(op)
    down = down[:, None]
    upper = values[:, :, top] * (rows - down) + values[:, :, bottom] * down
    found = upper[:, :, :, left] * (columns - across) + upper[:, :, :, right] * across
    return found.astype(np.int64), rows * columns


def _dense(op: Op, weights: Weights, values: Integers) -> Reals:
    flat = moves.seen(op, values).reshape(len(values), -1).astype(np.float64)
    return np.asarray(flat @ weights.values.T.astype(np.float64))[:, :, None, None]


def _convolve(op: Op, weights: Weights, values: Integers) -> Reals:
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


def _spread(op: Op, weights: Weights, values: Integers) -> Reals:
    """A transposed convolution: every value is spread over a window of the output."""
    kernel, found = weights.values.astype(np.float64), window(op)
    outputs, inputs = kernel.shape[:2]
    groups = values.shape[1] // inputs
    grouped = values.astype(np.float64).reshape(len(values), groups, inputs, *values.shape[2:])
    (down, across), (rows, columns), (top, left, *_) = found.strides, found.dilation, found.pads
    height, width = int(op.output.height), int(op.output.width)
    reach = [(side - 1) * step for side, step in zip(values.shape[2:], (down, across), strict=True)]
    sides = [
        max(reach[0] + (found.height - 1) * rows + 1, top + height),
        max(reach[1] + (found.width - 1) * columns + 1, left + width),
    ]
    canvas = np.zeros((len(values), groups, outputs // groups, *sides))
    for row in range(found.height):
        for column in range(found.width):
            y, x = row * rows, column * columns
            tap = kernel[:, :, row, column].reshape(groups, outputs // groups, inputs)
            seen = canvas[..., y : y + reach[0] + 1 : down, x : x + reach[1] + 1 : across]
            seen += np.einsum("goi,ngihw->ngohw", tap, grouped, optimize=True)
    return canvas[..., top : top + height, left : left + width].reshape(len(values), outputs, height, width)


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
