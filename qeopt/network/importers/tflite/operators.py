"""What each TFLite operator becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from qeopt.network.graph import OpKind
from qeopt.network.importers.draft import Piece, Shape
from qeopt.network.importers.model import refuse
from qeopt.network.importers.tflite.flatbuffer import DamagedError
from qeopt.network.importers.tflite.reader import Reader
from qeopt.network.importers.tflite.schema import ACTIVATIONS, OperatorEntry
from qeopt.network.importers.windows import normal_pads, same_pads

Handler = Callable[["_Node"], None]
MAX_STEP = 1 << 16


class _Node:
    """One operator, with what its handler asks."""

    def __init__(self, reader: Reader, number: int, op: OperatorEntry) -> None:
        self.reader, self.op = reader, op
        if not op.inputs or not op.outputs:
            raise DamagedError(f"operator {number} without inputs or outputs")
        self.name = reader.tensor(op.outputs[0]).name

    def refuse(self, message: str) -> Exception:
        return refuse(self.reader.path, message, self.name)

    def option(self, field: int, kind: str = "i", default: int = 0) -> int:
        return default if self.op.options is None else int(self.op.options.number(field, kind, default))

    def fused(self, field: int) -> str:
        return ACTIVATIONS.get(self.option(field, "b"), "clip")

    def shape(self, index: int = 0) -> Shape:
        return self.reader.shape(self.op.outputs[index])

    def source(self, index: int = 0) -> str:
        """The value an input stands for, in the shape the file gives it."""
        tensor = self.op.inputs[index]
        return self.reader.draft.read_as(str(tensor), self.reader.shape(tensor), self.name)

    def add(self, kind: OpKind, reads: tuple[str, ...], output: int = 0, then: str = "", **told: Any) -> str:
        """Append an operator, and its activation function unless a kernel takes that in."""
        index = self.op.outputs[output]
        if self.reader.draft.knows(str(index)):
            raise DamagedError(f"tensor {index} written twice")
        shape, name = self.shape(output), self.reader.tensor(index).name
        value = str(index) if not then else f"{index} before its function"
        self.reader.draft.add(Piece(name, kind, reads, value, **told), shape)
        made = self.reader.draft.pieces[-1].name
        bits = self.reader.tensor(index).bits
        if bits is not None:
            self.reader.bits[f"{made} activations"] = bits
        if then:
            self.reader.draft.add(Piece(f"{name} {then}", OpKind.ACTIVATION, (value,), str(index), function=then), shape)
        return made

    def same(self) -> None:
        self.reader.draft.alias(str(self.op.outputs[0]), str(self.op.inputs[0]))


def read_operator(reader: Reader, number: int, op: OperatorEntry) -> None:
    """Take one operator into the draft; one that depends on no image is left out.

    Raises:
        SpecError: it holds what no network here can express.
        DamagedError: it contradicts itself.
    """
    node = _Node(reader, number, op)
    for index in (*op.inputs, *op.outputs):
        if index != -1:
            reader.tensor(index)
    if not any(reader.draft.knows(str(index)) for index in op.inputs):
        if op.kind == "DEQUANTIZE":
            reader.stored[op.outputs[0]] = op.inputs[0]
        return
    escape = reader.options.treat_as.get(node.name) or reader.options.treat_as.get(op.kind)
    if escape is None:
        if reader.is_constant(op.inputs[0]) and op.kind not in {"ADD", "MUL", "SUB", "SPLIT", "CONCATENATION"}:
            raise node.refuse("its first input is a constant")
        HANDLERS[op.kind](node)
        return
    reader.draft.notes.append(f"taken as {escape}, as declared: {op.kind} {node.name!r}")
    if escape == "identity":
        node.same()
    elif escape == "cut":
        reader.cut.extend(index for index in op.inputs if reader.draft.knows(str(index)))
    elif escape == "activation":
        node.add(OpKind.ACTIVATION, (node.source(),), function=op.kind.lower())
    else:
        node.add(OpKind.TRANSPOSE, (node.source(),))


def _conv(node: _Node) -> None:
    weights = _constant(node, 1)
    if len(weights.dims) != 4:
        raise node.refuse(f"weights of {len(weights.dims)} dimensions; 4 were expected")
    outputs, height, width, per_group = weights.dims
    channels = node.reader.shape(node.op.inputs[0])[2]
    if channels % per_group or outputs % (channels // per_group) or node.shape()[2] != outputs:
        raise node.refuse(
            f"weights for {per_group} channels in and {outputs} out, but {channels} come in and {node.shape()[2]} go out"
        )
    told = _window(node, (height, width), (node.option(5, "i", 1), node.option(4, "i", 1)), (2, 1))
    made = node.add(OpKind.CONV, (node.source(),), then=node.fused(3), groups=channels // per_group, **told)
    _note_weights(node, made, depthwise=False)


def _depthwise(node: _Node) -> None:
    weights = _constant(node, 1)
    if len(weights.dims) != 4 or weights.dims[0] != 1:
        raise node.refuse("weights of one filter per channel were expected")
    _, height, width, outputs = weights.dims
    channels = node.reader.shape(node.op.inputs[0])[2]
    if outputs % channels or node.shape()[2] != outputs:
        raise node.refuse(f"weights for {outputs} channels, but {channels} come in and {node.shape()[2]} go out")
    told = _window(node, (height, width), (node.option(6, "i", 1), node.option(5, "i", 1)), (2, 1))
    kind = OpKind.DEPTHWISE if channels > 1 else OpKind.CONV
    made = node.add(kind, (node.source(),), then=node.fused(4), **told)
    _note_weights(node, made, depthwise=True)


def _window(node: _Node, window: tuple[int, int], dilation: tuple[int, int], strides: tuple[int, int]) -> dict[str, Any]:
    """Window, strides and padding, checked against the shapes that the file states."""
    stride = node.option(strides[0]), node.option(strides[1])
    if any(not 1 <= number <= MAX_STEP for number in (*stride, *dilation, *window)):
        raise node.refuse(f"window {list(window)}, strides {list(stride)}, dilation {list(dilation)}")
    source, written = node.reader.shape(node.op.inputs[0])[:2], node.shape()[:2]
    extent = [(side - 1) * distance + 1 for side, distance in zip(window, dilation, strict=True)]
    valid = node.option(0, "b") == 1
    sides = zip(source, extent, stride, strict=True)
    expected = tuple((side - reach) // step + 1 if valid else -(-side // step) for side, reach, step in sides)
    if expected != written:
        raise node.refuse(f"writes {list(written)} positions where {list(expected)} follow from its window")
    pads = (0, 0, 0, 0) if valid else same_pads(source, window, stride, dilation)
    return {"window": window, "stride": stride, "dilation": dilation, "pads": normal_pads(pads, source, window, stride, dilation)}


def _dense(node: _Node) -> None:
    weights = _constant(node, 1)
    if len(weights.dims) != 2:
        raise node.refuse(f"weights of {len(weights.dims)} dimensions; 2 were expected")
    outputs, inputs = weights.dims
    reader = node.reader
    rows = prod(reader.tensor(node.op.outputs[0]).dims) // outputs
    source = reader.draft.resolve(str(node.op.inputs[0]))
    if prod(reader.tensor(node.op.inputs[0]).dims) != rows * inputs or prod(node.shape()) != rows * outputs:
        raise node.refuse(f"weights for {inputs} values in and {outputs} out do not fit what it reads and writes")
    if rows == 1:
        made = node.add(OpKind.DENSE, (source,), then=node.fused(0))
    else:
        source = reader.draft.read_as(str(node.op.inputs[0]), (1, rows, inputs), node.name)
        made = node.add(OpKind.CONV, (source,), then=node.fused(0))
    _note_weights(node, made, depthwise=False)


def _constant(node: _Node, index: int) -> Any:
    if index >= len(node.op.inputs) or not node.reader.is_constant(node.op.inputs[index]):
        raise node.refuse("the weights are no constant")
    return node.reader.tensor(node.op.inputs[index])


def _note_weights(node: _Node, made: str, *, depthwise: bool) -> None:
    reader, op = node.reader, node.op
    weights = reader.tensor(op.inputs[1])
    bias = reader.tensor(op.inputs[2]) if len(op.inputs) > 2 and op.inputs[2] >= 0 else None
    reader.weights[made] = weights, bias, depthwise
    if weights.bits is not None:
        reader.bits[made] = weights.bits


def _pool(kind: OpKind) -> Handler:
    def handle(node: _Node) -> None:
        told = _window(node, (node.option(4), node.option(3)), (1, 1), (2, 1))
        if node.shape()[2] != node.reader.shape(node.op.inputs[0])[2]:
            raise node.refuse("writes another number of channels than it reads")
        node.add(kind, (node.source(),), then=node.fused(5), **told)

    return handle


def _mean(kind: OpKind) -> Handler:
    def handle(node: _Node) -> None:
        axes = node.reader.integers(node.op.inputs[1]) if len(node.op.inputs) > 1 else None
        dims = node.reader.tensor(node.op.inputs[0]).dims
        if axes is None or len(dims) != 4 or {axis % 4 for axis in axes} != {1, 2}:
            raise node.refuse(f"a mean over the axes {list(axes or ())}; all positions were expected")
        height, width, _ = node.reader.shape(node.op.inputs[0])
        node.add(kind, (node.source(),), window=(height, width))

    return handle


def _binary(kind: OpKind) -> Handler:
    def handle(node: _Node) -> None:
        if len(node.op.inputs) != 2:
            raise node.refuse(f"{len(node.op.inputs)} inputs; 2 were expected")
        function, shape = node.fused(0), node.shape()
        constants = [index for index, tensor in enumerate(node.op.inputs) if node.reader.is_constant(tensor)]
        if constants:
            size = prod(node.reader.tensor(node.op.inputs[constants[0]]).dims)
            told = "affine" if size in {1, shape[2]} else "positional"
            source = node.source(1 - constants[0])
            node.reader.draft.add(
                Piece(node.name, OpKind.ACTIVATION, (source,), f"{node.op.outputs[0]} before", function=told), shape
            )
            _after(node, f"{node.op.outputs[0]} before", function)
            return
        if node.op.kind not in {"ADD", "MUL"}:
            raise node.refuse(f"{node.op.kind} of two tensors is not known; say how to take it under treat_as")
        sources = sorted((node.source(0), node.source(1)), key=lambda value: node.reader.draft.shapes[value] != shape)
        if node.reader.draft.shapes[sources[0]] != shape:
            raise node.refuse("no input has the shape of the output")
        node.add(kind, tuple(sources), then=function)

    return handle


def _after(node: _Node, value: str, function: str) -> None:
    """Apply a function to what was just written, or name it after the output."""
    output = str(node.op.outputs[0])
    if function:
        shape = node.shape()
        node.reader.draft.add(Piece(f"{node.name} {function}", OpKind.ACTIVATION, (value,), output, function=function), shape)
    else:
        node.reader.draft.alias(output, value)


def _concat(node: _Node) -> None:
    if any(node.reader.is_constant(index) for index in node.op.inputs):
        raise node.refuse("an input is a constant")
    sources = tuple(node.source(index) for index in range(len(node.op.inputs)))
    if sum(prod(node.reader.draft.shapes[value]) for value in sources) != prod(node.shape()):
        raise node.refuse("writes another number of values than it reads")
    node.add(OpKind.CONCAT, sources, then=node.fused(1))


def _function(name: str) -> Handler:
    def handle(node: _Node) -> None:
        if prod(node.shape()) != prod(node.reader.shape(node.op.inputs[0])):
            raise node.refuse("writes another number of values than it reads")
        node.add(OpKind.ACTIVATION, (node.source(),), function=name)

    return handle


def _same(node: _Node) -> None:
    written = prod(node.reader.tensor(node.op.outputs[0]).dims)
    if written != prod(node.reader.tensor(node.op.inputs[0]).dims):
        raise node.refuse("writes another number of values than it reads")
    node.same()


def _pad(node: _Node) -> None:
    pads = node.reader.integers(node.op.inputs[1]) if len(node.op.inputs) > 1 else None
    source, written = node.reader.shape(node.op.inputs[0]), node.shape()
    if pads is None or len(pads) != 8 or any(pads[:2]) or any(number < 0 for number in pads):
        raise node.refuse("only constant padding of rows, columns and channels is known")
    margins = pads[2], pads[4], pads[3], pads[5]
    if (source[0] + margins[0] + margins[2], source[1] + margins[1] + margins[3], source[2] + sum(pads[6:])) != written:
        raise node.refuse(f"writes {list(written)}, which does not follow from its padding")
    node.add(
        OpKind.PAD, (node.source(),), pads=margins, function="zero" if node.op.kind == "PAD" and not any(pads[6:]) else "other"
    )


def _transpose(node: _Node) -> None:
    perm = node.reader.integers(node.op.inputs[1]) if len(node.op.inputs) > 1 else None
    dims = node.reader.tensor(node.op.inputs[0]).dims
    if perm is None or sorted(perm) != list(range(len(dims))):
        raise node.refuse("only a constant order of all dimensions is known")
    moved = [axis for axis in perm if dims[axis] > 1]
    if moved == sorted(moved):
        _same(node)
    else:
        _move(node)


def _move(node: _Node) -> None:
    if prod(node.shape()) != prod(node.reader.shape(node.op.inputs[0])):
        raise node.refuse("writes another number of values than it reads")
    node.add(OpKind.TRANSPOSE, (node.source(),))


def _resize(mode: str) -> Handler:
    def handle(node: _Node) -> None:
        node.add(OpKind.RESIZE, (node.source(),), function=mode)

    return handle


def _split(node: _Node) -> None:
    index = next(index for index, tensor in enumerate(node.op.inputs) if not node.reader.is_constant(tensor))
    source = node.source(index)
    pieces = [prod(node.shape(output)) for output in range(len(node.op.outputs))]
    if sum(pieces) > prod(node.reader.draft.shapes[source]):
        raise node.refuse("writes more values than it reads")
    for output in range(len(node.op.outputs)):
        node.add(OpKind.SLICE, (source,), output)


def _arg_max(node: _Node) -> None:
    if node.op.outputs[0] not in node.reader.outputs:
        raise node.refuse("a ranking is known at the end of a network only")
    node.reader.draft.notes.append(f"left out at the end: {node.op.kind} {node.name!r}")
    node.same()


def _ignore(node: _Node) -> None:
    """Shape arithmetic: shapes are stated."""


HANDLERS: Mapping[str, Handler] = {
    "ADD": _binary(OpKind.ADD),
    "MUL": _binary(OpKind.MUL),
    "SUB": _binary(OpKind.ADD),
    "AVERAGE_POOL_2D": _pool(OpKind.POOL),
    "MAX_POOL_2D": _pool(OpKind.MAX_POOL),
    "MEAN": _mean(OpKind.POOL),
    "REDUCE_MAX": _mean(OpKind.MAX_POOL),
    "CONCATENATION": _concat,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "LOGISTIC": _function("sigmoid"),
    "RELU": _function("relu"),
    "RELU_N1_TO_1": _function("clip"),
    "RELU6": _function("relu6"),
    "TANH": _function("tanh"),
    "SOFTMAX": _function("softmax"),
    "LOG_SOFTMAX": _function("softmax"),
    "PRELU": _function("prelu"),
    "LEAKY_RELU": _function("leaky_relu"),
    "ELU": _function("elu"),
    "GELU": _function("gelu"),
    "HARD_SWISH": _function("hardswish"),
    "ABS": _function("abs"),
    "RESHAPE": _same,
    "SQUEEZE": _same,
    "EXPAND_DIMS": _same,
    "QUANTIZE": _same,
    "DEQUANTIZE": _same,
    "CAST": _same,
    "SHAPE": _ignore,
    "DENSIFY": _ignore,
    "PAD": _pad,
    "PADV2": _pad,
    "MIRROR_PAD": _pad,
    "TRANSPOSE": _transpose,
    "DEPTH_TO_SPACE": _move,
    "SPACE_TO_DEPTH": _move,
    "RESIZE_BILINEAR": _resize("linear"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("nearest"),
    "SPLIT": _split,
    "SPLIT_V": _split,
    "SLICE": _split,
    "STRIDED_SLICE": _split,
    "ARG_MAX": _arg_max,
}
