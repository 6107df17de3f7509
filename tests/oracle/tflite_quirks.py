"""Small TFLite files of real numbers: each one operator, or a few, in the ways that converters write them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "network" / "importers"))
import tflite_author  # type: ignore[import-not-found]

SHAPE = (8, 6, 4)
WHOLE = (1, *SHAPE)
UNARY = ("LOGISTIC", "TANH", "HARD_SWISH", "ELU", "ABS", "FLOOR", "NEG", "SQUARE", "RELU", "RELU6")
Grow = Callable[["Net"], int]


class Net(tflite_author.Author):  # type: ignore[misc]
    """A subgraph of real numbers."""

    def __init__(self) -> None:
        super().__init__(SHAPE)

    def tensor(self, name: str, shape: Sequence[int], values: Any = None, *, kind: int = tflite_author.INT8, **_: Any) -> int:
        kind = tflite_author.FLOAT if kind == tflite_author.INT8 else kind
        if values is not None and kind == tflite_author.FLOAT:
            held = np.asarray(values)
            values = held.astype(np.float32) / np.float32(100 if held.dtype == np.int8 else 1)
        if values is not None:
            self.buffers.append({0: ("vector:B", list(np.ascontiguousarray(values).tobytes()))})
        entry = {0: ("vector:i", list(shape)), 1: ("b", kind), 3: ("text", name)}
        self.tensors.append(entry | {2: ("I", len(self.buffers) - 1 if values is not None else 0)})
        self.shapes.append(tuple(shape))
        return len(self.tensors) - 1

    def drawn(self, *shape: int) -> int:
        return self.tensor(f"drawn {len(self.tensors)}", shape, self._random.normal(size=shape).astype(np.float32))

    def out(self, kind: str, inputs: Sequence[int], shape: Sequence[int], options: Mapping[int, Any] | None = None) -> int:
        return int(self.op(kind, inputs, self.tensor(f"{kind} {len(self.tensors)}", shape), options or {}))


def conv(window: tuple[int, int], step: int = 1, *, valid: bool = False, act: int = 0, dilation: int = 1, groups: int = 1) -> Grow:
    def grow(net: Net) -> int:
        sides = [
            (side - (kernel - 1) * dilation - 1) // step + 1 if valid else -(-side // step)
            for side, kernel in zip(SHAPE[:2], window, strict=True)
        ]
        told = {0: ("b", int(valid)), 1: ("i", step), 2: ("i", step), 3: ("b", act), 4: ("i", dilation), 5: ("i", dilation)}
        return net.out("CONV_2D", (net.image, net.drawn(6, *window, 4 // groups), net.drawn(6)), (1, *sides, 6), told)

    return grow


def depthwise(multiplier: int, kernel: int = 3, step: int = 1, dilation: int = 1) -> Grow:
    def grow(net: Net) -> int:
        width = 4 * multiplier
        sides = [-(-side // step) for side in SHAPE[:2]]
        told = {
            0: ("b", 0),
            1: ("i", step),
            2: ("i", step),
            3: ("i", multiplier),
            4: ("b", 1),
            5: ("i", dilation),
            6: ("i", dilation),
        }
        return net.out(
            "DEPTHWISE_CONV_2D", (net.image, net.drawn(1, kernel, kernel, width), net.drawn(width)), (1, *sides, width), told
        )

    return grow


def dense(rows: int, *, act: int = 0, keep: bool = False) -> Grow:
    def grow(net: Net) -> int:
        count = 192 // rows
        seen = net.image if keep or rows == 1 else net.reshape("rows", net.image, (rows, count))
        shape = (*SHAPE[:2], 7) if keep else (rows, 7)
        told = {0: ("b", act), 2: ("B", int(keep))}
        return net.out("FULLY_CONNECTED", (seen, net.drawn(7, count), -1), (1, *shape) if keep else shape, told)

    return grow


def transposed(kernel: int, step: int, out: tuple[int, int], *, valid: bool = False) -> Grow:
    def grow(net: Net) -> int:
        reads = (net.integers("shape", [1, *out, 3]), net.drawn(3, kernel, kernel, 4), net.image, net.drawn(3))
        return net.out("TRANSPOSE_CONV", reads, (1, *out, 3), {0: ("b", int(valid)), 1: ("i", step), 2: ("i", step)})

    return grow


def pool(kind: str) -> Grow:
    told = {0: ("b", 0), 1: ("i", 2), 2: ("i", 2), 3: ("i", 3), 4: ("i", 3), 5: ("b", 1)}
    return lambda net: net.out(kind, (net.image,), (1, 4, 3, 4), told)


def resize(kind: str, height: int, width: int, corners: int, centers: int) -> Grow:
    at = 2 if kind == "RESIZE_BILINEAR" else 0

    def grow(net: Net) -> int:
        told = {at: ("B", corners), at + 1: ("B", centers)}
        return net.out(kind, (net.image, net.integers("size", [height, width])), (1, height, width, 4), told)

    return grow


def pad(kind: str, margins: Sequence[Sequence[int]], mode: int = 0) -> Grow:
    def grow(net: Net) -> int:
        shape = [side + before + after for side, (before, after) in zip(WHOLE, margins, strict=True)]
        value = [net.tensor("value", (), np.array(-0.7, np.float32))] if kind == "PADV2" else []
        return net.out(
            kind, (net.image, net.integers("pads", margins), *value), shape, {0: ("b", mode)} if kind == "MIRROR_PAD" else {}
        )

    return grow


def strided(begin: list[int], end: list[int], step: list[int], shape: Sequence[int], shrink: int = 0, whole: int = 0) -> Grow:
    def grow(net: Net) -> int:
        reads = (net.image, *(net.integers(name, told) for name, told in (("begin", begin), ("end", end), ("step", step))))
        return net.out("STRIDED_SLICE", reads, shape, {0: ("i", whole), 4: ("i", shrink)})

    return grow


def constant_of(kind: str) -> Grow:
    """A factor that an operator makes of a constant."""

    def grow(net: Net) -> int:
        factor = net.tensor("factor", (4,), np.arange(1, 5, dtype=np.float32))
        told = (net.integers("shape", [1, 1, 4]),) if kind == "RESHAPE" else ()
        made = net.out(kind, (factor, *told), (1, 1, 4) if told else (4,), {0: ("vector:i", [1, 1, 4])} if told else {})
        return net.out("MUL", (net.image, made), WHOLE, {0: ("b", 0)})

    return grow


def mean(axes: list[int], shape: Sequence[int], *, keep: bool = True) -> Grow:
    return lambda net: net.out("MEAN", (net.image, net.integers("axes", axes)), shape, {0: ("B", int(keep))})


def gate(net: Net) -> int:
    return net.out("MUL", (mean([1, 2], (1, 1, 1, 4))(net), net.image), WHOLE, {0: ("b", 0)})


def with_constant(kind: str, dims: tuple[int, ...], *, first: bool = False, act: int = 0) -> Grow:
    def grow(net: Net) -> int:
        reads = (net.image, net.drawn(*dims))
        return net.out(kind, reads[::-1] if first else reads, WHOLE, {0: ("b", act)} if kind in {"ADD", "SUB", "MUL"} else {})

    return grow


def function(kind: str) -> Grow:
    return lambda net: net.out(kind, (net.image,), WHOLE)


def parts(kind: str, axis: int, shape: tuple[int, ...], seen: tuple[int, ...] = WHOLE) -> Grow:
    """The second half less the first."""

    def grow(net: Net) -> int:
        source = net.image if seen == WHOLE else net.reshape("seen", net.image, seen)
        at = net.tensor("axis", (), np.array(axis, np.int32), kind=tflite_author.INT32)
        outputs = [net.tensor(f"part{number}", shape) for number in range(2)]
        sizes = (net.integers("sizes", [shape[axis]] * 2),) if kind == "SPLIT_V" else ()
        net.op(kind, (source, *sizes, at) if sizes else (at, source), outputs, {0: ("i", 2)})
        return net.out("SUB", outputs[::-1], shape, {0: ("b", 0)})

    return grow


def joined(axis: int, shape: tuple[int, ...], seen: tuple[int, ...] = WHOLE) -> Grow:
    def grow(net: Net) -> int:
        source = net.image if seen == WHOLE else net.reshape("seen", net.image, seen)
        return net.out("CONCATENATION", (source, source), shape, {0: ("i", axis), 1: ("b", 0)})

    return grow


def in_halves(kind: str) -> Grow:
    """The upper and the lower half of the rows as two images."""

    def grow(net: Net) -> int:
        two = net.reshape("halves", net.image, (2, 4, 6, 4))
        if kind == "CONV_2D":
            told = {0: ("b", 0), 1: ("i", 1), 2: ("i", 1), 3: ("b", 0), 4: ("i", 1), 5: ("i", 1)}
            return net.out(kind, (two, net.drawn(4, 3, 3, 4), net.drawn(4)), (2, 4, 6, 4), told)
        if kind == "SLICE":
            return net.out(kind, (two, net.integers("begin", [0, 1, 0, 0]), net.integers("size", [2, 2, 6, 4])), (2, 2, 6, 4))
        told = {0: ("b", 0), 1: ("i", 1), 2: ("i", 1), 3: ("i", 3), 4: ("i", 3), 5: ("b", 0)}
        return net.out(kind, (two,), (2, 4, 6, 4), told)

    return grow


QUIRKS: Mapping[str, Grow] = {
    **{f"conv {kernel} by {step}": conv((kernel, kernel), step) for kernel, step in ((3, 2), (2, 2), (5, 3), (4, 1))},
    "conv valid": conv((3, 3), 2, valid=True),
    "conv dilated": conv((3, 3), dilation=2),
    "conv of a row": conv((1, 4), 2),
    "conv grouped": conv((3, 3), groups=2),
    **{f"conv ends in {act}": conv((3, 3), act=act) for act in (1, 2, 3)},
    **{f"depthwise times {times}": depthwise(times) for times in (1, 2, 3)},
    "depthwise by 2": depthwise(2, 4, 2),
    "depthwise dilated": depthwise(2, dilation=2),
    "dense of rows": dense(8, act=1),
    "dense of an image": dense(1),
    "dense that keeps sides": dense(48, keep=True),
    **{kind: pool(kind) for kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D")},
    **{
        f"{kind} {height}x{width} {corners}{centers}": resize(kind, height, width, corners, centers)
        for kind in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
        for height, width in ((16, 12), (5, 9), (4, 3))
        for corners, centers in ((0, 0), (1, 0), (0, 1))
    },
    "transposed": transposed(3, 2, (16, 12)),
    "transposed odd": transposed(3, 2, (15, 11)),
    "transposed valid": transposed(3, 2, (17, 13), valid=True),
    "transposed of gaps": transposed(2, 3, (23, 17), valid=True),
    "transposed of 4": transposed(4, 2, (16, 12)),
    "transposed of 1": transposed(1, 2, (16, 12)),
    "pad": pad("PAD", [[0, 0], [1, 2], [0, 3], [0, 0]]),
    "pad channels": pad("PAD", [[0, 0], [0, 0], [0, 0], [1, 2]]),
    "pad by a value": pad("PADV2", [[0, 0], [1, 2], [0, 3], [0, 0]]),
    "pad by mirroring": pad("MIRROR_PAD", [[0, 0], [1, 2], [0, 3], [0, 0]]),
    "pad by mirroring the border": pad("MIRROR_PAD", [[0, 0], [1, 2], [0, 3], [0, 0]], 1),
    "slice backwards": strided([0, -1, 0, 1], [1, -9, 6, 4], [1, -2, 2, 1], (1, 4, 3, 3)),
    "slice beyond the ends": strided([0, -100, 0, 0], [100, 5, 100, 100], [1, 1, 1, 1], (1, 5, 6, 4)),
    "slice of all rows, whatever its begin": strided([0, 5, 1, 0], [1, 8, 6, 4], [1, 1, 1, 1], (1, 8, 5, 4), 0, 2),
    "slice that drops columns": strided([0, 0, 1, 0], [1, 8, 2, 4], [1, 1, 1, 1], (1, 8, 4), 4),
    "slice that drops channels": strided([0, 0, 0, 2], [1, 8, 6, 3], [1, 1, 1, 1], (1, 8, 6), 8),
    "slice of the last row alone": strided([0, 7, 0, 0], [1, 8, 6, 4], [1, 1, 1, 1], (1, 6, 4), 2),
    "slice that drops a side": strided([0, 2, 0, 0], [1, 3, 6, 4], [1, 1, 1, 1], (1, 6, 4), 2),
    "a constant reshaped": constant_of("RESHAPE"),
    "a constant computed": constant_of("EXP"),
    "mean of rows": mean([1], (1, 1, 6, 4)),
    "mean of columns": mean([-2], (1, 8, 4), keep=False),
    "mean of channels": mean([3], (1, 8, 6, 1)),
    "gate": gate,
    "mean added": lambda net: net.out("ADD", (mean([1, 2], (1, 1, 1, 4))(net), net.image), WHOLE, {0: ("b", 0)}),
    "row taken away": lambda net: net.out("SUB", (net.image, mean([1], (1, 1, 6, 4))(net)), WHOLE, {0: ("b", 1)}),
    "larger than its mean": lambda net: net.out("MAXIMUM", (mean([2], (1, 8, 1, 4))(net), net.image), WHOLE),
    "less than what is large": lambda net: net.out("SUB", (mean([1], (1, 1, 6, 4))(net), net.image), WHOLE, {0: ("b", 0)}),
    "constant less tensor": with_constant("SUB", (6, 4), first=True, act=1),
    "slope of all": with_constant("PRELU", (1, 1, 1)),
    "slope by channel": with_constant("PRELU", (1, 1, 4)),
    "bound": with_constant("MINIMUM", (), first=True),
    **{kind: function(kind) for kind in UNARY},
    "rows in two": parts("SPLIT", 1, (1, 4, 6, 4)),
    "channels in two": parts("SPLIT_V", -1, (1, 8, 6, 2)),
    "one of five sides in two": parts("SPLIT", 2, (1, 2, 2, 6, 4), (1, 2, 4, 6, 4)),
    "rows joined": joined(-3, (1, 16, 6, 4)),
    "one of five sides joined": joined(2, (1, 2, 8, 6, 4), (1, 2, 4, 6, 4)),
    "rows of two images joined": joined(1, (2, 8, 6, 4), (2, 4, 6, 4)),
    **{f"{kind} in halves": in_halves(kind) for kind in ("CONV_2D", "MAX_POOL_2D", "SLICE")},
    "ends in a reshape": lambda net: net.reshape("flat", conv((3, 3))(net), (1, 288)),
}  # fmt: skip


def write(name: str, path: Path) -> Path:
    """Write the file of this name."""
    net = Net()
    return Path(net.save(path, QUIRKS[name](net)))
