"""What an ONNX graph reads: the dimensions of its inputs, for one image, and where channels stand among them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from qeopt.network.importers.draft import Shape
from qeopt.network.importers.model import ImportOptions, refuse
from qeopt.network.importers.onnx.file import load_onnx, parsed
from qeopt.network.importers.views import View
from qeopt.spec.errors import quote

THROUGH = frozenset(
    {"Identity", "Cast", "Mul", "Sub", "Add", "Div", "QuantizeLinear", "DequantizeLinear", "Relu", "Clip", "BatchNormalization"}
)
"""Operators that leave an image's dimensions where they are."""

_INT8 = 3
_INTEGERS = frozenset({2, 4, 5, 6, 7, 12, 13})
"""TensorProto.DataType of 8 bits without a sign, and of all wider integers."""


def image_dims(path: Path, graph: Any, value: Any, options: ImportOptions) -> tuple[int, ...]:
    """Dimensions of an input with a batch of one and the sides that the user states.

    Raises:
        SpecError: they are open, or are several images.
    """
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        raise refuse(path, f"the shape of the input {quote(value.name)} is not stated")
    told = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else 0 for dim in value.type.tensor_type.shape.dim]
    if not 2 <= len(told) <= 4:
        raise refuse(path, f"the input {quote(value.name)} has {len(told)} dimensions; 2 to 4 were expected, the batch first")
    if told[0] > 1:
        said = f"the input {quote(value.name)} is a batch of {told[0]}; a network for one image was expected"
        raise refuse(path, f"{said}: export the model with a batch of 1, or with an open one")
    sides = told[1:]
    if options.input is not None:
        sides = list(_filled(path, value.name, sides, options.input, is_last(graph, value.name, len(told))))
    for index, side in enumerate(sides, start=1):
        if not side:
            said = f"the input {quote(value.name)} leaves dimension {index} open; state `input: [height, width, channels]`"
            raise refuse(path, f"{said} (--input H,W,C)")
    return (1, *sides)


def _filled(path: Path, name: str, sides: list[int], given: Shape, last: bool) -> tuple[int, ...]:
    """The sides of an input where they are open, by height, width and channels."""
    height, width, channels = given
    orders: dict[int, list[tuple[int, ...]]] = {
        1: [(height * width * channels,)],
        2: [(channels, height * width), (height * width, channels)],
        3: [(height, width, channels) if last else (channels, height, width)],
    }
    fitting = orders[len(sides)]
    found = next((order for order in fitting if all(not side or side == own for side, own in zip(sides, order, strict=True))), None)
    if found is None:
        stated = " x ".join(str(side or "?") for side in sides)
        order = "height x width x channels" if last else "channels x height x width"
        named = f" ({order})" if len(sides) == 3 else ""
        told = f"`input: {list(given)}` says height {height}, width {width} and channels {channels} (--input H,W,C)"
        raise refuse(path, f"the input {quote(name)} has the sides {stated}{named}; {told}")
    return found


def reads_channels_last(path: Path, name: str) -> bool:
    """Whether the file of a model has the channels of an image last, as `is_last` tells.

    Raises:
        SpecError: it is no ONNX model.
        PluginError: the onnx package is not installed.
    """
    return is_last(parsed(load_onnx(), path).graph, name, 4)


def is_last(graph: Any, name: str, rank: int) -> bool:
    """Whether an image of four dimensions has its channels last: it is transposed so that they come first."""
    readers = defaultdict(list)
    for node in graph.node:
        for value in node.input:
            readers[value].append(node)
    open_, seen = [name], {name}
    while open_ and rank == 4:
        for node in readers[open_.pop()]:
            if node.op_type == "Transpose":
                perm = next((tuple(attribute.ints) for attribute in node.attribute if attribute.name == "perm"), ())
                if perm == (0, 3, 1, 2):
                    return True
            elif node.op_type in THROUGH:
                open_ += [output for output in node.output if output not in seen]
                seen.update(node.output)
    return False


def image_view(name: str, dims: tuple[int, ...], last: bool) -> tuple[View, Shape]:
    """An image as a tensor of height, width and channels, and its value in the file as a view of that."""
    if last:
        _, height, width, channels = dims
        return View(name, dims, (1, width, 1, height * width)), (height, width, channels)
    return View.plain(name, dims), canonical(dims)


def pixel_range(kind: int) -> tuple[float, float] | None:
    """The values that pixels of 0 and of 255 stand for in an input of a TensorProto.DataType; None where nothing says it."""
    if kind == _INT8:
        return -128.0, 127.0
    return (0.0, 255.0) if kind in _INTEGERS else None


def canonical(dims: tuple[int, ...]) -> Shape:
    """Height, width and channels of (batch, channels, ...) with up to two positions; what is more counts as channels."""
    if len(dims) <= 2:
        size = 1
        for side in dims:
            size *= side
        return 1, 1, size
    lead = 1
    for side in dims[: -2 if len(dims) > 3 else -1]:
        lead *= side
    return (1, dims[-1], lead) if len(dims) == 3 else (dims[-2], dims[-1], lead)
