"""What TFLite operators of each value, of two tensors, and of windows become."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from qeopt.network.functions import clip
from qeopt.network.graph import OpKind
from qeopt.network.importers.constant import Constant, given
from qeopt.network.importers.patterns import number
from qeopt.network.importers.tflite.node import Handler, Node, by_channel
from qeopt.network.importers.tflite.weighted import window_of

OF_TWO = {
    "ADD": OpKind.ADD, "SUB": OpKind.SUB, "MUL": OpKind.MUL, "MAXIMUM": OpKind.MAXIMUM, "MINIMUM": OpKind.MINIMUM,
}  # fmt: skip


def _binary(node: Node) -> None:
    node.needs(2)
    kind, shape = OF_TWO[node.op.kind], node.shape()
    function = node.fused(0) if node.op.kind in {"ADD", "SUB", "MUL"} else ("", ())
    fixed = [index for index in (0, 1) if not node.knows(index)]
    if fixed:
        _with_constant(node, kind, fixed[0], function)
        return
    sources = [node.source(0), node.source(1)]
    shapes = [node.reader.draft.shapes[value] for value in sources]
    if kind is not OpKind.SUB and shapes[0] != shape:
        sources, shapes = sources[::-1], shapes[::-1]
    if shapes[0] != shape or any(own not in {1, side} for own, side in zip(shapes[1], shape, strict=True)):
        raise node.refuse(
            f"{node.op.kind} of tensors of {list(shapes[0])} and {list(shapes[1])} is not known; they would have to agree"
        )
    node.add(kind, sources)
    node.then(*function)


def _with_constant(node: Node, kind: OpKind, fixed: int, function: tuple[str, tuple[float | None, ...]]) -> None:
    """A factor, a summand or a bound."""
    constant = by_channel(node.constant(fixed))
    source, shape = node.source(1 - fixed), node.shape()
    if shape != node.read(1 - fixed) or any(
        own not in {1, side} for own, side in zip(constant.dims, (shape[2], *shape[:2]), strict=True)
    ):
        raise node.refuse(f"a constant of {list(node.dims(fixed))} values beside {list(node.dims(1 - fixed))}")
    if kind in {OpKind.MAXIMUM, OpKind.MINIMUM}:
        bound = number(constant)
        if bound is None:
            raise node.refuse(f"{node.op.kind} of a value and a constant of several numbers is not known")
        name, terms = clip(bound, None) if kind is OpKind.MAXIMUM else clip(None, bound)
        node.add(OpKind.ACTIVATION, (source,), function=name, terms=terms)
        return
    weights: Constant | None = None
    if kind is OpKind.MUL:
        weights = constant
    elif kind is OpKind.SUB and fixed == 0:
        weights = given(np.full((1, 1, 1), -1.0))
    elif kind is OpKind.SUB:
        constant = constant.then(constant.dims, lambda values: -np.asarray(values, np.float64), key="negated")
    node.add(OpKind.AFFINE, (source,), weights=weights, bias=None if kind is OpKind.MUL else constant)
    node.then(*function)


def _function(name: str, *terms: float) -> Handler:
    def handle(node: Node) -> None:
        node.needs(1)
        if node.shape() != node.read():
            raise node.refuse(f"makes {list(node.shape())} of {list(node.read())} values")
        node.add(OpKind.ACTIVATION, (node.source(),), function=name, terms=terms)

    return handle


def _negated(node: Node) -> None:
    node.needs(1)
    node.add(OpKind.AFFINE, (node.source(),), weights=given(np.full((1, 1, 1), -1.0)))


def _leaky(node: Node) -> None:
    node.needs(1)
    node.add(OpKind.ACTIVATION, (node.source(),), function="leaky_relu", terms=(float(node.option(0, "f")),))


def _prelu(node: Node) -> None:
    node.needs(2)
    slopes = by_channel(node.constant(1, "the slopes are no constants"))
    node.add(OpKind.ACTIVATION, (node.source(),), function="prelu", weights=slopes)


def _gelu(node: Node) -> None:
    node.needs(1)
    node.add(OpKind.ACTIVATION, (node.source(),), function="gelu_tanh" if node.option(0, "b") else "gelu")


def _softmax(node: Node) -> None:
    node.needs(1)
    beta = float(node.option(0, "f", 1.0)) if node.op.kind == "SOFTMAX" else 1.0
    if beta != 1.0:
        raise node.refuse(f"a softmax of {beta} times its values is not known")
    node.add(OpKind.ACTIVATION, (node.source(),), function=node.op.kind.lower())


def _pool(kind: OpKind) -> Handler:
    def handle(node: Node) -> None:
        node.needs(1)
        told = window_of(node, (int(node.option(4)), int(node.option(3))), (1, 1), (2, 1))
        if node.shape()[2] != node.read()[2]:
            raise node.refuse("writes another number of channels than it reads")
        node.add(kind, (node.source(),), **told)
        node.then(*node.fused(5))

    return handle


def _mean(kind: OpKind) -> Handler:
    def handle(node: Node) -> None:
        node.needs(2)
        axes, dims = node.integers(1), node.dims()
        sides = set() if axes is None else {node.side(axis) for axis in axes}
        rank = len(dims)
        if axes is not None and rank == 3:  # rows and columns of one row
            sides = {{1: 1, 2: 2}.get(axis % rank) for axis in axes}
        height, width, channels = node.read()
        if 2 in sides:
            raise node.refuse(
                f"takes one value of all channels (the axes {list(axes or ())} of {list(dims)}), which no operator here does: "
                f"pools run over rows or columns; say where the network ends: treat_as: {{{node.op.kind}: cut}}"
            )
        if not sides or not sides <= {0, 1}:
            raise node.refuse(f"a mean over the axes {list(axes or ())} of {list(dims)}; rows or columns were expected")
        window = height if 0 in sides else 1, width if 1 in sides else 1
        if prod(node.shape()) * prod(window) != height * width * channels:
            raise node.refuse("writes another number of values than follow from its axes")
        shape = (height // window[0], width // window[1], channels)
        node.add(kind, (node.source(),), window=window, stride=window, pads=(0, 0, 0, 0), reduces=True)
        node.reader.draft.shapes[str(node.op.outputs[0])] = shape

    return handle


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(OF_TWO, _binary),
    "AVERAGE_POOL_2D": _pool(OpKind.POOL),
    "MAX_POOL_2D": _pool(OpKind.MAX_POOL),
    "MEAN": _mean(OpKind.POOL),
    "REDUCE_MAX": _mean(OpKind.MAX_POOL),
    "LOGISTIC": _function("sigmoid"),
    "RELU": _function("relu"),
    "RELU6": _function("relu6"),
    "RELU_N1_TO_1": _function("clip", -1.0, 1.0),
    "RELU_0_TO_1": _function("clip", 0.0, 1.0),
    "TANH": _function("tanh"),
    "ELU": _function("elu"),
    "HARD_SWISH": _function("hardswish"),
    "ABS": _function("abs"),
    "EXP": _function("exp"),
    "SQRT": _function("sqrt"),
    "SQUARE": _function("square"),
    **{name.upper(): _function(name) for name in ("floor", "ceil", "round", "sign", "log", "sin", "cos")},
    "NEG": _negated,
    "LEAKY_RELU": _leaky,
    "PRELU": _prelu,
    "GELU": _gelu,
    "SOFTMAX": _softmax,
    "LOG_SOFTMAX": _softmax,
}
