"""TFLite with integers of 8 bits: what TensorFlow Lite Micro, and the compilers of several vendors, run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from qeopt.design import Design
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.functions import SLOPES
from qeopt.export.arithmetic.geometry import image_of, shape_of, window
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.arithmetic.quantised import QuantisedNetwork, Weights
from qeopt.export.arithmetic.reals import end_of, filler, joined_axis
from qeopt.export.errors import ExportError
from qeopt.export.moves import MOVING
from qeopt.export.onnx.operators import side_of
from qeopt.export.tflite.arithmetic import clamps, fused, limits, slope_of, slopes_of, zero_point
from qeopt.export.tflite.curves import WRITTEN
from qeopt.export.tflite.flatbuffer import Number, Table
from qeopt.export.tflite.grids import legal
from qeopt.export.tflite.kernels import FUNCTIONS, FUSED, UNFUSED, kernel_of
from qeopt.export.tflite.model import VALID, Model
from qeopt.export.tflite.obstacles import obstacles
from qeopt.export.tflite.resizing import FLOORED, RESIZED
from qeopt.export.tflite.windows import TfliteWindow, tflite_window
from qeopt.files import write_atomically
from qeopt.network import Op, OpKind
from qeopt.network.lowering import unranked

MOVED = MOVING | {OpKind.RESIZE}
ALIGNMENT = 16


class TFLite(Numbers):
    """A TFLite file for designs of 8-bit activations and 8-bit weights. The plan of the design's arena goes with it."""

    SUFFIX: ClassVar[str] = ".tflite"
    RUNTIME: ClassVar[str] = "tflm"
    """The kernels for which a model without a design is written."""

    kind: Literal["tflite"] = "tflite"
    """Says that this is TFLite."""
    plan: bool = True
    """Write the design's addresses into the file (`OfflineMemoryAllocation`), for interpreters that take them."""

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the model."""
        network, _ = unranked(design.network(), self.leaves_out(design))
        problems = list(obstacles(design, network))
        if problems:
            raise ExportError("; ".join(problems))
        model = legal(quantised(design, self))
        offsets = addresses(design) if self.plan else {}
        write_atomically(out, content(model, design.study_name, offsets))
        return (out,)


def content(model: QuantisedNetwork, name: str, offsets: Mapping[str, int] | None = None) -> bytes:
    """Write a network whose grids are legal for TFLite.

    Args:
        model: The network.
        name: Name of the subgraph.
        offsets: Addresses of tensors in the arena, where there is a plan.

    Raises:
        ExportError: when an operator cannot be said in TFLite.
    """
    return _Writer(model).write(name, offsets or {})


def addresses(design: Design) -> dict[str, int]:
    """The design's addresses, where an interpreter can take them: one region, no buffer shared by what is read and written."""
    runtime, arena = design.load_study().runtime, design.arena
    if arena is None or runtime.memory.in_place or len(arena.regions) > 1:
        return {}
    offsets = {name: buffer.offset for name, buffer in arena.buffers.items()}
    return offsets if all(offset % ALIGNMENT == 0 for offset in offsets.values()) else {}


@dataclass
class _Writer:
    model: QuantisedNetwork
    file: Model = field(default_factory=Model)
    index: dict[str, int] = field(default_factory=dict)
    """Tensors of the file by their names here."""

    def write(self, name: str, offsets: Mapping[str, int]) -> bytes:
        network = self.model.network
        image = image_of(network)
        self._activation(image.name)
        for op in network.ops:
            self._operator(op)
        planned = {self.index[tensor]: offset for tensor, offset in offsets.items() if tensor in self.index}
        outputs = [self.index[tensor.name] for tensor in network.outputs]
        return self.file.content(name, [self.index[image.name]], outputs, "written by qeopt", planned or None)

    def _activation(self, name: str) -> int:
        channels, height, width = shape_of(self.model.network.tensor_by_name[name])
        grid = self.model.grids[name]
        self.index[name] = self.file.activation(name, (1, height, width, channels), grid.scale, zero_point(grid))
        return self.index[name]

    def _operator(self, op: Op) -> None:
        function = end_of(op, self.model.functions)
        inputs = [self.index[tensor.name] for tensor in op.inputs]
        if op.kind is OpKind.ACTIVATION:
            more, options = self._function(op, function)
            kernel = "MINIMUM" if function == "clip" and clamps(op, function)[0] == -np.inf else FUNCTIONS[function]
            self.file.operator(kernel, [*inputs, *more], [self._activation(op.output.name)], options or None)
            return
        limits(function, self.model.grids[op.output.name], op.name, op.terms)
        end = Number("b", FUSED[fused(function, op.terms) or ""])
        match op.kind:
            case OpKind.AFFINE:
                inputs, options = self._affine(op, inputs[0], end)
            case OpKind.CONV | OpKind.DEPTHWISE:
                inputs, options = self._convolution(op, inputs[0], end)
            case OpKind.TRANSPOSED_CONV:
                inputs, options = self._transposed(op, inputs[0], end)
            case OpKind.DENSE:
                inputs, options = [inputs[0], *self._weights(op, self._dense(op))], {0: end}
            case OpKind.POOL | OpKind.MAX_POOL:
                options = _pool(op, end)
            case OpKind.CONCAT:
                options = {0: Number("i", {1: 3, 2: 1, 3: 2}[joined_axis(op)]), 1: end}
            case _ if op.kind in UNFUSED:
                options = {}
            case _ if op.kind in MOVED:
                inputs, options = self._moved(op, inputs[0])
            case _:
                options = {0: end}
        outputs = [self._activation(tensor.name) for tensor in op.outputs]
        self.file.operator(kernel_of(op), inputs, outputs, options or None)

    def _function(self, op: Op, function: str) -> tuple[list[int], Table]:
        """Constants and options of a function by itself."""
        if function not in FUNCTIONS:
            raise ExportError(f"{op.name!r} is the function {function!r} by itself, which the format tflite cannot write")
        written = self.model.grids[op.output.name]
        if function in WRITTEN and written != WRITTEN[function]:
            raise ExportError(
                f"{op.name!r} is a {function} that writes steps of {written.scale:g}, and the kernel of TFLite writes "
                f"1/{1 / WRITTEN[function].scale:.0f}: nothing else may set the scale of what it writes"
            )
        if function == SLOPES:
            values, scale = slopes_of(self.model, op)
            stored = values.transpose(1, 2, 0)[None].astype(np.int8)
            return [self.file.constant(f"{op.name}/slopes", stored, [scale])], {}
        if function == "clip":
            grid = self.model.grids[op.output.name]
            (bound,) = (end for end in clamps(op, function) if np.isfinite(end))
            stored = np.full((1, 1, 1, 1), zero_point(grid) + int(grid.quantise(np.array(bound))), np.int8)
            return [self.file.constant(f"{op.name}/bound", stored, [grid.scale], zero=zero_point(grid))], {}
        number = {"leaky_relu": float(slope_of(op)), "softmax": 1.0}.get(function)
        return [], {} if number is None else {0: Number("f", number)}

    def _moved(self, op: Op, source: int) -> tuple[list[int], Table]:
        """Inputs and options of an operator that moves values."""

        def numbers(role: str, values: object) -> int:
            return self.file.constant(f"{op.name}/{role}", np.array(values, np.int32))

        channels, height, width = shape_of(op.output)
        match op.kind:
            case OpKind.PAD:
                top, left, bottom, right = op.pads or (0, 0, 0, 0)
                told = [source, numbers("pads", [[0, 0], [top, bottom], [left, right], list(op.channel_pads)])]
                if op.function == "constant":
                    grid = self.model.grids[op.inputs[0].name]
                    value = np.full((1,), zero_point(grid) + filler(op, grid), np.int8)
                    told.append(self.file.constant(f"{op.name}/value", value, [grid.scale], zero=zero_point(grid)))
                return told, {0: Number("b", 0)} if op.function == "reflect" else {}
            case OpKind.RESHAPE:
                return [source, numbers("shape", [1, height, width, channels])], {}
            case OpKind.SLICE:
                sides, every, begins = (height, width, channels), op.every, op.begins
                lasts = [begin + (side - 1) * step for begin, side, step in zip(begins, sides, every, strict=True)]
                ends = [last + (1 if step > 0 else -1) for last, step in zip(lasts, every, strict=True)]
                # what ends before the first value has no number but the mask
                mask = sum(1 << axis for axis, end in enumerate(ends, start=1) if end < 0)
                told = [numbers("begin", [0, *begins]), numbers("end", [1, *ends]), numbers("steps", [1, *every])]
                return [source, *told], {1: Number("i", mask)}
            case OpKind.SPLIT:
                axis = {2: 3, 0: 1, 1: 2}[side_of(op)]
                sizes = [(height, width, channels)[axis - 1]] + [
                    (int(one.height), int(one.width), int(one.channels))[axis - 1] for one in op.others
                ]
                return [source, numbers("sizes", sizes), numbers("axis", axis)], {0: Number("i", len(sizes))}
            case _:
                kernel, aligned, halved = RESIZED[op.function or FLOORED]
                at = 2 if kernel == "RESIZE_BILINEAR" else 0
                told = [source, numbers("size", [height, width])]
                return told, {at: Number("b", int(aligned)), at + 1: Number("b", int(halved))}

    def _convolution(self, op: Op, source: int, end: Number) -> tuple[list[int], Table]:
        seen = tflite_window(op, may_grow=True)
        if seen.pads is not None:
            source = self._padded(op, source, seen)
        weights = self.model.weights[op.name]
        top, left, bottom, right = seen.zeros
        values = np.pad(weights.values, ((0, 0), (0, 0), (top, bottom), (left, right)))
        (down, across), (rows, columns) = op.strides, op.dilation
        steps = {0: Number("b", seen.padding), 1: Number("i", across), 2: Number("i", down)}
        if op.kind is OpKind.CONV:
            told = self._weights(op, values.transpose(0, 2, 3, 1))
            return [source, *told], steps | {3: end, 4: Number("i", columns), 5: Number("i", rows)}
        told = self._weights(op, values.transpose(1, 2, 3, 0), axis=3)
        multiplier = int(op.output.channels) // int(op.inputs[0].channels)
        return [source, *told], steps | {3: Number("i", multiplier), 4: end, 5: Number("i", columns), 6: Number("i", rows)}

    def _transposed(self, op: Op, source: int, end: Number) -> tuple[list[int], Table]:
        """A transposed convolution: the shape of what it writes comes first."""
        channels, height, width = shape_of(op.output)
        seen, (down, across) = tflite_window(op, may_grow=True), op.strides
        top, left, bottom, right = seen.zeros
        values = np.pad(self.model.weights[op.name].values, ((0, 0), (0, 0), (top, bottom), (left, right)))
        weights, bias = self._weights(op, values.transpose(0, 2, 3, 1))
        shape = self.file.constant(f"{op.name}/shape", np.array([1, height, width, channels], np.int32))
        return [shape, weights, source, bias], {0: Number("b", seen.padding), 1: Number("i", across), 2: Number("i", down), 3: end}

    def _affine(self, op: Op, source: int, end: Number) -> tuple[list[int], Table]:
        """A factor and a summand of each channel: a window of one value by channel."""
        weights, channels = self.model.weights[op.name], int(op.output.channels)
        if max(*weights.values.shape[1:], *weights.bias.shape[1:]) > 1:
            raise ExportError(f"{op.name!r} has constants by row or column, and the format tflite writes those by channel")
        values = np.broadcast_to(weights.values, (channels, 1, 1)).reshape(1, 1, 1, channels)
        told = self._weights(op, values, axis=3)
        one = Number("i", 1)
        return [source, *told], {0: Number("b", VALID), 1: one, 2: one, 3: one, 4: end, 5: one, 6: one}

    def _padded(self, op: Op, source: int, seen: TfliteWindow) -> int:
        """Append an operator that pads."""
        top, left, bottom, right = seen.pads or (0, 0, 0, 0)
        channels, height, width = shape_of(op.inputs[0])
        grid = self.model.grids[op.inputs[0].name]
        pads = self.file.constant(f"{op.name}/pads", np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32))
        shape = (1, height + top + bottom, width + left + right, channels)
        padded = self.file.activation(f"{op.name}/padded", shape, grid.scale, zero_point(grid))
        self.file.operator("PAD", [source, pads], [padded], {})
        return padded

    def _dense(self, op: Op) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        """Weights of a dense layer by rows, columns and channels of what it reads."""
        channels, height, width = shape_of(op.inputs[0])
        values = self.model.weights[op.name].values
        return values.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(values), -1)

    def _weights(self, op: Op, values: np.ndarray[tuple[int, ...], np.dtype[np.int64]], axis: int = 0) -> list[int]:
        weights: Weights = self.model.weights[op.name]
        scales = weights.scales.astype(np.float32)
        stored = self.file.constant(f"{op.name}/weights", values.astype(np.int8), scales.tolist(), axis)
        units = weights.scales * self.model.grids[op.inputs[0].name].scale
        return [stored, self.file.constant(f"{op.name}/bias", weights.bias.astype(np.int32).reshape(-1), units.tolist())]


def _pool(op: Op, end: Number) -> Table:
    found, seen = window(op), tflite_window(op, may_grow=False)
    if seen.pads is not None:
        raise ExportError(f"{op.name!r} pads {list(found.pads)}, and pools of TFLite pad 'same' or not at all")
    padding = VALID if not any(found.pads) else seen.padding
    sides = {1: found.strides[1], 2: found.strides[0], 3: found.width, 4: found.height}
    return {0: Number("b", padding), **{key: Number("i", side) for key, side in sides.items()}, 5: end}
