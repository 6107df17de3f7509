"""What the reference kernels of TensorFlow Lite Micro compute, in NumPy: the reference for models that are run by it.

It differs from this project's own arithmetic (`export/reference.py`) in how a product is rounded (twice), in sums of two tensors
(brought to a common scale with 20 bits more) and in averages (of the stored integers, halves away from zero).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from qeopt.export.arithmetic import functions, sums
from qeopt.export.arithmetic.geometry import image_of
from qeopt.export.arithmetic.quantised import Grid, Integers, QuantisedNetwork, Reals
from qeopt.export.arithmetic.reals import end_of, filler, joined_axis
from qeopt.export.arithmetic.rounding import factors, rescale_cmsis_double
from qeopt.export.errors import ExportError
from qeopt.export.moves import moved, only_moves
from qeopt.export.tflite.curves import hard_swish, sigmoid, tanh
from qeopt.export.tflite.resizing import between
from qeopt.export.tflite.softmax import softmax
from qeopt.network import Op, OpKind

ADD_BITS = 20
"""Bits by which inputs of a sum are shifted up before they are brought to one scale."""
SIX = 6.0
STEEPEST = 127
"""The integer of the steepest slope."""


def run(model: QuantisedNetwork, images: Reals) -> dict[str, Integers]:
    """Run images through a network whose grids are legal for TFLite.

    Args:
        model: The network.
        images: Real values, shape (images, channels, height, width).

    Returns:
        The integers of every tensor as the grids count them, shape (images, channels, height, width).

    Raises:
        ExportError: when an operator or function has no kernel.
    """
    image = image_of(model.network).name
    held = {image: model.grids[image].quantise(images)}
    for op in model.network.ops:
        if only_moves(op):
            parts = moved(op, held[op.inputs[0].name], filler(op, model.grids[op.inputs[0].name]))
            held |= {tensor.name: part for tensor, part in zip(op.outputs, parts, strict=True)}
        else:
            held[op.output.name] = compute(model, op, held)
    return held


def stored(grid: Grid, values: Integers) -> Integers:
    """Integers as a file stores them: from -128 on."""
    return values + zero_point(grid)


def zero_point(grid: Grid) -> int:
    """The stored integer that stands for zero."""
    return 0 if grid.is_signed else -128


def compute(model: QuantisedNetwork, op: Op, held: Mapping[str, Integers]) -> Integers:
    """Compute one operator; shapes are those of `run`.

    Raises:
        ExportError: when it has no kernel.
    """
    inputs, out = [held[tensor.name] for tensor in op.inputs], model.grids[op.output.name]
    function = end_of(op, model.functions)
    low, high = (out.low, out.high) if op.kind is OpKind.ACTIVATION else limits(function, out, op.name, op.terms)
    return np.clip(_rounded(model, op, inputs), low, high)


def fused(function: str, terms: functions.Terms = ()) -> str | None:
    """The function of TFLite with which an operator can end; None where there is none.

    A bound above zero other than 6 is where the integers of the output end, so that nothing has to be compared with it.
    """
    if function != "clip":
        return function if function in {"", "relu", "relu6"} else None
    low, high = functions.clips_to(function, terms) or (-np.inf, np.inf)
    if (low, high) == (-1, 1):
        return "relu_n1_to_1"
    return "relu" if low == 0 and high > 0 else None


def limits(function: str, grid: Grid, name: str, terms: functions.Terms = ()) -> tuple[int, int]:
    """Least and greatest integer that a function leaves.

    Raises:
        ExportError: when TFLite has no such function at the end of an operator.
    """
    found, bounds = fused(function, terms), functions.clips_to(function, terms)
    if found is None or bounds is None:
        raise ExportError(f"{name!r} ends in {spelled(function, terms)}, which operators of TFLite cannot")
    if function == "clip" and found == "relu" and grid.high * grid.scale > bounds[1] * (1 + 1e-6):
        raise ExportError(f"{name!r} ends in {spelled(function, terms)}, and its output shares the scale of wider tensors")
    low, high = ({"relu6": (0.0, SIX), "relu_n1_to_1": (-1.0, 1.0)}).get(found, (0.0 if found else -np.inf, np.inf))
    return _stored_bound(low, grid), _stored_bound(high, grid)


def spelled(function: str, terms: functions.Terms) -> str:
    """A function as people are told of it."""
    return repr(function) + (f" from {terms[0]} to {terms[1]}" if function == "clip" and len(terms) == 2 else "")


def _stored_bound(bound: float, grid: Grid) -> int:
    """The integer of a bound, halves away from zero, within a grid."""
    return int(np.clip(np.sign(bound) * np.floor(abs(bound) / grid.scale + 0.5), grid.low, grid.high))


def _rounded(  # noqa: PLR0911 - one a kind
    model: QuantisedNetwork, op: Op, inputs: list[Integers]
) -> Integers:
    scales = [model.grids[tensor.name].scale for tensor in op.inputs]
    out = model.grids[op.output.name]
    if op.has_weights or op.kind is OpKind.AFFINE:
        weights = model.weights[op.name]
        return _scaled(sums.weighted(op, weights, inputs[0]), scales[0] * weights.scales / out.scale, op)
    match op.kind:
        case OpKind.ADD | OpKind.SUB:
            most = 2 * max(scales)
            parts = [_scaled(values << ADD_BITS, [scale / most], op) for values, scale in zip(inputs, scales, strict=True)]
            total = parts[0] + parts[1] if op.kind is OpKind.ADD else parts[0] - parts[1]
            return _scaled(total, [most / ((1 << ADD_BITS) * out.scale)], op)
        case OpKind.MAXIMUM | OpKind.MINIMUM:
            return (np.maximum if op.kind is OpKind.MAXIMUM else np.minimum)(inputs[0], inputs[1])
        case OpKind.MUL:
            return _scaled(inputs[0] * inputs[1], [scales[0] * scales[1] / out.scale], op)
        case OpKind.POOL | OpKind.MAX_POOL:
            return _pooled(model, op, inputs[0])
        case OpKind.CONCAT:
            return np.concatenate(inputs, axis=joined_axis(op))
        case OpKind.ACTIVATION:
            return _bent(model, op, inputs[0])
        case OpKind.RESIZE:
            return between(op, inputs[0])
        case _:
            raise ExportError(f"{op.name!r} is of the kind {op.kind} with the function {model.functions[op.name]!r}")


def _bent(model: QuantisedNetwork, op: Op, values: Integers) -> Integers:
    """A function by itself: one that divides, a curve, or one that has another slope below zero than above."""
    source, out, function = model.grids[op.inputs[0].name].scale, model.grids[op.output.name].scale, model.functions[op.name]
    if function in _CURVES:
        return _CURVES[function](values, source, out)
    above = _scaled(np.maximum(values, 0), [source / out], op)
    below = np.minimum(values, 0)
    match function:
        case "relu":
            return above
        case "relu6" | "clip":
            low, high = clamps(op, function)
            grid = model.grids[op.output.name]
            return np.clip(values, _stored_bound(low, grid), _stored_bound(high, grid))
        case "leaky_relu":
            slope = slope_of(op) * np.float32(source) / np.float32(out)  # in the precision of its kernel
            return np.where(values < 0, int(np.sign(slope)) * _scaled(below, [abs(slope)], op), above)
        case functions.SLOPES:
            slopes, scale = slopes_of(model, op)
            return np.where(values < 0, _scaled(below * slopes, [source * scale / out], op), above)
    raise ExportError(f"{op.name!r} is the function {function!r} by itself, which the format tflite cannot write")


_CURVES: Mapping[str, Callable[[Integers, float, float], Integers]] = {
    "softmax": lambda values, source, _: softmax(values, source),
    "sigmoid": lambda values, source, _: sigmoid(values, source),
    "tanh": lambda values, source, _: tanh(values, source),
    "hardswish": hard_swish,
}
"""By function: its integers of those that it reads, the scale of these, and that of what it writes."""


def clamps(op: Op, function: str) -> tuple[float, float]:
    """The bounds of a function by itself that only compares."""
    return functions.clips_to(function, op.terms) or (-np.inf, np.inf)


def slope_of(op: Op) -> np.float32:
    """The slope below zero of a leaky ReLU, as a file holds it."""
    return np.float32(-functions.apply("leaky_relu", np.array([-1.0]), op.terms)[0])


def slopes_of(model: QuantisedNetwork, op: Op) -> tuple[Integers, float]:
    """Slopes by channel, shape (channels, 1, 1), as integers of 8 bits, and what 1 stands for."""
    slopes = model.slopes[op.name]
    scale = float(np.float32(np.abs(slopes).max() / STEEPEST or 1.0))
    return np.rint(slopes / scale).astype(np.int64), scale


def _scaled(values: Integers, wanted: object, op: Op) -> Integers:
    """Times real factors, by output channel or one for all, rounded as TFLite rounds."""
    multipliers, shifts = factors(np.asarray(wanted), op.name)
    return rescale_cmsis_double(values, multipliers[:, None, None], shifts[:, None, None])


def _pooled(model: QuantisedNetwork, op: Op, values: Integers) -> Integers:
    """The largest value, or the average of integers as they are stored: halves away from zero, as C divides."""
    if op.kind is OpKind.MAX_POOL:
        return sums.pooled(op, values)
    grid = model.grids[op.inputs[0].name]
    return _average(op, stored(grid, values)) - zero_point(grid)


def _average(op: Op, values: Integers) -> Integers:
    total, count = sums.pooled(op, values), sums.counts(op)
    rounded = (np.abs(total) + count // 2) // count
    return np.asarray(np.sign(total) * rounded)
