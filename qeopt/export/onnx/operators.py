"""Operators of a network as ONNX nodes over real values: what both the plain and the quantised formats write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qeopt.export.arithmetic.geometry import shape_of, window
from qeopt.export.arithmetic.layer_norm import epsilon_of
from qeopt.export.arithmetic.quantised import Norm
from qeopt.export.errors import ExportError
from qeopt.export.onnx.value import AXES, Graph
from qeopt.network import Op, OpKind

_BINARY = {OpKind.ADD: "Add", OpKind.SUB: "Sub", OpKind.MUL: "Mul", OpKind.MAXIMUM: "Max", OpKind.MINIMUM: "Min"}


@dataclass(frozen=True)
class Place:
    """Where one operator is written, and what it reads."""

    graph: Graph
    op: Op
    inputs: list[str]
    """Values, (batch, channels, height, width) each, or (batch, channels) where it has vectors."""
    outputs: list[str]
    learnt: list[str]
    """Names of weights and bias, of factor and summand."""
    flat: bool
    """Whether vectors are written."""
    doc: str = ""
    """What a viewer shows of the node."""

    def node(self, kind: str, reads: list[str] | None = None, terms: Mapping[str, Any] | None = None, to: str = "") -> str:
        """Append a node: the operator's own, unless it writes something else than its output."""
        inputs = self.inputs if reads is None else reads
        if to:
            return self.graph.node(kind, inputs, to, to, "", terms)
        return self.graph.node(kind, inputs, self.outputs[0], self.op.name, self.doc, terms)

    def numbers(self, role: str, values: Sequence[float]) -> str:
        """Append whole numbers as a constant."""
        return self.graph.constant(f"{self.op.name}/{role}", np.array(values, np.int64))

    @property
    def window(self) -> dict[str, Any]:
        """Attributes of a window."""
        found = window(self.op)
        sides = {"kernel_shape": [found.height, found.width], "strides": list(found.strides), "pads": list(found.pads)}
        return sides if found.dilation == (1, 1) else sides | {"dilations": list(found.dilation)}


def append(place: Place) -> None:
    """Append one operator without the function at its end.

    Raises:
        ExportError: when ONNX has no such operator.
    """
    if place.op.kind not in _WRITERS:
        raise ExportError(f"{place.op.name!r} is of the kind {place.op.kind}, which ONNX has no operator for")
    _WRITERS[place.op.kind](place)


def _conv(place: Place) -> None:
    op = place.op
    groups = int(op.inputs[0].channels) if op.kind is OpKind.DEPTHWISE else op.groups
    place.node("Conv", [*place.inputs, *place.learnt], {**place.window, "group": groups})


def _dense(place: Place) -> None:
    name = place.op.name
    seen = place.node("Flatten", [moved(place.graph, place.op, place.inputs[0])], None, f"{name}/flat")
    place.graph.value(seen, (int(place.op.inputs[0].elements),))
    if place.flat:
        place.node("Gemm", [seen, *place.learnt], {"transB": 1})
        return
    made = place.graph.node("Gemm", [seen, *place.learnt], f"{name}/vector", name, place.doc, {"transB": 1})
    place.graph.value(made, shape_of(place.op.output)[:1])
    shape = place.numbers("shape", [place.graph.batch, *shape_of(place.op.output)])
    place.graph.node("Reshape", [made, shape], place.outputs[0], f"{name}/reshape")


def _affine(place: Place) -> None:
    factor, summand = place.learnt
    source = place.inputs[0]
    if factor and summand:
        source = place.node("Mul", [source, factor], None, f"{place.op.name}/scaled")
    place.node("Add" if summand else "Mul", [source, summand or factor])


def _split(place: Place) -> None:
    axis = AXES[side_of(place.op)]
    sizes = place.numbers("sizes", [shape_of(tensor)[axis - 1] for tensor in place.op.outputs])
    place.graph.split([place.inputs[0], sizes], place.outputs, place.op.name, axis)


def _move(place: Place) -> None:
    seen = moved(place.graph, place.op, place.inputs[0])
    place.node("Reshape", [seen, place.numbers("shape", [place.graph.batch, *shape_of(place.op.output)])])


def moved(graph: Graph, op: Op, source: str) -> str:
    """What an operator sees of its first input."""
    for number, (view, order) in enumerate(op.moves):
        shape = graph.constant(f"{op.name}/view{number}", np.array([graph.batch, *view]))
        seen = graph.node("Reshape", [source, shape], f"{op.name}/seen{number}", f"{op.name}/seen{number}")
        perm = [0, *(axis + 1 for axis in order)]
        source = graph.node("Transpose", [seen], f"{op.name}/moved{number}", f"{op.name}/moved{number}", "", {"perm": perm})
    return source


def side_of(op: Op) -> int:
    """The side (0 rows, 1 columns, 2 channels) along which an operator joins tensors or parts one."""
    whole, part = (op.output, op.inputs[0]) if op.kind is OpKind.CONCAT else (op.inputs[0], op.output)
    sides = ((0, whole.height, part.height), (1, whole.width, part.width), (2, whole.channels, part.channels))
    return next((side for side, one, other in sides if one != other), 2)


def _transposed_conv(place: Place) -> None:
    """Weights come as (out, in / groups, height, width); ONNX wants (in, out / groups, height, width)."""
    op, graph, found = place.op, place.graph, window(place.op)
    source, made = op.inputs[0], op.output
    weights, groups = place.learnt[0], op.groups
    inner, outer = int(source.channels) // groups, int(made.channels) // groups
    shapes = ([groups, outer, inner, found.height, found.width], [groups * inner, outer, found.height, found.width])
    name = f"{op.name}/weights"
    weights = place.node("Reshape", [weights, place.numbers("weights/by_group_shape", shapes[0])], None, f"{name}/grouped")
    weights = graph.node("Transpose", [weights], f"{name}/turned", f"{name}/turned", "", {"perm": [0, 2, 1, 3, 4]})
    weights = place.node("Reshape", [weights, place.numbers("weights/by_input_shape", shapes[1])], None, f"{name}/by_input")
    ends = []
    for axis, (side, written, kernel) in enumerate(
        ((source.height, made.height, found.height), (source.width, made.width, found.width))
    ):
        full = (int(side) - 1) * found.strides[axis] + (kernel - 1) * found.dilation[axis] + 1
        ends.append(full - int(written) - found.pads[axis])
    pads, more = [*found.pads[:2], *(max(end, 0) for end in ends)], [max(-end, 0) for end in ends]
    terms = {**place.window, "pads": pads, "output_padding": more, "group": groups}
    place.node("ConvTranspose", [place.inputs[0], weights, *place.learnt[1:]], terms)


def _slice(place: Place) -> None:
    op, sides = place.op, (2, 0, 1)
    lengths = {0: op.output.height, 1: op.output.width, 2: op.output.channels}
    ends = [op.begins[side] + (int(lengths[side]) - 1) * op.every[side] + (1 if op.every[side] > 0 else -1) for side in sides]
    reads = [
        place.inputs[0],
        place.numbers("starts", [op.begins[side] for side in sides]),
        place.numbers("ends", [end if end >= 0 else -(1 << 62) for end in ends]),
        place.numbers("axes", [AXES[side] for side in sides]),
        place.numbers("steps", [op.every[side] for side in sides]),
    ]
    place.node("Slice", reads)


def _pad(place: Place) -> None:
    op = place.op
    top, left, bottom, right = op.pads or (0, 0, 0, 0)
    before, after = op.channel_pads
    reads = [place.inputs[0], place.numbers("pads", [0, before, top, left, 0, after, bottom, right])]
    if op.function == "constant":
        reads.append(place.graph.constant(f"{op.name}/value", np.array(op.terms[0], np.float32)))
    place.node("Pad", reads, {"mode": op.function if op.function in {"reflect", "edge"} else "constant"})


def _resize(place: Place) -> None:
    op = place.op
    mode, places, *rounding = (op.function or "nearest asymmetric floor").split()
    terms: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": places}
    if rounding:
        terms["nearest_mode"] = rounding[0]
    if mode == "cubic":
        terms["cubic_coeff_a"] = op.terms[2]
    sides = ((op.inputs[0].height, op.output.height), (op.inputs[0].width, op.output.width))
    if len(op.terms) >= 2 and any(int(side * (told or 1.0)) < out for told, (side, out) in zip(op.terms, sides, strict=False)):
        sizes = place.numbers("sizes", [int(out) for _, out in sides])  # one scale for both, and a side that is rounded up
        place.node("Resize", [place.inputs[0], "", "", sizes], terms | {"axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"})
        return
    if len(op.terms) >= 2 and op.terms[0] is not None:
        scales = np.array([1, 1, op.terms[0], op.terms[1]], np.float32)
        place.node("Resize", [place.inputs[0], "", place.graph.constant(f"{op.name}/scales", scales)], terms)
        return
    sizes = place.numbers("sizes", [place.graph.batch, *shape_of(op.output)])
    place.node("Resize", [place.inputs[0], "", "", sizes], terms)


def _layer_norm(place: Place) -> None:
    op, graph = place.op, place.graph
    name = op.name
    last = graph.node("Transpose", [place.inputs[0]], f"{name}/last", f"{name}/last", "", {"perm": [0, 2, 3, 1]})
    flat = []
    for number, value in enumerate(filter(None, place.learnt)):
        shape = place.numbers(f"flat{number}", [-1])
        flat.append(place.node("Reshape", [value, shape], None, f"{name}/learnt{number}"))
    told = {"axis": -1, "epsilon": epsilon_of(op)}
    made = graph.node("LayerNormalization", [last, *flat], f"{name}/normal", name, place.doc, told)
    graph.node("Transpose", [made], place.outputs[0], f"{name}/first", "", {"perm": [0, 3, 1, 2]})


def norm_constants(graph: Graph, op: Op, norm: Norm) -> list[str]:
    """Append factors and summands of a layer normalisation, without the summands where it has none; return their names."""
    told = [("factors", norm.factors)] + [("summands", norm.summands)] * bool(norm.summands.any())
    return [graph.constant(f"{op.name}/{role}", values.astype(np.float32)) for role, values in told]


def _binary(kind: str) -> Callable[[Place], None]:
    def write(place: Place) -> None:
        place.node(kind)

    return write


def _pool(place: Place) -> None:
    """Kernels of onnxruntime for integers know no dilation of an average, so that is a convolution with equal weights."""
    found, op = window(place.op), place.op
    if found.dilation != (1, 1):
        if any(found.pads) and not op.counts_padding:
            raise ExportError(f"{op.name!r} is an average of padded values with a dilation, which cannot be written")
        channels = int(op.output.channels)
        shape = (channels, 1, found.height, found.width)
        share = place.graph.constant(f"{op.name}/share", np.full(shape, 1 / (found.height * found.width), np.float32))
        place.node("Conv", [place.inputs[0], share], {**place.window, "group": channels})
        return
    place.node("AveragePool", None, {**place.window, "count_include_pad": int(place.op.counts_padding)})


def _max_pool(place: Place) -> None:
    place.node("MaxPool", None, place.window)


def _concat(place: Place) -> None:
    place.node("Concat", None, {"axis": AXES[side_of(place.op)]})


_WRITERS: Mapping[OpKind, Callable[[Place], None]] = {
    OpKind.CONV: _conv,
    OpKind.DEPTHWISE: _conv,
    OpKind.TRANSPOSED_CONV: _transposed_conv,
    OpKind.DENSE: _dense,
    OpKind.POOL: _pool,
    OpKind.MAX_POOL: _max_pool,
    OpKind.AFFINE: _affine,
    OpKind.CONCAT: _concat,
    OpKind.SPLIT: _split,
    OpKind.SLICE: _slice,
    OpKind.TRANSPOSE: _move,
    OpKind.RESHAPE: _move,
    OpKind.PAD: _pad,
    OpKind.RESIZE: _resize,
    OpKind.LAYER_NORM: _layer_norm,
    **{kind: _binary(name) for kind, name in _BINARY.items()},
}
