"""What ONNX operators with weights become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from qeopt.network.graph import OpKind
from qeopt.network.importers.constant import Array, Constant
from qeopt.network.importers.onnx.broadcast import affine
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.views import View
from qeopt.network.importers.windows import same_pads

Handler = Callable[[Reader, Any], None]
Pads = tuple[int, int, int, int]


def pair(sides: Any) -> tuple[int, int]:
    """Height and width of what has one or two dimensions."""
    found = tuple(int(side) for side in sides)
    return (1, found[0]) if len(found) == 1 else (found[0], found[1])


def window_of(reader: Reader, node: Any, window: tuple[int, int], rank: int) -> tuple[Any, Any, Pads]:
    """Strides, dilation and padding (top, left, bottom, right)."""
    stride = pair(reader.attribute(node, "strides") or (1,) * rank)
    dilation = pair(reader.attribute(node, "dilations") or (1,) * rank)
    auto = reader.attribute(node, "auto_pad", "NOTSET")
    given = tuple(reader.attribute(node, "pads") or (0,) * (2 * rank))
    if len(given) != 2 * rank:
        raise reader.refuse(node, f"{len(given)} pads for {rank} dimensions")
    if auto in {"SAME_UPPER", "SAME_LOWER"}:
        source = canonical(reader.view(node).dims)
        top, left, bottom, right = same_pads((source[0], source[1]), window, stride, dilation)
        return stride, dilation, (top, left, bottom, right) if auto == "SAME_UPPER" else (bottom, right, top, left)
    pads = (0, given[0], 0, given[1]) if rank == 1 else (given[0], given[1], given[2], given[3])
    return stride, dilation, (0, 0, 0, 0) if auto == "VALID" else pads


def _conv(reader: Reader, node: Any) -> None:
    convolve(reader, node, needed(reader, node, 1), reader.constant(node, 2) if is_given(node, 2) else None)


def convolve(reader: Reader, node: Any, weights: Constant, bias: Constant | None) -> None:
    """Append a convolution with constant weights."""
    outputs, per_group, *sides = weights.dims if len(weights.dims) > 2 else (0, 0)
    if len(sides) not in {1, 2}:
        raise reader.refuse(node, f"a convolution with {len(sides)} spatial dimensions; 1 or 2 were expected")
    batch = reader.view(node).dims[0]
    if batch != 1:
        raise reader.refuse(node, f"a convolution of {batch} images at once, as a reshape before it makes; one was expected")
    source = reader.plain(node)
    channels = reader.draft.shapes[source][2]
    groups = int(reader.attribute(node, "group", 1))
    if per_group * groups != channels or outputs % groups:
        raise reader.refuse(node, f"{groups} groups of {per_group} channels, but {channels} are read and {outputs} written")
    window = pair(sides)
    stride, dilation, pads = window_of(reader, node, window, len(sides))
    kind = OpKind.DEPTHWISE if groups == channels > 1 else OpKind.CONV
    reader.write_plain(
        node,
        kind,
        (source,),
        canonical(reader.dims_of(node.output[0], node)),
        window=window,
        stride=stride,
        dilation=dilation,
        groups=1 if kind is OpKind.DEPTHWISE else groups,
        pads=pads,
        weights=weights.seen_as((outputs, per_group, *window)),
        bias=None if bias is None else bias.seen_as((bias.size,)),
    )
    _note(reader, weights)


def _note(reader: Reader, weights: Constant) -> None:
    if weights.bits is not None:
        reader.bits[reader.draft.pieces[-1].name] = weights.bits


def _conv_transpose(reader: Reader, node: Any) -> None:
    weights, bias = needed(reader, node, 1), reader.constant(node, 2) if is_given(node, 2) else None
    inputs, per_group, *sides = weights.dims if len(weights.dims) > 2 else (0, 0)
    if len(sides) not in {1, 2}:
        raise reader.refuse(node, f"a transposed convolution with {len(sides)} spatial dimensions; 1 or 2 were expected")
    source = reader.plain(node)
    height, width, channels = reader.draft.shapes[source]
    groups = int(reader.attribute(node, "group", 1))
    if inputs != channels or channels % groups:
        raise reader.refuse(node, f"weights for {inputs} channels in {groups} groups, but {channels} are read")
    window, outputs = pair(sides), per_group * groups
    stride, dilation, pads = window_of(reader, node, window, len(sides))
    shape = canonical(reader.dims_of(node.output[0], node))
    full = [(s - 1) * step + (k - 1) * d + 1 for s, step, k, d in zip((height, width), stride, window, dilation, strict=True)]
    more = pair(reader.attribute(node, "output_padding") or (0,) * len(sides))
    if reader.attribute(node, "auto_pad", "NOTSET") in {"SAME_UPPER", "SAME_LOWER"} or reader.attribute(node, "output_shape"):
        total = [max(whole + add - want, 0) for whole, add, want in zip(full, more, shape, strict=False)]
        upper = reader.attribute(node, "auto_pad", "NOTSET") == "SAME_UPPER"
        begin = [cut // 2 if upper else cut - cut // 2 for cut in total]
        pads = (begin[0], begin[1], total[0] - begin[0], total[1] - begin[1])

    def turned(values: Array) -> Array:
        by_group = np.asarray(values).reshape(groups, inputs // groups, per_group, *window)
        return by_group.transpose(0, 2, 1, 3, 4).reshape(outputs, inputs // groups, *window)

    reader.write_plain(
        node,
        OpKind.TRANSPOSED_CONV,
        (source,),
        shape,
        window=window,
        stride=stride,
        dilation=dilation,
        groups=groups,
        pads=pads,
        weights=weights.then((outputs, inputs // groups, *window), turned, key="turned"),
        bias=None if bias is None else bias.seen_as((bias.size,)),
    )
    _note(reader, weights)


def _gemm(reader: Reader, node: Any) -> None:
    """Alpha times A times B plus beta times C."""
    alpha, beta = (float(reader.attribute(node, name, 1.0)) for name in ("alpha", "beta"))
    left, right = reader.constant(node, 0), reader.constant(node, 1)
    weights = right if left is None else left
    if weights is None or len(weights.dims) != 2:
        raise reader.refuse(node, PRODUCT)
    side, other = ("transA", "transB") if left is not None else ("transB", "transA")
    if bool(reader.attribute(node, side, 0)) != (left is None):  # outputs first
        weights = _transposed(weights)
    if alpha != 1.0:
        weights = weights.then(weights.dims, lambda values: np.asarray(values, np.float64) * alpha, key=f"times {alpha}")
    view = reader.view(node, 0 if left is None else 1)
    if reader.attribute(node, other, 0):
        view = view.transposed((1, 0))
    axis = 1 if left is None else 0
    told = needed(reader, node, 2) if is_given(node, 2) and beta != 0.0 else None
    if told is None or _is_by_output(told, axis, weights.dims[0]):
        _product(reader, node, view, axis, weights, None if told is None else _times(told, (weights.dims[0],), beta))
        return
    _product(reader, _renamed(node, f"{node.output[0]} (product)"), view, axis, weights, None)
    _summand(reader, node, f"{node.output[0]} (product)", _times(told, told.dims, beta))


def _is_by_output(summand: Constant, axis: int, outputs: int) -> bool:
    """Whether a summand of a product is one number, or one for each output along an axis of two."""
    rows = (1, 1, *summand.dims)[-2:]
    return summand.size == 1 or (summand.size == outputs == rows[axis])


def _times(constant: Constant, dims: tuple[int, ...], factor: float) -> Constant:
    """A factor times a constant, or its one value, in some dimensions."""

    def scaled(values: Array) -> Array:
        made = np.asarray(values, np.float64) * factor
        return np.broadcast_to(made.reshape(()), dims) if made.size == 1 else made.reshape(dims)

    return constant.then(dims, scaled)


def _renamed(node: Any, value: str) -> Any:
    """A node that writes another value."""
    found = type(node)()
    found.CopyFrom(node)
    del found.output[:]
    found.output.append(value)
    return found


def _summand(reader: Reader, node: Any, source: str, summand: Constant) -> None:
    """Append a sum with a constant, as what a node writes."""
    part = _renamed(node, str(node.output[0]))
    part.input[0] = source
    affine(reader, part, 0, None, summand)


PRODUCT = (
    "a product of two values that both depend on the image (as in attention) has no weights, so no width could be chosen for it;"
    " no operator here is one"
)


def _matmul(reader: Reader, node: Any) -> None:
    first, second = reader.constant(node, 0), reader.constant(node, 1)
    if first is None and second is None:
        raise reader.refuse(node, PRODUCT)
    multiply(reader, node, first, second)


def multiply(reader: Reader, node: Any, first: Constant | None, second: Constant | None, at: int = 1) -> None:
    """A product with a constant matrix on either side."""
    weights = second if first is None else first
    if weights is None or prod(weights.dims[:-2]) != 1 or not weights.dims:
        shown = "one" if weights is None else f"{list(weights.dims)} values"
        raise reader.refuse(node, f"a product with {shown}; a constant matrix of two dimensions was expected")
    if len(weights.dims) == 1:  # one output, whose side is left out
        weights = weights.seen_as((weights.size, 1) if first is None else (1, weights.size))
    weights = weights.seen_as(weights.dims[-2:])
    view = reader.view(node, 0 if first is None else at)
    axis = len(view.dims) - (1 if first is None else 2)
    if axis < 0:
        raise reader.refuse(node, f"a product of a matrix with {list(view.dims)} values is not known")
    _product(reader, node, view, axis, _transposed(weights) if first is None else weights, None)


def _product(reader: Reader, node: Any, view: View, axis: int, weights: Constant, bias: Constant | None) -> None:
    """Sums over an axis of a view: a dense layer where that is all of it, a convolution of one position otherwise."""
    outputs, inputs = weights.dims
    if view.dims[axis] != inputs:
        raise reader.refuse(node, f"{view.dims[axis]} values are read, {inputs} were expected")
    dims = (*view.dims[:axis], outputs, *view.dims[axis + 1 :])
    shape = reader.shape(view)
    if prod(view.dims) == inputs:
        if not view.is_plain:
            at = np.argsort(view.offsets().reshape(-1))
            weights = weights.then(weights.dims, lambda values: np.asarray(values)[:, at], key=f"order {view.strides}")
        source = reader.add(node, OpKind.DENSE, (view.source,), (1, 1, outputs), weights=weights, bias=bias)
        written = View.plain(source, dims)
    else:
        found = view if inputs == shape[2] and view.side_of(axis, shape) == 2 else None
        if found is None:
            rows = [other for other in range(len(view.dims)) if other != axis]
            count = prod(view.dims) // inputs
            turned = view.transposed((axis, *rows))
            made = reader.settle(node, turned, (1, count, inputs))
            strides = [1] * len(view.dims)
            step = 1
            for other in reversed(rows):
                strides[other], step = step, step * view.dims[other]
            strides[axis] = count
            found = View(made, view.dims, tuple(strides))
        height, width, _ = reader.draft.shapes[found.source]
        source = reader.add(
            node,
            OpKind.CONV,
            (found.source,),
            (height, width, outputs),
            pads=(0, 0, 0, 0),
            weights=weights.seen_as((outputs, inputs, 1, 1)),
            bias=bias,
        )
        written = replace(found, source=source, dims=dims)
    _note(reader, weights)
    known = reader.inference.dims(node.output[0]) or dims
    reader.write(node, written if known == dims else written.reshaped(known) or written)


def _transposed(weights: Constant) -> Constant:
    return weights.then(weights.dims[::-1], lambda values: np.asarray(values).T, key="T")


def needed(reader: Reader, node: Any, index: int) -> Constant:
    """The constant at an input.

    Raises:
        SpecError: there is none.
    """
    constant = reader.constant(node, index)
    if constant is None:
        raise reader.refuse(node, f"input {index + 1} is no constant; weights that depend on the image are not known")
    return constant


def is_given(node: Any, index: int) -> bool:
    """Whether a node has an input."""
    return index < len(node.input) and bool(node.input[index])


HANDLERS: Mapping[str, Handler] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _matmul,
}
