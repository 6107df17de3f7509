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
    "SOFTMAX": 25, "DEQUANTIZE": 6, "PAD": 34, "MEAN": 40, "HARD_SWISH": 117, "LSTM": 16,
}  # fmt: skip
INT8, INT32, FLOAT = 9, 2, 0


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
        self.image = self.tensor("image", (1, *shape))
        self._random = np.random.default_rng(0)

    def tensor(self, name: str, shape: Sequence[int], values: Any = None, *, kind: int = INT8, axis: int = 0) -> int:
        buffer = 0
        if values is not None:
            buffer = len(self.buffers)
            self.buffers.append({0: ("vector:B", list(np.ascontiguousarray(values).tobytes()))})
        scales = [0.5] * (shape[axis] if values is not None and kind == INT8 else 1)
        quantised: dict[int, Field] = {2: ("vector:f", scales), 3: ("vector:q", [0] * len(scales)), 6: ("i", axis)}
        entry: dict[int, Field] = {0: ("vector:i", list(shape)), 1: ("b", kind), 2: ("I", buffer), 3: ("text", name)}
        self.tensors.append(entry | ({4: ("table", quantised)} if kind == INT8 else {}))
        self.shapes.append(tuple(shape))
        return len(self.tensors) - 1

    def op(self, kind: str, inputs: Sequence[int], output: int, options: Mapping[int, Field] | None = None) -> int:
        if kind not in self.codes:
            self.codes.append(kind)
        entry: dict[int, Field] = {0: ("I", self.codes.index(kind)), 1: ("vector:i", list(inputs)), 2: ("vector:i", [output])}
        self.ops.append(entry | ({4: ("table", dict(options))} if options is not None else {}))
        return output

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
        return self.op("DEPTHWISE_CONV_2D", (source, weights, -1), output, options)

    def add(self, name: str, one: int, other: int, act: int = 0) -> int:
        return self.op("ADD", (one, other), self.tensor(name, self.shapes[one]), {0: ("b", act)})

    def pad(self, name: str, source: int, rows: int) -> int:
        _, height, across, channels = self.shapes[source]
        pads = self.tensor(f"{name}/pads", (4, 2), np.array([[0, 0], [rows, rows], [rows, rows], [0, 0]], np.int32), kind=INT32)
        return self.op("PAD", (source, pads), self.tensor(name, (1, height + 2 * rows, across + 2 * rows, channels)))

    def mean(self, name: str, source: int) -> int:
        axes = self.tensor(f"{name}/axes", (2,), np.array([1, 2], np.int32), kind=INT32)
        return self.op("MEAN", (source, axes), self.tensor(name, (1, self.shapes[source][3])))

    def dense(self, name: str, source: int, width: int) -> int:
        reads = int(np.prod(self.shapes[source]))
        weights = self.weights(f"{name}/weights", (width, reads))
        return self.op("FULLY_CONNECTED", (source, weights, -1), self.tensor(name, (1, width)), {0: ("b", 0)})

    def simple(self, kind: str, name: str, source: int, shape: Sequence[int] | None = None) -> int:
        return self.op(kind, (source,), self.tensor(name, shape or self.shapes[source]))

    def content(self, *outputs: int) -> bytes:
        codes = [{0: ("b", CODES[kind]), 3: ("i", CODES[kind])} for kind in self.codes]
        graph: dict[int, Field] = {
            0: ("tables", self.tensors),
            1: ("vector:i", [self.image]),
            2: ("vector:i", list(outputs or (len(self.tensors) - 1,))),
            3: ("tables", self.ops),
        }
        return buffer_of({0: ("I", 3), 1: ("tables", codes), 2: ("tables", [graph]), 4: ("tables", self.buffers)})

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
