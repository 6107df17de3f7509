"""Small ONNX graphs made of layers, each of which is one or a few operators as exporters write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20


class Net:
    """A graph that grows by layers; the value at hand has (1, channels, rows, columns)."""

    def __init__(self, seed: int, shape: tuple[int, ...] = (1, 4, 8, 6)) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.shape, self.input_shape = shape, shape
        self.at = "image"

    def const(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def normal(self, *shape: int, scale: float = 1.0) -> str:
        return self.const(self.rng.normal(0, scale, shape))

    def node(self, kind: str, *inputs: str, outputs: int = 1, **terms: Any) -> Any:
        names = [f"v{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{kind}{len(self.nodes)}", **terms))
        return names[0] if outputs == 1 else names

    def model(self, *outputs: str, opset: int = OPSET) -> Any:
        wanted = outputs or (self.at,)
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, self.input_shape)
        ends = [helper.make_empty_tensor_value_info(name) for name in wanted]
        graph = helper.make_graph(self.nodes, "net", [image], ends, self.constants)
        domains = sorted({node.domain for node in self.nodes} - {""})
        imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
        made = helper.make_model(graph, opset_imports=imports, ir_version=9)
        return onnx.shape_inference.infer_shapes(made)


Layer = Callable[[Net], None]


def _to(net: Net, value: str, *shape: int) -> None:
    net.at, net.shape = value, shape or net.shape


def conv(net: Net, outputs: int = 4, kernel: int = 3, groups: int = 1, **terms: Any) -> None:
    _, channels, height, width = net.shape
    weights = net.normal(outputs, channels // groups, kernel, kernel, scale=0.4)
    told = {"pads": [kernel // 2] * 4, **terms}
    value = net.node("Conv", net.at, weights, net.normal(outputs, scale=0.2), group=groups, **told)
    down, right = told.get("strides", [1, 1])
    top, left, bottom, across = told["pads"]
    reach = (kernel - 1) * told.get("dilations", [1, 1])[0] + 1
    _to(net, value, 1, outputs, (height + top + bottom - reach) // down + 1, (width + left + across - reach) // right + 1)


def batch_norm(net: Net) -> None:
    channels = net.shape[1]
    rest = [net.normal(channels), net.normal(channels), net.const(np.abs(net.rng.normal(size=channels)) + 0.3)]
    _to(net, net.node("BatchNormalization", net.at, net.normal(channels), *rest))


def unary(kind: str, **terms: Any) -> Layer:
    return lambda net: _to(net, net.node(kind, net.at, **terms))


def with_constant(kind: str, shape: str, *, first: bool = False) -> Layer:
    def layer(net: Net) -> None:
        _, channels, height, width = net.shape
        sides = {"scalar": (), "channel": (1, channels, 1, 1), "flat": (channels, 1, 1), "place": (1, 1, height, width),
                 "full": (channels, height, width), "row": (height, 1)}  # fmt: skip
        values = net.rng.normal(1.5, 0.3, sides[shape])
        reads = [net.at, net.const(values)]
        _to(net, net.node(kind, *(reads[::-1] if first else reads)))

    return layer


def masked(shape: str, filling: str, *, inside: bool) -> Layer:
    """Values where a mask is (or is not) true, and constants elsewhere."""

    def layer(net: Net) -> None:
        _, channels, height, width = net.shape
        sides = {"scalar": (), "channel": (1, channels, 1, 1), "place": (height, width), "full": (1, channels, height, width)}
        mask = net.const(net.rng.random(sides[shape]) < 0.6, np.bool_)
        values = [net.at, net.const(net.rng.normal(0.3, 0.4, sides[filling]))]
        _to(net, net.node("Where", mask, *(values if inside else values[::-1])))

    return layer


def gate(kind: str) -> Layer:
    return lambda net: _to(net, net.node("Mul", net.at, net.node(kind, net.at)))


def hard_swish_in_pieces(net: Net) -> None:
    moved = net.node("Add", net.at, net.const(3.0))
    clipped = net.node("Clip", moved, net.const(0.0), net.const(6.0))
    _to(net, net.node("Div", net.node("Mul", net.at, clipped), net.const(6.0)))


def branch(kind: str) -> Layer:
    def layer(net: Net) -> None:
        start, shape = net.at, net.shape
        conv(net, shape[1], 1, pads=[0, 0, 0, 0])
        _to(net, net.node(kind, net.at, start), *shape)

    return layer


def squeeze_and_excite(net: Net) -> None:
    start, shape = net.at, net.shape
    _to(net, net.node("GlobalAveragePool", net.at), 1, shape[1], 1, 1)
    conv(net, shape[1], 1, pads=[0, 0, 0, 0])
    _to(net, net.node("Mul", net.node("HardSigmoid", net.at, alpha=1 / 6), start), *shape)


def pool(kind: str, **terms: Any) -> Layer:
    def layer(net: Net) -> None:
        _, channels, height, width = net.shape
        value = net.node(kind, net.at, kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 0, 1], **terms)
        up = terms.get("ceil_mode", 0)
        _to(net, value, 1, channels, (height - 2 + up) // 2 + 1, width)

    return layer


def pad(mode: str, pads: list[int], value: float = 0.0) -> Layer:
    def layer(net: Net) -> None:
        reads = [net.at, net.const(pads, np.int64)] + ([net.const(value)] if value else [])
        made = net.node("Pad", *reads, mode=mode)
        _to(net, made, *(side + before + after for side, before, after in zip(net.shape, pads[:4], pads[4:], strict=True)))

    return layer


def resize(mode: str, places: str, factor: float) -> Layer:
    def layer(net: Net) -> None:
        _, channels, height, width = net.shape
        scales = net.const([1, 1, factor, factor])
        value = net.node("Resize", net.at, "", scales, mode=mode, coordinate_transformation_mode=places, nearest_mode="floor")
        _to(net, value, 1, channels, int(height * factor), int(width * factor))

    return layer


def part(axis: int, start: int, end: int, step: int) -> Layer:
    def layer(net: Net) -> None:
        ints = [net.const([number], np.int64) for number in (start, end, axis, step)]
        shape = list(net.shape)
        shape[axis] = len(range(shape[axis])[slice(start, end, step)])
        _to(net, net.node("Slice", net.at, *ints), *shape)

    return layer


def split_and_join(axis: int) -> Layer:
    def layer(net: Net) -> None:
        side = net.shape[axis]
        sizes = net.const([side // 2, side - side // 2], np.int64)
        one, two = net.node("Split", net.at, sizes, outputs=2, axis=axis)
        _to(net, net.node("Concat", two, net.node("Relu", one), axis=axis))

    return layer


def shuffle(net: Net) -> None:
    _, channels, height, width = net.shape
    seen = net.node("Reshape", net.at, net.const([1, 2, channels // 2, height, width], np.int64))
    turned = net.node("Transpose", seen, perm=[0, 2, 1, 3, 4])
    _to(net, net.node("Reshape", turned, net.const(net.shape, np.int64)))


def depth_to_space(mode: str) -> Layer:
    def layer(net: Net) -> None:
        _, channels, height, width = net.shape
        value = net.node("DepthToSpace", net.at, blocksize=2, mode=mode)
        _to(net, value, 1, channels // 4, height * 2, width * 2)
        conv(net, channels, 1, pads=[0, 0, 0, 0])

    return layer


def space_to_depth(net: Net) -> None:
    _, channels, height, width = net.shape
    _to(net, net.node("SpaceToDepth", net.at, blocksize=2), 1, channels * 4, height // 2, width // 2)
    conv(net, channels, 1, pads=[0, 0, 0, 0])


def transposed_conv(groups: int = 1, **terms: Any) -> Layer:
    def layer(net: Net) -> None:
        _, channels, height, width = net.shape
        weights = net.normal(channels, channels // groups, 3, 3, scale=0.4)
        value = net.node("ConvTranspose", net.at, weights, strides=[2, 2], pads=[1, 0, 0, 1], group=groups, **terms)
        more = terms.get("output_padding", [0, 0])
        _to(net, value, 1, channels, (height - 1) * 2 + 3 - 1 + more[0], (width - 1) * 2 + 3 - 1 + more[1])

    return layer


def matmul_on_last(net: Net) -> None:
    channels = net.shape[1]
    last = net.node("Transpose", net.at, perm=[0, 2, 3, 1])
    made = net.node("Add", net.node("MatMul", last, net.normal(channels, channels, scale=0.4)), net.normal(channels))
    _to(net, net.node("Transpose", made, perm=[0, 3, 1, 2]))


def layer_norm_on_last(net: Net) -> None:
    channels = net.shape[1]
    last = net.node("Transpose", net.at, perm=[0, 2, 3, 1])
    made = net.node("LayerNormalization", last, net.normal(channels), net.normal(channels), axis=-1)
    _to(net, net.node("Transpose", made, perm=[0, 3, 1, 2]))


def layer_norm_in_pieces(*, product: bool, shift: bool) -> Layer:
    """As it was written before it was an operator of its own."""

    def layer(net: Net) -> None:
        channels = net.shape[1]
        last = net.node("Transpose", net.at, perm=[0, 2, 3, 1])
        axis = net.const([-1], np.int64)
        difference = net.node("Sub", last, net.node("ReduceMean", last, axis, keepdims=1))
        square = net.node("Mul", difference, difference) if product else net.node("Pow", difference, net.const(2.0, np.float32))
        spread = net.node("Add", net.node("ReduceMean", square, axis, keepdims=1), net.const(1e-2, np.float32))
        made = net.node("Mul", net.node("Div", difference, net.node("Sqrt", spread)), net.normal(channels))
        made = net.node("Add", made, net.normal(channels)) if shift else made
        _to(net, net.node("Transpose", made, perm=[0, 3, 1, 2]))

    return layer


def two_means(net: Net) -> None:
    channels = net.shape[1]
    rows = net.node("ReduceMean", net.at, net.const([2], np.int64), keepdims=1)
    _to(net, net.node("ReduceMean", rows, net.const([3], np.int64), keepdims=1), 1, channels, 1, 1)


def mean_over(axes: list[int]) -> Layer:
    def layer(net: Net) -> None:
        shape = [1 if axis in axes else side for axis, side in enumerate(net.shape)]
        _to(net, net.node("ReduceMean", net.at, net.const(axes, np.int64), keepdims=1), *shape)

    return layer


def flat_and_back(net: Net) -> None:
    count = int(np.prod(net.shape))
    flat = net.node("Flatten", net.at)
    made = net.node("Gemm", flat, net.normal(count, 24, scale=0.2), net.normal(24), alpha=0.5, beta=2.0)
    _to(net, net.node("Reshape", made, net.const([1, 4, 3, 2], np.int64)), 1, 4, 3, 2)


BINARY = ("Add", "Sub", "Mul", "Div")
PLACES = ("flat", "place", "row")
LAYERS: Mapping[str, Layer] = {
    "conv": conv,
    "conv stride": lambda net: conv(net, 6, 3, strides=[2, 1], pads=[0, 0, 1, 1]),
    "conv dilated": lambda net: conv(net, 4, 3, dilations=[2, 2], pads=[2, 2, 2, 2]),
    "depthwise": lambda net: conv(net, net.shape[1] * 2, 3, net.shape[1]),
    "grouped": lambda net: conv(net, 4, 1, 2, pads=[0, 0, 0, 0]),
    "batch norm": batch_norm,
    **{kind: unary(kind) for kind in ("Relu", "Sigmoid", "Tanh", "HardSwish", "Softplus", "Abs", "Neg", "Exp", "Mish", "Erf")},
    "LeakyRelu": unary("LeakyRelu", alpha=0.2),
    "Elu": unary("Elu", alpha=0.7),
    "HardSigmoid": unary("HardSigmoid", alpha=0.3, beta=0.4),
    "Gelu": unary("Gelu"),
    "Softmax": unary("Softmax", axis=1),
    "LogSoftmax": unary("LogSoftmax", axis=-1),
    "clip": lambda net: _to(net, net.node("Clip", net.at, net.const(-0.7), net.const(0.9))),
    "clip above": lambda net: _to(net, net.node("Clip", net.at, "", net.const(0.5))),
    "max 0": lambda net: _to(net, net.node("Max", net.at, net.const(0.0))),
    "prelu": lambda net: _to(net, net.node("PRelu", net.at, net.normal(net.shape[1], 1, 1))),
    "square": lambda net: _to(net, net.node("Pow", net.at, net.const(2.0))),
    **{f"{kind} {shape}": with_constant(kind, shape) for kind in BINARY for shape in ("scalar", "channel", "full")},
    **{f"constant {kind} {shape}": with_constant(kind, shape, first=True) for kind in BINARY[:2] for shape in PLACES},
    **{f"two {kind}": branch(kind) for kind in ("Add", "Sub", "Mul", "Max", "Min")},
    "where a mask of places": masked("place", "scalar", inside=True),
    "where no mask of channels": masked("channel", "scalar", inside=False),
    "where a mask of values": masked("full", "place", inside=True),
    "silu": gate("Sigmoid"),
    "hard swish": gate("HardSigmoid"),
    "hard swish in pieces": hard_swish_in_pieces,
    "squeeze and excite": squeeze_and_excite,
    "average": pool("AveragePool"),
    "average with padding": pool("AveragePool", count_include_pad=1),
    "average rounded up": pool("AveragePool", ceil_mode=1),
    "max pool": pool("MaxPool"),
    "max pool rounded up": pool("MaxPool", ceil_mode=1),
    "global average": lambda net: _to(net, net.node("GlobalAveragePool", net.at), *net.shape[:2], 1, 1),
    "global max": lambda net: _to(net, net.node("GlobalMaxPool", net.at), *net.shape[:2], 1, 1),
    "two means": two_means,
    "mean of rows": mean_over([2]),
    "mean of channels": mean_over([1]),
    "pad": pad("constant", [0, 0, 1, 0, 0, 0, 0, 2]),
    "pad channels": pad("constant", [0, 1, 0, 0, 0, 2, 0, 0]),
    "pad by a value": pad("constant", [0, 0, 1, 1, 0, 0, 1, 1], 0.7),
    "pad by the edge": pad("edge", [0, 0, 1, 1, 0, 0, 1, 1]),
    "resize nearest": resize("nearest", "asymmetric", 2.0),
    "resize linear": resize("linear", "half_pixel", 2.0),
    "resize to corners": resize("linear", "align_corners", 1.5),
    "slice rows": part(2, 1, 1000, 1),
    "slice every other channel": part(1, 0, 1000, 2),
    "split channels": split_and_join(1),
    "split rows": split_and_join(2),
    "shuffle": shuffle,
    "depth to space": depth_to_space("DCR"),
    "columns to space": depth_to_space("CRD"),
    "space to depth": space_to_depth,
    "transposed conv": transposed_conv(),
    "transposed conv grouped": transposed_conv(2, output_padding=[1, 0]),
    "matmul on channels last": matmul_on_last,
    "layer norm on channels last": layer_norm_on_last,
    "layer norm in pieces": layer_norm_in_pieces(product=False, shift=True),
    "layer norm by products": layer_norm_in_pieces(product=True, shift=False),
    "dense": flat_and_back,
}  # fmt: skip
