"""What ONNX operators that make each value of one value, or of two, become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from qeopt.network.functions import clip
from qeopt.network.graph import OpKind
from qeopt.network.importers.constant import Array, Constant, combined, given
from qeopt.network.importers.draft import Piece
from qeopt.network.importers.onnx.broadcast import affine, spread
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.onnx.weighted import Handler
from qeopt.network.importers.patterns import number
from qeopt.network.importers.views import View
from qeopt.spec.errors import quote

Terms = tuple[float | None, ...]

FUNCTIONS: Mapping[str, tuple[str, tuple[tuple[str, float], ...]]] = {
    "Relu": ("relu", ()),
    "LeakyRelu": ("leaky_relu", (("alpha", 0.01),)),
    "Elu": ("elu", (("alpha", 1.0),)),
    "Selu": ("selu", (("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875))),
    "Celu": ("celu", (("alpha", 1.0),)),
    "ThresholdedRelu": ("thresholded_relu", (("alpha", 1.0),)),
    "Sigmoid": ("sigmoid", ()),
    "HardSigmoid": ("hardsigmoid", (("alpha", 0.2), ("beta", 0.5))),
    "HardSwish": ("hardswish", ()),
    "Swish": ("silu", (("alpha", 1.0),)),
    "Tanh": ("tanh", ()),
    "Softplus": ("softplus", ()),
    "Softsign": ("softsign", ()),
    "Mish": ("mish", ()),
    "Erf": ("erf", ()),
    "Abs": ("abs", ()),
    "Sqrt": ("sqrt", ()),
    "Exp": ("exp", ()),
    "Log": ("log", ()),
    "Reciprocal": ("reciprocal", ()),
    "Floor": ("floor", ()),
    "Ceil": ("ceil", ()),
    "Round": ("round", ()),
    "Sign": ("sign", ()),
    "Sin": ("sin", ()),
    "Cos": ("cos", ()),
}
"""By operator: the function, and the attributes that are its numbers with what they are unless stated."""


def _function(reader: Reader, node: Any) -> None:
    name, attributes = FUNCTIONS[node.op_type]
    terms = tuple(float(reader.attribute(node, key, usual)) for key, usual in attributes)
    if name == "hardsigmoid" and abs(terms[0] - 1 / 6) < 1e-6 and terms[1] == 0.5:
        terms = ()
    if name == "silu" and terms == (1.0,):
        terms = ()
    reader.function(node, name, terms)


def _gelu(reader: Reader, node: Any) -> None:
    reader.function(node, "gelu_tanh" if reader.attribute(node, "approximate", "none") == "tanh" else "gelu")


def _neg(reader: Reader, node: Any) -> None:
    affine(reader, node, 0, given(np.array(-1.0)), None)


def _pow(reader: Reader, node: Any) -> None:
    power = number(reader.constant(node, 1))
    if power is None:
        raise reader.refuse(node, "the power is no constant number")
    names = {2.0: "square", 0.5: "sqrt", -1.0: "reciprocal"}
    if power in names:
        reader.function(node, names[power])
    else:
        reader.function(node, "pow", (power,))


def _prelu(reader: Reader, node: Any) -> None:
    slopes = reader.constant(node, 1)
    if slopes is None:
        raise reader.refuse(node, "the slopes are no constants")
    view = reader.view(node)
    reader.elementwise(node, OpKind.ACTIVATION, view, function="prelu", weights=spread(reader, node, view, slopes))


def bounds_of(reader: Reader, node: Any) -> tuple[float | None, float | None]:
    """What a clip keeps values between; None where it has no such bound."""
    found: list[float | None] = []
    for index, name in ((1, "min"), (2, "max")):
        told = reader.attribute(node, name)
        if index < len(node.input) and node.input[index]:
            told = number(reader.constant(node, index))
            if told is None:
                raise reader.refuse(node, f"the bound {quote(node.input[index])} is no constant number")
        found.append(None if told is None or not np.isfinite(told) or abs(told) >= 3e38 else float(told))
    return found[0], found[1]


def _clip(reader: Reader, node: Any) -> None:
    low, high = bounds_of(reader, node)
    if node.input[0] in reader.integers:
        if low is not None and high is not None:
            reader.note_bits(node.input[0], bits_between(low, high))
        reader.same(node)
        reader.integers[node.output[0]] = reader.integers[node.input[0]]
        return
    _clipped(reader, node, low, high)


def _clipped(reader: Reader, node: Any, low: float | None, high: float | None, index: int = 0) -> None:
    function, terms = clip(low, high)
    if not function:
        reader.same(node, index)
        return
    reader.elementwise(node, OpKind.ACTIVATION, reader.view(node, index), function=function, terms=terms)


def bits_between(low: float, high: float) -> int | None:
    """Bits that tell the whole numbers between two bounds apart."""
    steps = high - low + 1
    return int(np.ceil(np.log2(steps))) if 2 <= steps <= 1 << 32 else None


def _extreme(kind: OpKind) -> Handler:
    def handle(reader: Reader, node: Any) -> None:
        fixed = [index for index in range(len(node.input)) if not reader.knows(node.input[index])]
        if not fixed:
            _together(reader, node, kind)
            return
        if len(node.input) != 2:
            _without_constants(reader, node, kind, fixed)
            return
        bound = number(reader.constant(node, fixed[0]))
        if bound is None:
            raise reader.refuse(node, f"{node.op_type} of a value and a constant of several numbers is not known")
        low, high = (bound, None) if kind is OpKind.MAXIMUM else (None, bound)
        _clipped(reader, node, low, high, 1 - fixed[0])

    return handle


def _binary(kind: OpKind) -> Handler:
    def handle(reader: Reader, node: Any) -> None:
        fixed = [index for index, value in enumerate(node.input) if not reader.knows(value)]
        if len(node.input) == 1:
            reader.same(node)
        elif not fixed:
            _together(reader, node, kind)
        elif len(fixed) == 1 and len(node.input) == 2:
            _with_constant(reader, node, fixed[0])
        elif node.op_type == "Sum":
            _without_constants(reader, node, kind, fixed)
        else:
            raise reader.refuse(node, "several inputs of which some are constants")

    return handle


def _without_constants(reader: Reader, node: Any, kind: OpKind, fixed: list[int]) -> None:
    """A sum or an extreme of several: of those that depend on the image first, then with the constants one by one."""
    images, constants = [value for index, value in enumerate(node.input) if index not in fixed], [node.input[at] for at in fixed]
    first = images if len(images) > 1 else [*images, constants.pop(0)]
    held: list[str] = []
    for at, more in enumerate([first, *([value] for value in constants)]):
        part = type(node)()
        part.CopyFrom(node)
        del part.input[:], part.output[:]
        part.input.extend([*held, *more])
        part.output.append(node.output[0] if at == len(constants) else f"{node.output[0]} ({at})")
        reader.inference.infer(part, reader.given, reader.name(node))
        HANDLERS[node.op_type](reader, part)
        held = list(part.output)


def _together(reader: Reader, node: Any, kind: OpKind) -> None:
    """Two tensors of one shape, or one of them broadcast, the one of the output's shape first; more of them two by two."""
    if node.op_type == "Div":
        raise reader.refuse(node, "a quotient of two values that both depend on the image is not known")
    views = [reader.view(node, index) for index in range(len(node.input))]
    made = views[0]
    for number_, view in enumerate(views[1:], start=1):
        last = number_ == len(views) - 1
        made = _pairwise(reader, node, kind, made, view, str(node.output[0]) if last else f"{node.output[0]} ({number_})")
    if node.op_type == "Mean":
        source = f"{node.output[0]} (mean)"
        share = given(np.array(1 / len(views))).seen_as((1, 1, 1))
        _append(reader, node, OpKind.AFFINE, (made.source,), source, reader.shape(made), weights=share)
        made = made.of(source)
    reader.write(node, made)


def _append(reader: Reader, node: Any, kind: OpKind, reads: tuple[str, ...], value: str, shape: Any, **told: Any) -> None:
    reader.draft.add(Piece(reader.name(node), kind, reads, value, **told), shape)


def _pairwise(reader: Reader, node: Any, kind: OpKind, one: View, other: View, value: str) -> View:
    dims = tuple(int(side) for side in np.broadcast_shapes(one.dims, other.dims))
    swapped = prod(one.dims) != prod(dims)
    first, second = (other, one) if swapped else (one, other)
    if prod(first.dims) != prod(dims):
        raise reader.refuse(node, f"neither {list(one.dims)} nor {list(other.dims)} values are as many as {list(dims)}")
    first = first.reshaped(dims) or View.plain(reader.settle(node, first, reader.shape(first)), dims)
    source = _alongside(reader, node, first, second)
    if swapped and kind is OpKind.SUB:  # the smaller one less the larger one
        _append(reader, node, kind, (first.source, source), f"{value} (negative)", reader.shape(first))
        minus = given(np.array(-1.0)).seen_as((1, 1, 1))
        _append(reader, node, OpKind.AFFINE, (f"{value} (negative)",), value, reader.shape(first), weights=minus)
    else:
        _append(reader, node, kind, (first.source, source), value, reader.shape(first))
    return first.of(value)


def _alongside(reader: Reader, node: Any, first: View, second: View) -> str:
    """The tensor of a second value that lies as the first does, one side being 1 where it is broadcast."""
    height, width, channels = reader.shape(first)
    if (first.dims, first.strides) == (second.dims, second.strides) and reader.shape(second) == reader.shape(first):
        return second.source
    rank = len(first.dims)
    more = (1,) * (rank - len(second.dims))
    seen = View(second.source, more + second.dims, more + second.strides)
    beside = np.empty(channels * height * width, np.int64)
    beside[first.offsets().reshape(-1)] = np.broadcast_to(seen.offsets(), first.dims).reshape(-1)
    by_side = beside.reshape(channels, height, width)
    for axis in range(3):
        head = by_side.take([0], axis=axis)
        if (by_side == head).all():
            by_side = head
    turned = seen.transposed(tuple(sorted(range(rank), key=lambda axis: -first.strides[axis] if first.dims[axis] > 1 else 1)))
    if by_side.size != prod(second.dims) or (by_side.reshape(-1) != turned.offsets().reshape(-1)).any():
        said = f"{list(second.dims)} values beside {list(first.dims)}; as many, or one for all, for a row, column or channel"
        raise reader.refuse(node, f"{said} were expected")
    return reader.settle(node, turned, (by_side.shape[1], by_side.shape[2], by_side.shape[0]))


def _with_constant(reader: Reader, node: Any, index: int) -> None:
    """A sum, a difference, a product or a quotient with a constant."""
    constant = reader.constant(node, index)
    if constant is None:
        raise reader.refuse(node, f"input {quote(node.input[index])} is no constant")
    other, axis = 1 - index, reader.attribute(node, "axis")
    if axis is not None and index == 1:  # up to version 6: where the constant's sides begin
        behind = len(reader.view(node).dims) - int(axis) % len(reader.view(node).dims) - len(constant.dims)
        constant = constant.seen_as((*constant.dims, *(1,) * behind))
    minus = given(np.array(-1.0))

    def changed(change: Callable[[Array], Array]) -> Constant:
        return combined(lambda values: change(np.asarray(values, np.float64)), constant.dims, constant)

    match node.op_type:
        case "Add" | "Sum":
            affine(reader, node, other, None, constant)
        case "Mul":
            affine(reader, node, other, constant, None)
        case "Sub" if index == 1:
            affine(reader, node, other, None, changed(np.negative))
        case "Sub":
            affine(reader, node, other, minus, constant)
        case "Div" if index == 1:
            affine(reader, node, other, changed(np.reciprocal), None)
        case "Div":
            view = reader.view(node, other)
            value = f"{node.output[0]} (reciprocal)"
            _append(reader, node, OpKind.ACTIVATION, (view.source,), value, reader.shape(view), function="reciprocal")
            inverse = view.of(value)
            reader.elementwise(node, OpKind.AFFINE, inverse, weights=spread(reader, node, inverse, constant))
        case _:
            raise reader.refuse(node, f"{node.op_type} with a constant is not known")


def _where(reader: Reader, node: Any) -> None:
    """Values where a constant mask says so, and constants elsewhere: a product with zeros and ones, and a sum."""
    images = [index for index in (1, 2) if reader.knows(node.input[index])]
    mask = None if reader.knows(node.input[0]) else reader.constant(node, 0)
    filling = reader.constant(node, 3 - images[0]) if len(images) == 1 else None
    if mask is None or filling is None:
        raise reader.refuse(node, "'Where' of several values that depend on the image: a constant mask and one constant can be")
    values = filling.values()
    if values is None or not np.isfinite(np.asarray(values, np.float64)).all():
        raise reader.refuse(node, f"fills in {quote(node.input[3 - images[0]])}, which is no finite number everywhere")
    wanted = images[0] == 1

    def kept(chosen: Array) -> Array:
        return np.asarray(np.asarray(chosen, bool) == wanted, np.float64)

    def filled(chosen: Array, others: Array) -> Array:
        return (1 - kept(chosen)) * np.asarray(others, np.float64)

    dims = tuple(int(side) for side in np.broadcast_shapes(mask.dims, filling.dims))
    affine(reader, node, images[0], combined(kept, mask.dims, mask), combined(filled, dims, mask, filling))


def _batch_norm(reader: Reader, node: Any) -> None:
    parts = [reader.constant(node, index) for index in range(1, 5)]
    if any(part is None for part in parts) or reader.attribute(node, "training_mode", 0):
        raise reader.refuse(node, "the parameters are no constants")
    scale, bias, mean, variance = (part for part in parts if part is not None)
    epsilon = float(reader.attribute(node, "epsilon", 1e-5))
    view = reader.view(node)
    dims = (scale.size, *[1] * (len(view.dims) - 2))

    def factor(s: Array, v: Array) -> Array:
        return (np.asarray(s, np.float64) / np.sqrt(np.maximum(np.asarray(v, np.float64), 0) + epsilon)).reshape(dims)

    def summand(s: Array, b: Array, m: Array, v: Array) -> Array:
        return np.asarray(b, np.float64).reshape(dims) - np.asarray(m, np.float64).reshape(dims) * factor(s, v)

    affine(reader, node, 0, combined(factor, dims, scale, variance), combined(summand, dims, scale, bias, mean, variance))


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(FUNCTIONS, _function),
    "Gelu": _gelu,
    "Neg": _neg,
    "Pow": _pow,
    "PRelu": _prelu,
    "Clip": _clip,
    "Add": _binary(OpKind.ADD),
    "Sum": _binary(OpKind.ADD),
    "Mean": _binary(OpKind.ADD),
    "Sub": _binary(OpKind.SUB),
    "Mul": _binary(OpKind.MUL),
    "Div": _binary(OpKind.MUL),
    "Max": _extreme(OpKind.MAXIMUM),
    "Min": _extreme(OpKind.MINIMUM),
    "Where": _where,
    "BatchNormalization": _batch_norm,
}
