"""Shapes, windows and their padding, as numbers: a network says "same" and leaves it at that."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from qeopt.export.errors import ExportError
from qeopt.network import Network, Op, OpKind, Tensor

WINDOWED = frozenset({OpKind.CONV, OpKind.DEPTHWISE, OpKind.POOL, OpKind.MAX_POOL})
"""Kinds that read a window for each value."""


class Window(NamedTuple):
    """What a convolution or a pool reads for one output value."""

    height: int
    width: int
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    """Rows and columns added at the top, left, bottom and right."""
    dilation: tuple[int, int]


def window(op: Op) -> Window:
    """Return the window of `op`; "same" centres odd windows and gives even ones the spare row at the end."""
    height, width = (int(side) for side in op.window)
    source, output = op.inputs[0], op.output
    if op.kind is OpKind.POOL and op.pads is None and (output.height, output.width) == (1, 1) and height >= source.height:
        height, width = int(source.height), int(source.width)  # over all positions, of which the network states the height only
    pads = op.pads or (0, 0, 0, 0)
    if op.pads is None and op.kind in WINDOWED:
        top, bottom = _same(height, op.dilation[0], op.strides[0], int(source.height), int(output.height))
        left, right = _same(width, op.dilation[1], op.strides[1], int(source.width), int(output.width))
        pads = (top, left, bottom, right)
    return Window(height, width, op.strides, pads, op.dilation)


def image_of(network: Network) -> Tensor:
    """The tensor that the network reads."""
    return next(tensor for tensor in network.tensors if tensor.is_image)


def shape_of(tensor: Tensor) -> tuple[int, int, int]:
    """Channels, height and width."""
    return int(tensor.channels), int(tensor.height), int(tensor.width)


def seen_from(tensor: Tensor, side: int) -> Tensor:
    """A tensor whose channels run over everything from a side (0 rows, 1 columns, 2 channels) on, as it lies in memory."""
    height, width, channels = int(tensor.height), int(tensor.width), int(tensor.channels)
    sides = {0: (1, 1, height * width * channels), 1: (height, 1, width * channels)}.get(side, (height, width, channels))
    return replace(tensor, height=sides[0], width=sides[1], channels=sides[2])


def check_shapes(op: Op) -> None:
    """Kernels in C know two tensors of one shape, and products with one value a channel.

    Raises:
        ExportError: the shapes are others.
    """
    if op.kind not in {OpKind.ADD, OpKind.SUB, OpKind.MUL, OpKind.MAXIMUM, OpKind.MINIMUM}:
        return
    wanted, shapes = shape_of(op.output), [shape_of(tensor) for tensor in op.inputs]
    other = [shape for shape in shapes if shape != wanted]
    if other and not (op.kind is OpKind.MUL and other == [(wanted[0], 1, 1)]):
        said = " and ".join(" x ".join(map(str, (*shape[1:], shape[0]))) for shape in shapes)
        raise ExportError(f"{op.name!r} is of tensors of {said} values, for which there is no kernel")


def vectors(network: Network) -> frozenset[str]:
    """Names of the tensors that formats hold as vectors: what dense layers write, and sums and functions of these.

    Raises:
        ExportError: when anything else reads a vector.
    """
    found: set[str] = set()
    for op in network.ops:
        flat = [tensor.name in found for tensor in op.inputs]
        if op.kind is OpKind.DENSE or (op.kind in {OpKind.ADD, OpKind.ACTIVATION} and all(flat)):
            found.add(op.output.name)
        elif any(flat):
            raise ExportError(f"{op.name!r} reads what a dense layer writes, which formats hold as a vector; use a 1x1 convolution")
    return frozenset(found)


def flat_tensors(network: Network) -> frozenset[str]:
    """Names of the tensors that ONNX holds as vectors: what dense layers write, and sums of these."""
    elementwise = {OpKind.ADD, OpKind.SUB, OpKind.MAXIMUM, OpKind.MINIMUM, OpKind.MUL}
    found: set[str] = set()
    for op in network.ops:
        vectors_only = all(tensor.name in found for tensor in op.inputs)
        is_function = op.kind is OpKind.ACTIVATION and op.function not in {"prelu", "softmax", "log_softmax"}
        if op.kind is OpKind.DENSE or ((op.kind in elementwise or is_function) and vectors_only):
            found.add(op.output.name)
    while True:
        wrong = set()
        for op in network.ops:
            reads = {tensor.name for tensor in op.inputs} & found
            if op.kind is not OpKind.DENSE and op.output.name not in found:
                wrong |= reads
            elif op.kind is not OpKind.DENSE and len(reads) < len({tensor.name for tensor in op.inputs}):
                wrong |= reads | {op.output.name}
        if not wrong & found:
            return frozenset(found)
        found -= wrong


def _same(side: int, dilation: int, stride: int, source: int, output: int) -> tuple[int, int]:
    reach = (side - 1) * dilation + 1
    half = reach // 2
    if reach % 2 and (source + 2 * half - reach) // stride + 1 == output:
        return half, half
    missing = max((output - 1) * stride + reach - source, 0)
    return missing // 2, missing - missing // 2
