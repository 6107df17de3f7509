"""Write small TFLite files: a FlatBuffers writer of the plainest kind, and layers on top of it."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Field = tuple[str, Any]
"""A letter of `struct` and a number; or "table", "tables", "text" or "vector:LETTER" and what it holds."""
CODES = {
    "ADD": 0, "AVERAGE_POOL_2D": 1, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 9, "RESHAPE": 22,
    "SOFTMAX": 25, "DEQUANTIZE": 6, "PAD": 34, "MEAN": 40, "HARD_SWISH": 117, "LSTM": 16, "MAX_POOL_2D": 17, "MUL": 18, "RELU": 19,
    "RELU6": 21, "RESIZE_BILINEAR": 23, "TANH": 28, "LOGISTIC": 14, "SPACE_TO_BATCH_ND": 38, "BATCH_TO_SPACE_ND": 37,
    "TRANSPOSE": 39, "RSQRT": 76, "SUB": 41, "STRIDED_SLICE": 45, "SPLIT": 49, "PRELU": 54,
    "MAXIMUM": 55, "MINIMUM": 57, "SLICE": 65, "TRANSPOSE_CONV": 67,
    "RESIZE_NEAREST_NEIGHBOR": 97, "LEAKY_RELU": 98, "QUANTIZE": 114, "CALL_ONCE": 129, "VAR_HANDLE": 142, "READ_VARIABLE": 143,
    "ASSIGN_VARIABLE": 144, "SQUEEZE": 43, "EXPAND_DIMS": 70, "PACK": 83, "UNPACK": 88, "CUSTOM": 32, "SPLIT_V": 102,
    "DEPTH_TO_SPACE": 5, "SPACE_TO_DEPTH": 26, "SUM": 74, "REDUCE_MAX": 82, "ELU": 111, "ARG_MAX": 56,
    "MIRROR_PAD": 100, "PADV2": 60, "ABS": 101, "EXP": 47, "SQUARE": 92, "FLOOR": 8, "NEG": 59,
}  # fmt: skip
OPTIONS = {
    "ADD": 11, "AVERAGE_POOL_2D": 5, "MAX_POOL_2D": 5, "CONCATENATION": 10, "CONV_2D": 1, "DEPTHWISE_CONV_2D": 2,
    "FULLY_CONNECTED": 8, "RESHAPE": 17, "SOFTMAX": 9, "DEQUANTIZE": 38, "PAD": 22, "MEAN": 27, "SUM": 27, "REDUCE_MAX": 27,
    "HARD_SWISH": 91, "MUL": 21, "RESIZE_BILINEAR": 15, "SPACE_TO_BATCH_ND": 25, "BATCH_TO_SPACE_ND": 24, "TRANSPOSE": 26,
    "SUB": 28, "STRIDED_SLICE": 32, "SPLIT": 35, "SPLIT_V": 79, "MAXIMUM": 39, "MINIMUM": 39, "SLICE": 48, "TRANSPOSE_CONV": 49,
    "RESIZE_NEAREST_NEIGHBOR": 74, "LEAKY_RELU": 75, "QUANTIZE": 89, "CALL_ONCE": 103, "VAR_HANDLE": 111, "READ_VARIABLE": 112,
    "ASSIGN_VARIABLE": 113, "SQUEEZE": 30, "EXPAND_DIMS": 52, "PACK": 59, "UNPACK": 64, "DEPTH_TO_SPACE": 94, "SPACE_TO_DEPTH": 19,
    "ARG_MAX": 40, "MIRROR_PAD": 77, "PADV2": 45, "ABS": 78, "EXP": 33, "SQUARE": 66, "NEG": 42,
}  # fmt: skip
"""Members of the union of options; an interpreter looks at them where a reader of tables need not."""
INT8, INT16, INT32, FLOAT, RESOURCE = 9, 7, 2, 0, 13


def buffer_of(root: Mapping[int, Field]) -> bytes:
    """Lay tables out front to back: each table first, then what it points to."""
    out = bytearray(b"\0\0\0\0TFL3")
    struct.pack_into("<I", out, 0, _table(out, root))
    return bytes(out)


def _table(out: bytearray, fields: Mapping[int, Field]) -> int:
    while len(out) % 8:
        out.append(0)
    count = max(fields, default=-1) + 1
    vtable = len(out)
    size = 4 + 2 * count
    out += bytes(size + (-size) % 8)
    start = len(out)
    out += struct.pack("<i", start - vtable) + bytes(8 * count + 4)
    struct.pack_into("<HH", out, vtable, size, 8 * count + 8)
    for number, (kind, value) in fields.items():
        at = start + 8 + 8 * number
        struct.pack_into("<H", out, vtable + 4 + 2 * number, at - start)
        if len(kind) == 1:
            struct.pack_into(f"<{kind}", out, at, value)
        else:
            struct.pack_into("<I", out, at, _child(out, kind, value) - at)
    return start


def _child(out: bytearray, kind: str, value: Any) -> int:
    if kind == "table":
        return _table(out, value)
    while len(out) % 4:
        out.append(0)
    start = len(out)
    if kind == "tables":
        out += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for index, child in enumerate(value):
            at = start + 4 + 4 * index
            struct.pack_into("<I", out, at, _table(out, child) - at)
        return start
    content = value.encode() + b"\0" if kind == "text" else b"".join(struct.pack(f"<{kind[-1]}", item) for item in value)
    out += struct.pack("<I", len(content) - 1 if kind == "text" else len(value)) + content
    return start


class Author:
    """Grows a subgraph of int8 tensors; methods return the index of what they wrote."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.tensors: list[dict[int, Field]] = []
        self.buffers: list[dict[int, Field]] = [{}]
        self.ops: list[dict[int, Field]] = []
        self.codes: list[str] = []
        self.shapes: list[tuple[int, ...]] = []
        self.once: Author | None = None
        """The subgraph that is run once, before everything else."""
        self.image = self.tensor("image", (1, *shape))
        self._random = np.random.default_rng(0)

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        values: Any = None,
        *,
        kind: int = INT8,
        axis: int = 0,
        scale: float = 0.5,
        zero: int = 0,
        by_channel: bool = True,
    ) -> int:
        buffer = 0
        if values is not None:
            buffer = len(self.buffers)
            self.buffers.append({0: ("vector:B", list(np.ascontiguousarray(values).tobytes()))})
        scales = [scale] * (shape[axis] if values is not None and kind == INT8 and by_channel else 1)
        quantised: dict[int, Field] = {2: ("vector:f", scales), 3: ("vector:q", [zero] * len(scales)), 6: ("i", axis)}
        entry: dict[int, Field] = {0: ("vector:i", list(shape)), 1: ("b", kind), 2: ("I", buffer), 3: ("text", name)}
        self.tensors.append(entry | ({4: ("table", quantised)} if kind == INT8 else {}))
        self.shapes.append(tuple(shape))
        return len(self.tensors) - 1

    def op(self, kind: str, inputs: Sequence[int], output: int | Sequence[int], options: Mapping[int, Field] | None = None) -> int:
        outputs = [output] if isinstance(output, int) else list(output)
        if kind not in self.codes:
            self.codes.append(kind)
        entry: dict[int, Field] = {0: ("I", self.codes.index(kind)), 1: ("vector:i", list(inputs)), 2: ("vector:i", outputs)}
        if options is not None:
            entry |= {3: ("B", OPTIONS.get(kind, 0)), 4: ("table", dict(options))}
        self.ops.append(entry)
        return outputs[0] if outputs else -1

    def weights(self, name: str, shape: Sequence[int], axis: int = 0) -> int:
        values = self._random.integers(-100, 100, size=shape, dtype=np.int8)
        return self.tensor(name, shape, values, axis=axis)

    def conv(
        self, name: str, source: int, width: int, kernel: int = 1, stride: int = 1, *, valid: bool = False, act: int = 3
    ) -> int:
        _, height, across, channels = self.shapes[source]
        weights = self.weights(f"{name}/weights", (width, kernel, kernel, channels))
        bias = self.tensor(f"{name}/bias", (width,), np.zeros(width, np.int32), kind=INT32)
        sides = [(side - kernel) // stride + 1 if valid else -(-side // stride) for side in (height, across)]
        output = self.tensor(name, (1, *sides, width))
        options = {0: ("b", int(valid)), 1: ("i", stride), 2: ("i", stride), 3: ("b", act), 4: ("i", 1), 5: ("i", 1)}
        return self.op("CONV_2D", (source, weights, bias), output, options)

    def depthwise(self, name: str, source: int, kernel: int = 3, stride: int = 1) -> int:
        _, height, across, channels = self.shapes[source]
        weights = self.weights(f"{name}/weights", (1, kernel, kernel, channels), axis=3)
        output = self.tensor(name, (1, -(-height // stride), -(-across // stride), channels))
        options = {0: ("b", 0), 1: ("i", stride), 2: ("i", stride), 3: ("i", 1), 4: ("b", 3), 5: ("i", 1), 6: ("i", 1)}
        bias = self.tensor(f"{name}/bias", (channels,), np.zeros(channels, np.int32), kind=INT32)
        return self.op("DEPTHWISE_CONV_2D", (source, weights, bias), output, options)

    def add(self, name: str, one: int, other: int, act: int = 0) -> int:
        return self.op("ADD", (one, other), self.tensor(name, self.shapes[one]), {0: ("b", act)})

    def pad(self, name: str, source: int, rows: int) -> int:
        _, height, across, channels = self.shapes[source]
        pads = self.integers(f"{name}/pads", [[0, 0], [rows, rows], [rows, rows], [0, 0]])
        return self.op("PAD", (source, pads), self.tensor(name, (1, height + 2 * rows, across + 2 * rows, channels)), {})

    def mean(self, name: str, source: int) -> int:
        axes = self.integers(f"{name}/axes", [1, 2])
        return self.op("MEAN", (source, axes), self.tensor(name, (1, self.shapes[source][3])), {0: ("B", 0)})

    def integers(self, name: str, values: Any) -> int:
        """A constant of 32-bit integers."""
        held = np.array(values, np.int32)
        return self.tensor(name, held.shape, held, kind=INT32)

    def pool(self, kind: str, name: str, source: int, window: int, stride: int) -> int:
        """A pool whose windows lie inside."""
        _, height, across, channels = self.shapes[source]
        sides = ((height - window) // stride + 1, (across - window) // stride + 1)
        options = {0: ("b", 1), 1: ("i", stride), 2: ("i", stride), 3: ("i", window), 4: ("i", window), 5: ("b", 0)}
        return self.op(kind, (source,), self.tensor(name, (1, *sides, channels)), options)

    def reshape(self, name: str, source: int, shape: Sequence[int]) -> int:
        told = self.integers(f"{name}/shape", list(shape))
        return self.op("RESHAPE", (source, told), self.tensor(name, shape), {0: ("vector:i", list(shape))})

    def split(self, name: str, source: int, parts: int) -> tuple[int, ...]:
        """Equal parts of the channels."""
        *before, channels = self.shapes[source]
        axis = self.tensor(f"{name}/axis", (), np.array(len(before), np.int32), kind=INT32)
        outputs = tuple(self.tensor(f"{name}:{part}", (*before, channels // parts)) for part in range(parts))
        self.op("SPLIT", (axis, source), outputs, {0: ("i", parts)})
        return outputs

    def concat(self, name: str, *sources: int) -> int:
        *before, _ = self.shapes[sources[0]]
        output = self.tensor(name, (*before, sum(self.shapes[source][-1] for source in sources)))
        return self.op("CONCATENATION", sources, output, {0: ("i", len(before)), 1: ("b", 0)})

    def two(self, kind: str, name: str, one: int, other: int) -> int:
        """A product, a difference, or the larger or smaller of two tensors."""
        return self.op(kind, (one, other), self.tensor(name, self.shapes[one]), {0: ("b", 0)} if kind in {"MUL", "SUB"} else {})

    def transpose(self, name: str, source: int, order: Sequence[int]) -> int:
        shape = [self.shapes[source][side] for side in order]
        return self.op("TRANSPOSE", (source, self.integers(f"{name}/order", list(order))), self.tensor(name, shape), {})

    def cut(self, name: str, source: int, channels: int, begin: int = 0, *, is_strided: bool = True) -> int:
        """Some of the channels, by the operator that converters write or by the one without steps."""
        *before, _ = self.shapes[source]
        starts = [*[0] * len(before), begin]
        if is_strided:
            return self.strided(name, source, starts, [*before, begin + channels])
        told = (self.integers(f"{name}/begin", starts), self.integers(f"{name}/size", [*before, channels]))
        return self.op("SLICE", (source, *told), self.tensor(name, (*before, channels)), {})

    def strided(self, name: str, source: int, begins: Sequence[int], ends: Sequence[int]) -> int:
        """The values from `begins` up to `ends`."""
        told = [self.integers(f"{name}/{what}", at) for what, at in (("begin", begins), ("end", ends), ("steps", [1] * len(ends)))]
        shape = [end - begin for begin, end in zip(begins, ends, strict=True)]
        return self.op("STRIDED_SLICE", (source, *told), self.tensor(name, shape), dict.fromkeys(range(5), ("i", 0)))

    def start(self, name: str, shape: Sequence[int]) -> None:
        """Let a state be filled with zeros once, by a subgraph of its own, as converters do."""
        if self.once is None:
            self.op("CALL_ONCE", (), (), {0: ("i", 1)})
            self.once = Author(())
            self.once.tensors, self.once.shapes = [], []
            self.once.buffers, self.once.codes = self.buffers, self.codes
        handle = self.once.handle(name)
        zeros = self.once.tensor(f"{name} at first", shape, np.zeros(shape, np.int8), by_channel=False)
        self.once.op("ASSIGN_VARIABLE", (handle, zeros), (), {})

    def handle(self, name: str) -> int:
        """What stands for a state in the subgraph."""
        return self.op("VAR_HANDLE", (), self.tensor(f"{name} handle", (), kind=RESOURCE), {0: ("text", ""), 1: ("text", name)})

    def transposed(self, name: str, source: int, width: int, kernel: int = 3, stride: int = 1) -> int:
        """A transposed convolution that multiplies the sides by its stride."""
        _, height, across, channels = self.shapes[source]
        shape = (1, height * stride, across * stride, width)
        weights = self.weights(f"{name}/weights", (width, kernel, kernel, channels))
        bias = self.tensor(f"{name}/bias", (width,), np.zeros(width, np.int32), kind=INT32)
        options = {0: ("b", 0), 1: ("i", stride), 2: ("i", stride)}
        inputs = (self.integers(f"{name}/shape", list(shape)), weights, source, bias)
        return self.op("TRANSPOSE_CONV", inputs, self.tensor(name, shape), options)

    def softmax(self, name: str, source: int) -> int:
        output = self.tensor(name, self.shapes[source], scale=1 / 256, zero=-128)
        return self.op("SOFTMAX", (source,), output, {0: ("f", 1.0)})

    def squashed(self, kind: str, name: str, source: int) -> int:
        """A sigmoid or a hyperbolic tangent, whose scales are given."""
        scale, zero = (1 / 256, -128) if kind == "LOGISTIC" else (1 / 128, 0)
        return self.op(kind, (source,), self.tensor(name, self.shapes[source], scale=scale, zero=zero))

    def resize(self, kind: str, name: str, source: int, factor: int) -> int:
        _, height, across, channels = self.shapes[source]
        size = self.integers(f"{name}/size", [height * factor, across * factor])
        return self.op(kind, (source, size), self.tensor(name, (1, height * factor, across * factor, channels)), {})

    def dense(self, name: str, source: int, width: int) -> int:
        reads = int(np.prod(self.shapes[source]))
        weights = self.weights(f"{name}/weights", (width, reads))
        bias = self.tensor(f"{name}/bias", (width,), np.zeros(width, np.int32), kind=INT32)
        return self.op("FULLY_CONNECTED", (source, weights, bias), self.tensor(name, (1, width)), {0: ("b", 0)})

    def simple(self, kind: str, name: str, source: int, shape: Sequence[int] | None = None) -> int:
        return self.op(kind, (source,), self.tensor(name, shape or self.shapes[source]))

    def content(self, *outputs: int) -> bytes:
        codes = [{0: ("b", min(CODES[kind], 127)), 3: ("i", CODES[kind])} for kind in self.codes]
        graph: dict[int, Field] = {
            0: ("tables", self.tensors),
            1: ("vector:i", [self.image]),
            2: ("vector:i", list(outputs or (len(self.tensors) - 1,))),
            3: ("tables", self.ops),
        }
        graphs = [graph]
        if self.once is not None:
            none: Field = ("vector:i", [])
            graphs.append({0: ("tables", self.once.tensors), 1: none, 2: none, 3: ("tables", self.once.ops)})
        return buffer_of({0: ("I", 3), 1: ("tables", codes), 2: ("tables", graphs), 4: ("tables", self.buffers)})

    def save(self, path: Path, *outputs: int) -> Path:
        path.write_bytes(self.content(*outputs))
        return path


def small_network() -> Author:
    """Padding, convolutions, a shortcut, a mean and a classifier."""
    net = Author((16, 16, 3))
    stem = net.conv("stem", net.pad("stem/pad", net.image, 1), 8, 3, 2, valid=True)
    body = net.conv("project", net.depthwise("filter", stem), 8, act=0)
    joined = net.add("join", stem, body)
    net.simple("SOFTMAX", "ranking", net.dense("classifier", net.mean("mean", joined), 4))
    return net


def stream(net: Author, source: int, rows: int, name: str = "window") -> int:
    """Keep the last rows of what went before: a state read, joined with what is new, cut and written."""
    _, _, new, channels = net.shapes[source]
    held_shape = (1, 1, rows, channels)
    net.start(name, held_shape)
    handle = net.handle(name)
    held = net.op("READ_VARIABLE", (handle,), net.tensor(f"{name} held", held_shape), {})
    whole = net.tensor(f"{name} joined", (1, 1, rows + new, channels))
    joined = net.op("CONCATENATION", (held, source), whole, {0: ("i", 2), 1: ("b", 0)})
    kept = net.strided(f"{name} kept", joined, [0, 0, new, 0], [1, 1, rows + new, channels])
    net.op("ASSIGN_VARIABLE", (handle, kept), (), {})
    return joined
