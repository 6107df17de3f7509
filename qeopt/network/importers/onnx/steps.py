"""What integers stand for between a quantiser and what reads them, followed through the graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from qeopt.network.importers.constant import Array, Constant, combined
from qeopt.network.importers.onnx.broadcast import affine
from qeopt.network.importers.onnx.state import Reader, Step

PASSING = frozenset(
    {"Transpose", "Slice", "Gather", "Split", "Concat", "Pad", "Resize", "Upsample", "MaxPool", "GlobalMaxPool", "ReduceMax",
     "DepthToSpace", "SpaceToDepth", "Expand", "Tile"}
)  # fmt: skip
"""Operators that write integers of the steps that they read."""
_BY_ITSELF = frozenset(
    {"Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Cast", "Clip", "DequantizeLinear", "ConvInteger",
     "MatMulInteger", "ArgMax"}
)  # fmt: skip
"""Operators that see to it themselves, beside those of integers with scales of their own."""


def read_steps(reader: Reader, node: Any) -> Step | None:
    """The steps of what a node reads and passes on; nothing where it reads no integers, or sees to it itself.

    Raises:
        SpecError: it takes integers for numbers, or joins some that stand for different things.
    """
    kind = str(node.op_type)
    read = [reader.integers.get(value) for value in node.input if reader.knows(value)]
    found = [step for step in read if step is not None]
    if not found or kind in _BY_ITSELF or kind.startswith("Q"):
        return None
    if kind == "Relu" and found[0].numbers()[1] == 0:
        return found[0]
    if kind not in PASSING:
        raise reader.refuse(
            node, "takes the integers of a quantiser for numbers, which is not known; a DequantizeLinear was expected"
        )
    if len(found) != len(read) or not all(step.means(found[0]) for step in found):
        raise reader.refuse(node, "joins integers of different scales, which is not known; quantise with QDQ nodes instead")
    return found[0]


def pass_steps(reader: Reader, node: Any, step: Step) -> None:
    """Note the steps of what a node has written."""
    reader.integers |= {str(value): step for value in node.output if reader.knows(value)}


def as_reals(reader: Reader, node: Any, wanted: Step) -> None:
    """Take integers for what they are wanted to stand for, where this is not what was quantised: a factor and a summand."""
    made, dims = reader.integers.get(node.input[0], Step(None, None)), reader.view(node).dims
    axis = int(reader.attribute(node, "axis", 1))

    def aligned(part: Constant | None) -> Constant | None:
        if part is None or part.size == 1:
            return part
        return part.seen_as(tuple(part.size if side == axis % len(dims) else 1 for side in range(len(dims))))

    def factor(scale: Array | None, own: Array | None) -> Array:
        return _or(scale, 1.0) / _or(own, 1.0)

    def summand(scale: Array | None, zero: Array | None, own: Array | None) -> Array:
        return (_or(own, 0.0) - _or(zero, 0.0)) * _or(scale, 1.0)

    scale, zero, own, own_zero = (aligned(part) for part in (*wanted, *made))
    shapes = [part.dims for part in (scale, zero, own, own_zero) if part is not None and part.size > 1]
    shape = shapes[0] if shapes else ()
    affine(reader, node, 0, combined(factor, shape, scale, own), combined(summand, shape, scale, zero, own_zero))


def _or(values: Array | None, other: float) -> Array:
    return np.asarray(other if values is None else values, np.float64)
