"""What each ONNX operator becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from qeopt.network.graph import OpKind
from qeopt.network.importers.model import Parameters
from qeopt.network.importers.onnx.reader import Reader, bits_between
from qeopt.network.importers.onnx.values import Array, Constant
from qeopt.network.importers.windows import normal_pads, same_pads
from qeopt.spec.errors import quote

Handler = Callable[[Reader, Any], None]

FUNCTIONS: Mapping[str, str] = {
    "Relu": "relu",
    "LeakyRelu": "leaky_relu",
    "PRelu": "prelu",
    "Elu": "elu",
    "Selu": "selu",
    "Celu": "celu",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hardsigmoid",
    "HardSwish": "hardswish",
    "Swish": "silu",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Gelu": "gelu",
    "Mish": "mish",
    "Erf": "erf",
    "Abs": "abs",
    "Neg": "neg",
    "Sqrt": "sqrt",
    "Exp": "exp",
    "Softmax": "softmax",
    "LogSoftmax": "softmax",
}
SAME = ("Identity", "Dropout", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze")
"""Operators that move no value."""
LABELS = frozenset({"Shape", "Size", "Constant", "ConstantOfShape", "Floor", "Ceil"})
"""Operators of shape arithmetic: of interest only where nothing depends on the image."""


def _conv(reader: Reader, node: Any) -> None:
    weights = reader.constant(node, 1)
    if weights is None:
        raise reader.refuse(node, "the weights are no constant")
    outputs, per_group, *sides = weights.dims if len(weights.dims) > 2 else (0, 0)
    if len(sides) not in {1, 2}:
        raise reader.refuse(node, f"a convolution with {len(sides)} spatial dimensions; 1 or 2 were expected")
    height, width, channels = reader.canonical(node.input[0], node)
    groups = int(reader.attribute(node, "group", 1))
    if per_group * groups != channels or outputs % groups:
        raise reader.refuse(node, f"{groups} groups of {per_group} channels, but {channels} are read and {outputs} written")
    window = _pair(sides)
    stride, dilation, pads = _window(reader, node, window, len(sides))
    kind = OpKind.DEPTHWISE if groups == channels > 1 else OpKind.CONV
    told = {
        "window": window,
        "stride": stride,
        "dilation": dilation,
        "groups": 1 if kind is OpKind.DEPTHWISE else groups,
        "pads": None if pads is None else normal_pads(pads, (height, width), window, stride, dilation),
    }
    reader.add(node, kind, (reader.source(node),), reader.canonical(node.output[0], node), **told)
    dims = (outputs, per_group, *window)
    _weights(reader, node, weights, lambda values: values.reshape(dims))


def _window(reader: Reader, node: Any, window: tuple[int, int], rank: int) -> tuple[Any, Any, tuple[int, int, int, int] | None]:
    """Strides, dilation and padding; padding None for "same"."""
    stride = _pair(reader.attribute(node, "strides") or (1,) * rank)
    dilation = _pair(reader.attribute(node, "dilations") or (1,) * rank)
    auto = reader.attribute(node, "auto_pad", "NOTSET")
    given = tuple(reader.attribute(node, "pads") or (0,) * (2 * rank))
    if len(given) != 2 * rank:
        raise reader.refuse(node, f"{len(given)} pads for {rank} dimensions")
    pads = (0, given[0], 0, given[1]) if rank == 1 else (given[0], given[1], given[2], given[3])
    if auto == "SAME_UPPER":
        return stride, dilation, None
    if auto == "SAME_LOWER":
        source = reader.canonical(node.input[0], node)
        top, left, bottom, right = same_pads((source[0], source[1]), window, stride, dilation)
        return stride, dilation, (bottom, right, top, left)
    return stride, dilation, (0, 0, 0, 0) if auto == "VALID" else pads


def _weights(reader: Reader, node: Any, weights: Constant, change: Callable[[Array], Array]) -> None:
    """Note where the learnt values of the operator just added come from, and their bits."""
    name = reader.draft.pieces[-1].name
    bias = reader.constant(node, 2)

    def make() -> Parameters | None:
        values = weights.values()
        if values is None:
            return None
        shift = None if bias is None else bias.values()
        return Parameters(
            np.asarray(change(values), dtype=np.float32), None if shift is None else np.asarray(shift, dtype=np.float32).reshape(-1)
        )

    reader.parameters[name] = make
    if weights.bits is not None:
        reader.bits[name] = weights.bits


def _gemm(reader: Reader, node: Any) -> None:
    weights = reader.constant(node, 1)
    if weights is None or len(weights.dims) != 2 or reader.attribute(node, "transA", 0):
        raise reader.refuse(node, "only a product with a constant matrix of two dimensions is known")
    transposed = bool(reader.attribute(node, "transB", 0))
    _dense(reader, node, weights, transposed=transposed)


def _matmul(reader: Reader, node: Any) -> None:
    weights = reader.constant(node, 1)
    if weights is None or len(weights.dims) != 2:
        raise reader.refuse(node, "only a product with a constant matrix of two dimensions is known")
    _dense(reader, node, weights, transposed=False)


def _dense(reader: Reader, node: Any, weights: Constant, *, transposed: bool) -> None:
    outputs, inputs = weights.dims if transposed else weights.dims[::-1]
    dims = reader.dims_of(node.input[0], node)
    rows = prod(dims[:-1])
    if dims[-1] != inputs:
        raise reader.refuse(node, f"{dims[-1]} values are read, {inputs} were expected")
    source = reader.draft.resolve(node.input[0])
    if rows == 1 and prod(reader.draft.shapes[source]) == inputs:
        reader.add(node, OpKind.DENSE, (source,), (1, 1, outputs))
    else:
        source = reader.draft.read_as(node.input[0], (1, rows, inputs), reader.name(node))
        reader.channels_last.update(node.output)
        reader.add(node, OpKind.CONV, (source,), (1, rows, outputs))
    _weights(reader, node, weights, lambda values: values if transposed else values.T)


def _binary(kind: OpKind) -> Handler:
    def handle(reader: Reader, node: Any) -> None:
        constants = [index for index, value in enumerate(node.input) if not reader.draft.knows(value)]
        if not constants:
            _together(reader, node, kind)
        elif len(constants) == 1 and len(node.input) == 2:
            _with_constant(reader, node, constants[0])
        else:
            raise reader.refuse(node, "several inputs are constants")

    return handle


def _together(reader: Reader, node: Any, kind: OpKind) -> None:
    """Add or multiply tensors, the one of the output's shape first."""
    shape = reader.canonical(node.output[0], node)
    if any(value in reader.channels_last for value in node.input):
        reader.channels_last.update(node.output)
        shape = reader.canonical(node.output[0], node)
    if node.op_type in {"Sub", "Div"}:
        raise reader.refuse(node, f"{node.op_type} of two tensors is not known; say how to take it under treat_as")
    sources = [reader.source(node, index) for index in range(len(node.input))]
    sources.sort(key=lambda value: reader.draft.shapes[value] != shape)
    if reader.draft.shapes[sources[0]] != shape:
        raise reader.refuse(node, "no input has the shape of the output")
    reader.add(node, kind, tuple(sources), shape)


def _with_constant(reader: Reader, node: Any, index: int) -> None:
    """Fold a sum or product with a value per channel; any other constant stays an operator."""
    constant = reader.constants.get(node.input[index])
    other = 1 - index
    if constant is None:
        raise reader.refuse(node, f"input {quote(node.input[index])} is no constant")
    channels = reader.canonical(node.input[other], node)[2]
    rank = len(reader.dims_of(node.input[other], node))
    axis = 1 if rank > 2 and node.input[other] not in reader.channels_last else rank - 1
    aligned = (1,) * (rank - len(constant.dims)) + constant.dims if rank >= len(constant.dims) else constant.dims
    per_channel = constant.size == 1 or (constant.size == channels and len(aligned) > axis and aligned[axis] == channels)
    if not per_channel or (node.op_type == "Div" and index == 0):
        reader.function(node, "affine" if per_channel else "positional")
        return

    def values() -> Array:
        found = constant.values()
        if found is None:
            raise reader.refuse(node, "the constant's values are not at hand")
        return np.asarray(found, dtype=np.float32)

    scale, shift = None, None
    match node.op_type:
        case "Add" | "Sum":
            shift = values
        case "Mul":
            scale = values
        case "Div":
            scale = lambda: 1 / values()  # noqa: E731
        case _ if index == 1:
            shift = lambda: -values()  # noqa: E731
        case _:
            shift = values
            scale = lambda: np.float32(-1) * np.ones(1, dtype=np.float32)  # noqa: E731
    reader.affine(node, other, scale, shift)


def _batch_norm(reader: Reader, node: Any) -> None:
    parts = [reader.constant(node, index) for index in range(1, 5)]
    if any(part is None for part in parts):
        raise reader.refuse(node, "the parameters are no constants")
    scale, bias, mean, variance = (part for part in parts if part is not None)
    epsilon = float(reader.attribute(node, "epsilon", 1e-5))

    def of(part: Constant) -> Array:
        found = part.values()
        if found is None:
            raise reader.refuse(node, "the parameters' values are not at hand")
        return np.asarray(found, dtype=np.float32).reshape(-1)

    def factor() -> Array:
        return np.asarray(of(scale) / np.sqrt(np.maximum(of(variance), 0) + epsilon))

    reader.affine(node, 0, factor, lambda: np.asarray(of(bias) - of(mean) * factor()))


def _pool(kind: OpKind) -> Handler:
    def handle(reader: Reader, node: Any) -> None:
        if len(node.output) > 1 and node.output[1]:
            raise reader.refuse(node, "the second output, indices, is not known")
        sides = reader.attribute(node, "kernel_shape") or ()
        if len(sides) not in {1, 2}:
            raise reader.refuse(node, f"a pool over {len(sides)} dimensions; 1 or 2 were expected")
        window = _pair(sides)
        stride, dilation, pads = _window(reader, node, window, len(sides))
        height, width, _ = reader.canonical(node.input[0], node)
        if pads is not None:
            pads = normal_pads(pads, (height, width), window, stride, dilation)
        shape = reader.canonical(node.output[0], node)
        reader.add(node, kind, (reader.source(node),), shape, window=window, stride=stride, dilation=dilation, pads=pads)

    return handle


def _global_pool(kind: OpKind) -> Handler:
    def handle(reader: Reader, node: Any) -> None:
        height, width, channels = reader.canonical(node.input[0], node)
        reader.add(node, kind, (reader.source(node),), (1, 1, channels), window=(height, width))

    return handle


def _reduce_mean(reader: Reader, node: Any) -> None:
    rank = len(reader.dims_of(node.input[0], node))
    axes = reader.numbers(node, "axes", 1, ()) or ()
    first = 1 if node.input[0] in reader.channels_last else 2
    if rank < 3 or {axis % rank for axis in axes} != set(range(first, first + rank - 2)):
        raise reader.refuse(node, f"a mean over the axes {list(axes)}; all positions were expected")
    kind = OpKind.POOL if node.op_type == "ReduceMean" else OpKind.MAX_POOL
    _global_pool(kind)(reader, node)


def _concat(reader: Reader, node: Any) -> None:
    unknown = next((value for value in node.input if not reader.draft.knows(value)), None)
    if unknown is not None:
        raise reader.refuse(node, f"input {quote(unknown)} is a constant")
    if node.input[0] in reader.channels_last:
        reader.channels_last.update(node.output)
    sources = tuple(reader.source(node, index) for index in range(len(node.input)))
    reader.add(node, OpKind.CONCAT, sources, reader.canonical(node.output[0], node))


def _clip(reader: Reader, node: Any) -> None:
    low, high = reader.bounds(node)
    if node.input[0] in reader.integers:
        if low is not None and high is not None:
            reader.note_bits(node.input[0], bits_between(low, high))
        reader.same(node)
        reader.integers.update(node.output)
        return
    reader.function(node, "relu6" if high == 6 else "clip")


def _quantise(reader: Reader, node: Any) -> None:
    zero = reader.constant(node, 2)
    reader.same(node)
    reader.integers.update(node.output)
    reader.note_bits(node.input[0], 8 if zero is None else zero.bits)


def _same(reader: Reader, node: Any) -> None:
    if any(output and reader.draft.knows(output) for output in node.output):
        raise reader.refuse(node, "writes what is written already")
    reader.same(node)


def _transpose(reader: Reader, node: Any) -> None:
    """Values move, except where only the order in which a format spells dimensions changes."""
    value, output = node.input[0], node.output[0]
    dims = reader.dims_of(value, node)
    perm = tuple(reader.attribute(node, "perm") or range(len(dims))[::-1])
    if sorted(perm) != list(range(len(dims))):
        raise reader.refuse(node, f"perm {list(perm)} is no order of {len(dims)} dimensions")
    moved = [axis for axis in perm if dims[axis] > 1]
    last = value in reader.channels_last
    if moved == sorted(moved):
        reader.same(node)
        return
    if perm == (0, 2, 3, 1) and not last:
        reader.channels_last.add(output)
        reader.draft.alias(output, value)
        return
    if perm == (0, 3, 1, 2) and (last or reader.draft.resolve(value) == reader.draft.image):
        height, width, channels = dims[1:]
        reader.draft.read_as(value, (height, width, channels), reader.name(node))
        reader.draft.alias(output, value)
        return
    reader.add(node, OpKind.TRANSPOSE, (reader.source(node),), reader.canonical(output, node))


def _pad(reader: Reader, node: Any) -> None:
    rank = len(reader.dims_of(node.input[0], node))
    pads = reader.numbers(node, "pads", 1) or ()
    if reader.constant(node, 3) is not None:
        raise reader.refuse(node, "padding along chosen axes is not known")
    last = node.input[0] in reader.channels_last
    spatial = range(rank - 3, rank - 1) if last else range(rank - 2, rank)
    if rank not in {3, 4} or len(pads) != 2 * rank:
        raise reader.refuse(node, f"{len(pads)} pads for {rank} dimensions")
    if pads[0] or pads[rank]:
        raise reader.refuse(node, "padding of the batch is not known")
    if not any(pads):
        reader.same(node)
        return
    if last:
        reader.channels_last.update(node.output)
    down, right = spatial
    margins = (pads[down] if rank == 4 else 0, pads[right], pads[down + rank] if rank == 4 else 0, pads[right + rank])
    if any(margin < 0 for margin in margins):
        raise reader.refuse(node, "negative padding is not known")
    filler = reader.constant(node, 2)
    values = None if filler is None else filler.values()
    zero = reader.attribute(node, "mode", "constant") == "constant" and not reader.attribute(node, "value", 0.0)
    zero = zero and (values is None or not np.any(values))
    zero = zero and not any(pads[axis] or pads[axis + rank] for axis in range(rank) if axis not in spatial)
    shape = reader.canonical(node.output[0], node)
    reader.add(node, OpKind.PAD, (reader.source(node),), shape, pads=margins, function="zero" if zero else "other")


def _resize(reader: Reader, node: Any) -> None:
    if node.input[0] in reader.channels_last:
        reader.channels_last.update(node.output)
    mode = str(reader.attribute(node, "mode", "nearest"))
    reader.add(node, OpKind.RESIZE, (reader.source(node),), reader.canonical(node.output[0], node), function=mode)


def _split(reader: Reader, node: Any) -> None:
    source = reader.source(node)
    for number, output in enumerate(node.output):
        if output:
            if node.input[0] in reader.channels_last:
                reader.channels_last.add(output)
            reader.add(node, OpKind.SLICE, (source,), reader.canonical(output, node), number)


def _slice(reader: Reader, node: Any) -> None:
    if reader.dims_of(node.input[0], node) == reader.dims_of(node.output[0], node):
        reader.same(node)
    else:
        _split(reader, node)


def _move(reader: Reader, node: Any) -> None:
    reader.add(node, OpKind.TRANSPOSE, (reader.source(node),), reader.canonical(node.output[0], node))


def _gather(reader: Reader, node: Any) -> None:
    source, written = reader.dims_of(node.input[0], node), reader.dims_of(node.output[0], node)
    reader.add(
        node,
        OpKind.TRANSPOSE if prod(source) == prod(written) else OpKind.SLICE,
        (reader.source(node),),
        reader.canonical(node.output[0], node),
    )


def _arg_max(reader: Reader, node: Any) -> None:
    if not any(value.name == node.output[0] for value in reader.graph.output):
        raise reader.refuse(node, "a ranking is known at the end of a network only")
    reader.draft.notes.append(f"left out at the end: {node.op_type} {reader.name(node)!r}")
    reader.same(node)


def _ignore(reader: Reader, node: Any) -> None:
    """Shape arithmetic: shapes are inferred."""


def _function(name: str) -> Handler:
    return lambda reader, node: reader.function(node, name)


def _pair(sides: Any) -> tuple[int, int]:
    found = tuple(int(side) for side in sides)
    return (1, found[0]) if len(found) == 1 else (found[0], found[1])


HANDLERS: Mapping[str, Handler] = {
    **{name: _function(function) for name, function in FUNCTIONS.items()},
    **dict.fromkeys(SAME, _same),
    **dict.fromkeys(LABELS, _ignore),
    "DequantizeLinear": _same,
    "QuantizeLinear": _quantise,
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Add": _binary(OpKind.ADD),
    "Sum": _binary(OpKind.ADD),
    "Sub": _binary(OpKind.ADD),
    "Mul": _binary(OpKind.MUL),
    "Div": _binary(OpKind.MUL),
    "BatchNormalization": _batch_norm,
    "AveragePool": _pool(OpKind.POOL),
    "MaxPool": _pool(OpKind.MAX_POOL),
    "GlobalAveragePool": _global_pool(OpKind.POOL),
    "GlobalMaxPool": _global_pool(OpKind.MAX_POOL),
    "ReduceMean": _reduce_mean,
    "ReduceMax": _reduce_mean,
    "Concat": _concat,
    "Clip": _clip,
    "Transpose": _transpose,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "DepthToSpace": _move,
    "SpaceToDepth": _move,
    "ArgMax": _arg_max,
}
