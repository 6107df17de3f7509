"""Operators on integers, which carry the scales of what they read and write, as quantisers of ONNX Runtime write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from qeopt.network.importers.constant import Array, Constant, combined
from qeopt.network.importers.onnx import elementwise, moving, padding, parts, reducing, resizing, weighted
from qeopt.network.importers.onnx.exact import NORM, RESIZE
from qeopt.network.importers.onnx.file import load_onnx
from qeopt.network.importers.onnx.infer import FLOAT
from qeopt.network.importers.onnx.saturate import saturate
from qeopt.network.importers.onnx.state import Reader, Step
from qeopt.network.importers.onnx.values import Given
from qeopt.network.importers.onnx.weighted import PRODUCT, Handler, convolve, is_given, multiply, needed

_UINT8 = 2
OPERATORS: Mapping[str, tuple[str, tuple[int, ...], int]] = {
    "QLinearAdd": ("Add", (0, 3), 6),
    "QLinearMul": ("Mul", (0, 3), 6),
    "QLinearSigmoid": ("Sigmoid", (0,), 3),
    "QLinearLeakyRelu": ("LeakyRelu", (0,), 3),
    "QLinearSoftmax": ("Softmax", (0,), 3),
    "QLinearAveragePool": ("AveragePool", (0,), 3),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,), 3),
    "QLinearConcat": ("Concat", (), 0),
    "QGemm": ("Gemm", (0, 3), 7),
    RESIZE: ("Resize", (0,), 3),
    NORM: ("LayerNormalization", (0,), 3),
}
"""By operator: the one of real numbers, where what it reads stands (each before its scale and zero), and its own scale."""
_SIZES = 5
"""Where a resize states the sides of what it writes, and a layer normalisation its factors and then its summands."""
OWN = frozenset({"channels_last", "opset", "group"})
"""Attributes that the operator of real numbers does not have."""


def _by_reals(kind: str) -> Handler:
    """Take an operator on integers for that on what these stand for."""
    real, places, scale = OPERATORS[kind]

    def handle(reader: Reader, node: Any) -> None:
        if reader.attribute(node, "channels_last", 0):
            raise reader.refuse(
                node, "channels that come last are not known here; export the model before it is laid out for a processor"
            )
        reads = [_real(reader, node, place) for place in places or range(2, len(node.input), 3)]
        if kind == "QGemm" and is_given(node, 6):
            reads.append(_summand(reader, node))
        if kind == RESIZE:
            reads += ["", "", node.input[_SIZES]]
        if kind == NORM:
            reads += node.input[_SIZES : _SIZES + 2]
        made = load_onnx().helper.make_node(real, reads, [node.output[0]], name=node.name)
        made.attribute.extend(attribute for attribute in node.attribute if attribute.name not in OWN)
        reader.inference.infer(made, reader.given, reader.name(node))
        REALS[real](reader, made)
        if not is_given(node, scale):  # it writes real numbers
            return
        told = reader.inference.kind(node.input[scale + 1]) if is_given(node, scale + 1) else _UINT8
        reader.inference.state(node.output[0], reader.dims_of(node.output[0], node), told)
        _end_quantised(reader, node, scale)

    return handle


def _real(reader: Reader, node: Any, place: int) -> str:
    """A name for what integers stand for."""
    value = str(node.input[place])
    name, dims = f"{value} (real)", reader.dims_of(value, node)
    if reader.knows(value):
        reader.views[name] = reader.views[value]
    else:
        constant, axis = needed(reader, node, place), 0 if reader.attribute(node, "transB", 0) else -1
        found = dequantised(constant, reader.constant(node, place + 1), reader.constant(node, place + 2), axis)
        reader.given[name] = Given(found, FLOAT)
    reader.inference.state(name, dims, FLOAT)
    return name


def _summand(reader: Reader, node: Any) -> str:
    """What is added to a product of integers, which counts in the scales of both."""
    constant, alpha = needed(reader, node, 6), float(reader.attribute(node, "alpha", 1.0))
    one, other = needed(reader, node, 1), needed(reader, node, 4)
    unit = combined(lambda a, b: np.asarray(a, np.float64) * np.asarray(b, np.float64) * alpha, other.dims, one, other)
    name = f"{node.input[6]} (real)"
    reader.given[name] = Given(dequantised(constant, unit, None, -1), FLOAT)
    reader.inference.state(name, constant.dims, FLOAT)
    return name


def dequantised(values: Constant, scale: Constant | None, zero: Constant | None, axis: int, block: int = 0) -> Constant:
    """What integers stand for; with a block, as many of them along the axis have one scale."""

    def real(found: Array, factor: Array | None, offset: Array | None) -> Array:
        made = np.asarray(found, dtype=np.float64)

        def spread(given: Array) -> Array:
            given = np.asarray(given, dtype=np.float64)
            if given.size == 1:
                return given.reshape(())
            if block:
                return np.repeat(given, block, axis).take(range(made.shape[axis]), axis)
            sides = [1] * made.ndim
            sides[axis % made.ndim] = -1
            return given.reshape(sides)

        if offset is not None:
            made = made - spread(offset)
        return made if factor is None else made * spread(factor)

    told = "*".join(part.key if part else "" for part in (scale, zero))
    key = f"{values.key}*{told} along {axis} by {block}" if values.key else ""
    return replace(combined(real, values.dims, values, scale, zero), bits=values.bits, key=key)


def _qlinear_conv(reader: Reader, node: Any) -> None:
    scale, weights_scale = needed(reader, node, 1), needed(reader, node, 4)
    weights = dequantised(needed(reader, node, 3), weights_scale, reader.constant(node, 5), 0)
    bias = None
    if is_given(node, 8):
        unit = combined(
            lambda a, b: np.asarray(a, np.float64) * np.asarray(b, np.float64), weights_scale.dims, weights_scale, scale
        )
        bias = dequantised(needed(reader, node, 8), unit, None, 0)
    reader.note_bits(node.input[0], 8)
    convolve(reader, node, weights, bias)
    _end_quantised(reader, node, 6)


def _qlinear_matmul(reader: Reader, node: Any) -> None:
    first = (
        dequantised(needed(reader, node, 0), reader.constant(node, 1), reader.constant(node, 2), -2)
        if reader.constant(node, 0) is not None
        else None
    )
    second = (
        dequantised(needed(reader, node, 3), reader.constant(node, 4), reader.constant(node, 5), -1)
        if reader.constant(node, 3) is not None
        else None
    )
    if first is None and second is None:
        raise reader.refuse(node, PRODUCT)
    multiply(reader, node, first, second, 3)
    _end_quantised(reader, node, 6)


def _end_quantised(reader: Reader, node: Any, scale: int) -> None:
    saturate(reader, node, scale)
    reader.integers[node.output[0]] = Step(reader.constant(node, scale), reader.constant(node, scale + 1))
    reader.note_bits(node.output[0], 8)


def _integer(reader: Reader, node: Any) -> None:
    """A product of integers whose scales stand in operators of their own: it is in steps of what it reads."""
    read = reader.integers.get(node.input[0], Step(None, None))
    if not Step(read.scale, reader.constant(node, 2)).means(read):
        raise reader.refuse(node, "integers whose zero is not that of the product are not known; quantise with QDQ nodes instead")
    real = dequantised(needed(reader, node, 1), None, reader.constant(node, 3), 0 if node.op_type == "ConvInteger" else -1)
    if read.scale is not None:
        real = combined(lambda values, scale: np.asarray(values) / np.asarray(scale, np.float64), real.dims, real, read.scale)
    if node.op_type == "ConvInteger":
        convolve(reader, node, real, None)
    else:
        multiply(reader, node, None, real)


REALS: Mapping[str, Handler] = {
    **weighted.HANDLERS,
    **elementwise.HANDLERS,
    **moving.HANDLERS,
    **parts.HANDLERS,
    **padding.HANDLERS,
    **resizing.HANDLERS,
    **reducing.HANDLERS,
}
"""Operators on real numbers."""
HANDLERS: Mapping[str, Handler] = {
    "QLinearConv": _qlinear_conv,
    "QLinearMatMul": _qlinear_matmul,
    "ConvInteger": _integer,
    "MatMulInteger": _integer,
    **{kind: _by_reals(kind) for kind in OPERATORS},
}
