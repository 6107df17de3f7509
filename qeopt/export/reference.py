"""Run a quantised network in NumPy, on integers alone. What comes out here is what every export has to compute.

Integers are multiplied and summed exactly in 32 bits, with the bias in the sum. A sum times a multiplier of 31 bits is a product of
64 bits; divided by a power of two it is rounded to the nearest integer, halves to even, and clipped to what the output and the
function at the end of the operator leave. Multiplier and shift stand for the scales: one pair by output channel; an addition has
two multipliers of one shift, and its products are summed before they are rounded; an average has one pair for every number of
values that it can divide by. Functions that do more than clip are tables. A softmax divides exponentials of a table by their sum, a
layer normalisation by the root of an exact sum; `arithmetic.softmax` and `arithmetic.layer_norm` say how they round. Nothing else
is ever rounded. Only the image has to be turned into integers first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from qeopt.export.arithmetic import sums
from qeopt.export.arithmetic.contract import Rescaling, ends, rescaling
from qeopt.export.arithmetic.geometry import image_of
from qeopt.export.arithmetic.layer_norm import layer_norm, norm_steps
from qeopt.export.arithmetic.quantised import Integers, QuantisedNetwork, Reals
from qeopt.export.arithmetic.reals import filler, joined_axis
from qeopt.export.arithmetic.rounding import half_to_even, rescale
from qeopt.export.arithmetic.softmax import SOFTMAX, axis_of, exponentials, softmax
from qeopt.export.moves import moved, only_moves
from qeopt.network import Op, OpKind

Compute = Callable[[QuantisedNetwork, Op, Mapping[str, Integers]], Integers]
"""Computes one operator from the integers of its inputs, by tensor name."""


def run(model: QuantisedNetwork, images: Reals, by: Compute | None = None) -> dict[str, Integers]:
    """Run images through the network.

    Args:
        model: The network.
        images: Real values, shape (images, channels, height, width).
        by: Another library's arithmetic.

    Returns:
        The integers of every tensor, shape (images, channels, height, width).

    Raises:
        ExportError: when an operator or function is not known, or a sum could leave 32 bits.
    """
    image = image_of(model.network).name
    held = {image: model.grids[image].quantise(images)}
    for op in model.network.ops:
        held |= compute_all(model, op, held, by or compute)
    return held


def compute_all(model: QuantisedNetwork, op: Op, held: Mapping[str, Integers], by: Compute) -> dict[str, Integers]:
    """Compute everything that an operator writes; see `compute`."""
    if not op.others:
        return {op.output.name: by(model, op, held)}
    found = {}
    for tensor, part in zip(op.outputs, moved(op, held[op.inputs[0].name]), strict=True):
        told = rescaling(model, replace(op, output=tensor, others=()))
        found[tensor.name] = np.clip(rescale(part, *told.factors), told.low, told.high)
    return found


def compute(model: QuantisedNetwork, op: Op, held: Mapping[str, Integers]) -> Integers:
    """Compute one operator.

    Args:
        model: The network.
        op: The operator.
        held: Integers of its inputs by tensor name, shape (images, channels, height, width).

    Returns:
        The integers of its output.

    Raises:
        ExportError: when the operator or its function is not known, or a sum could leave 32 bits.
    """
    inputs, source, output = (
        [held[tensor.name] for tensor in op.inputs],
        model.grids[op.inputs[0].name],
        model.grids[op.output.name],
    )
    if op.kind is OpKind.LAYER_NORM:
        return np.clip(layer_norm(inputs[0], norm_steps(model.norms[op.name], source, output, op.name)), *ends(model, op))
    if op.kind is OpKind.ACTIVATION and model.functions[op.name] == SOFTMAX:
        shares = softmax(inputs[0], exponentials(source, output, op.name), axis_of(op.terms))
        return np.clip(shares, output.low, output.high)
    told = rescaling(model, op)
    if told.table is not None and told.table.ndim == 2:
        rows = np.arange(inputs[0].shape[1])[:, None, None] % len(told.table)
        return told.table[rows, inputs[0] - source.low]
    if told.table is not None:
        return told.table[inputs[0] - source.low]
    return np.clip(_rounded(model, op, told, inputs), told.low, told.high)


def _rounded(model: QuantisedNetwork, op: Op, told: Rescaling, inputs: list[Integers]) -> Integers:
    multipliers, shifts = told.factors
    match op.kind:
        case OpKind.CONV | OpKind.DEPTHWISE | OpKind.TRANSPOSED_CONV | OpKind.DENSE | OpKind.AFFINE:
            found = sums.weighted(op, model.weights[op.name], inputs[0])
            multipliers, shifts = multipliers[:, None, None], shifts[:, None, None]
        case OpKind.POOL:
            found, places = sums.pooled(op, inputs[0]), sums.counts(op) - 1
            multipliers, shifts = multipliers[places], shifts[places]
        case OpKind.MAX_POOL:
            found = sums.pooled(op, inputs[0])
        case OpKind.ADD | OpKind.SUB:
            return half_to_even(inputs[0] * multipliers[0] + inputs[1] * multipliers[1], shifts[:1])
        case OpKind.MUL:
            found = inputs[0] * inputs[1]
        case OpKind.CONCAT:
            pieces = zip(inputs, multipliers, shifts, strict=True)
            return np.concatenate([rescale(*piece) for piece in pieces], axis=joined_axis(op))
        case OpKind.MAXIMUM | OpKind.MINIMUM:
            one, other = (rescale(*piece) for piece in zip(inputs, multipliers, shifts, strict=True))
            return np.maximum(one, other) if op.kind is OpKind.MAXIMUM else np.minimum(one, other)
        case OpKind.RESIZE if op.function.startswith("linear"):
            found, _ = sums.resized(op, inputs[0])
        case _ if only_moves(op):
            found = moved(op, inputs[0], filler(op, model.grids[op.inputs[0].name]))[0]
        case _:  # a function by itself
            found = inputs[0]
    return rescale(found, multipliers, shifts)
