"""Small ONNX files of what exporters and quantisers write: odd padding, attributes, constants, ends, versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx_graphs import Net, batch_norm, conv  # type: ignore[import-not-found]  # beside this file

Grow = Callable[[Net], Any]
SHAPE = (1, 4, 8, 6)


def ints(net: Net, *values: int) -> str:
    return str(net.const(list(values), np.int64))


def chain(*layers: Grow) -> Grow:
    def grow(net: Net) -> None:
        for layer in layers:
            layer(net)

    return grow


def op(kind: str, *reads: Any, shape: Any = (), **terms: Any) -> Grow:
    """An operator on the value at hand ("@"), constants (arrays, numbers, lists of integers), and what is left out ("")."""

    def grow(net: Net) -> None:
        given = []
        for value in reads or ("@",):
            if isinstance(value, str):
                given.append(net.at if value == "@" else value)
            elif isinstance(value, list):
                given.append(ints(net, *value))
            else:
                given.append(net.const(value))
        net.at = net.node(kind, *given, **terms)
        net.shape = shape or net.shape

    return grow


def rand(*dims: int, seed: int = 7, low: float = -1.0, high: float = 1.0) -> Any:
    return np.random.default_rng(seed).uniform(low, high, dims).astype(np.float32)


def plain_conv(outputs: int = 4, kernel: int = 3, **terms: Any) -> Grow:
    """A convolution whose shape is left to the inference."""

    def grow(net: Net) -> None:
        weights = net.normal(outputs, net.shape[1] // terms.get("group", 1), kernel, kernel, scale=0.4)
        net.at = net.node("Conv", net.at, weights, net.normal(outputs, scale=0.2), **terms)
        net.shape = (1, outputs, *net.shape[2:])

    return grow


def transposed(outputs: int = 3, kernel: int = 3, **terms: Any) -> Grow:
    def grow(net: Net) -> None:
        weights = net.normal(net.shape[1], outputs, kernel, kernel, scale=0.4)
        net.at = net.node("ConvTranspose", net.at, weights, net.normal(outputs), **terms)

    return grow


def shared_weights(net: Net) -> None:
    """One initialiser in three convolutions, of two biases; the last is normalised behind."""
    weights, biases = net.normal(4, 4, 3, 3, scale=0.3), [net.normal(4), net.normal(4)]
    at = net.node("Relu", net.node("Conv", net.at, weights, biases[0], pads=[1] * 4))
    at = net.node("Relu", net.node("Conv", at, weights, biases[1], pads=[1] * 4))
    net.at = net.node("Conv", at, weights, pads=[1] * 4)
    batch_norm(net)


def two_roles(net: Net) -> None:
    """One initialiser as weights of a product, transposed as those of another, and as a summand."""
    values = net.normal(6, 6, scale=0.4)
    at = net.node("MatMul", net.at, values)
    at = net.node("Add", at, net.node("Slice", values, ints(net, 0), ints(net, 1), ints(net, 0)))
    at = net.node("Flatten", at)
    more = net.normal(4 * 8 * 6, 6, scale=0.2)
    net.at = net.node("Gemm", net.node("MatMul", at, more), values, transB=1)


def shared_bias(net: Net) -> None:
    bias = net.normal(4)
    at = net.node("Conv", net.at, net.normal(4, 4, 1, 1), bias)
    at = net.node("Conv", net.node("Relu", at), net.normal(4, 4, 1, 1), bias)
    net.at = net.node("Mul", at, net.node("Reshape", bias, ints(net, 1, 4, 1, 1)))


def ends(*kinds: str) -> Grow:
    def grow(net: Net) -> tuple[str, ...]:
        conv(net)
        found = []
        for kind in kinds:
            net.at = net.node(kind, net.at) if kind else net.at
            found.append(net.at)
        net.at = net.node("Conv", net.at, net.normal(2, 4, 1, 1))
        return (*found, net.at)

    return grow


def image_too(net: Net) -> tuple[str, ...]:
    conv(net)
    return ("image", net.at)


def image_under_another_name(net: Net) -> tuple[str, ...]:
    same = net.node("Identity", "image")
    conv(net)
    return (same, net.at)


def turned_image_too(net: Net) -> tuple[str, ...]:
    turned = net.node("Transpose", "image", perm=[0, 2, 3, 1])
    conv(net)
    return (turned, net.at)


def one_end_twice(net: Net) -> tuple[str, ...]:
    conv(net)
    return (net.at, net.node("Identity", net.at))


def constant_end(net: Net) -> tuple[str, ...]:
    conv(net)
    return (net.at, net.node("Identity", net.normal(3)))


def ends_in_an_order(net: Net) -> tuple[str, ...]:
    """The last one first."""
    conv(net)
    first = net.at
    conv(net, 2)
    return (net.at, first)


def split_unread(net: Net) -> None:
    _, two, _ = net.node("Split", net.at, ints(net, 1, 2, 1), outputs=3, axis=1)
    net.at = net.node("Conv", two, net.normal(3, 2, 1, 1))


def split_uneven(net: Net) -> None:
    net.at = net.node("Conv", net.at, net.normal(7, 4, 1, 1))
    one, two, three = net.node("Split", net.at, outputs=3, axis=1, num_outputs=3)
    net.at = net.node("Concat", three, net.node("Relu", one), two, axis=-3)


def split_batchwise_axis(net: Net) -> None:
    one, two = net.node("Split", net.at, outputs=2, axis=-1, num_outputs=2)
    net.at = net.node("Sub", one, two)


def small_minus_large(net: Net) -> None:
    mean = net.node("GlobalAveragePool", net.at)
    net.at = net.node("Sub", mean, net.at)


def gate_by_rows(net: Net) -> None:
    mean = net.node("ReduceMean", net.at, ints(net, 1, 3), keepdims=1)
    net.at = net.node("Mul", net.node("Sigmoid", mean), net.at)


def mean_added(net: Net) -> None:
    net.at = net.node("Add", net.node("GlobalAveragePool", net.at), net.at)


def mean_of_three(net: Net) -> None:
    one, two = net.node("Relu", net.at), net.node("Sigmoid", net.at)
    net.at = net.node("Mean", net.at, one, two)


def sum_with_constant(net: Net) -> None:
    net.at = net.node("Sum", net.at, net.normal(4, 1, 1), net.node("Relu", net.at))


def max_of_three(net: Net) -> None:
    net.at = net.node("Max", net.at, net.const(0.1), net.node("Neg", net.at))


def branch_of_if(net: Net) -> None:
    """Two of the same names inside, with other values."""
    for number in (1, 2):
        rng = np.random.default_rng(number)
        weights = numpy_helper.from_array(rng.normal(size=(4, 4, 1, 1)).astype(np.float32), "w")
        inner = helper.make_node("Conv", [net.at, "w"], ["y"])
        kept = helper.make_graph([inner], "then", [], [helper.make_empty_tensor_value_info("y")], [weights])
        other = helper.make_graph(
            [helper.make_node("Identity", [net.at], ["z"])], "else", [], [helper.make_empty_tensor_value_info("z")]
        )
        net.at = net.node("If", net.const(True, np.bool_), then_branch=kept, else_branch=other)


def reads_shape(net: Net) -> None:
    """What PyTorch writes for view(x.size(0), -1)."""
    shape = net.node("Shape", net.at)
    batch = net.node("Unsqueeze", net.node("Gather", shape, net.const(0, np.int64), axis=0), ints(net, 0))
    net.at = net.node("Reshape", net.at, net.node("Concat", batch, ints(net, -1), axis=0))
    net.at = net.node("MatMul", net.at, net.normal(192, 3, scale=0.1))


def quantised(zero: int, scale: float, dtype: Any, source: Grow = conv) -> Grow:
    def grow(net: Net) -> None:
        source(net)
        told = [net.const(scale), net.const(zero, dtype)]
        net.at = net.node("DequantizeLinear", net.node("QuantizeLinear", net.at, *told), *told)

    return grow


def weights_of_integers(net: Net, axis: int = 0) -> None:
    """By channel, symmetric, with a bias of 32 bits."""
    weights = net.const(net.rng.integers(-127, 128, (5, 4, 3, 3)), np.int8)
    scales = net.const(net.rng.uniform(0.002, 0.01, 5))
    bias = net.const(net.rng.integers(-2000, 2000, 5), np.int32)
    real = net.node("DequantizeLinear", weights, scales, net.const(np.zeros(5), np.int8), axis=axis)
    shift = net.node("DequantizeLinear", bias, net.const(net.rng.uniform(1e-4, 2e-4, 5)), axis=0)
    net.at = net.node("Conv", net.at, real, shift, pads=[1] * 4)


def product_of_integers(net: Net) -> None:
    """Scales along the outputs, which come last."""
    weights = net.const(net.rng.integers(0, 255, (6, 5)), np.uint8)
    scales, zeros = net.const(net.rng.uniform(0.002, 0.01, 5)), net.const(net.rng.integers(90, 160, 5), np.uint8)
    net.at = net.node("MatMul", net.at, net.node("DequantizeLinear", weights, scales, zeros, axis=1))


def scales_by_block(net: Net) -> None:
    weights = net.const(net.rng.integers(-127, 128, (6, 5)), np.int8)
    net.at = net.node(
        "MatMul", net.at, net.node("DequantizeLinear", weights, net.const(rand(3, 5, low=0.002, high=0.01)), axis=0, block_size=2)
    )


def qlinear(net: Net, low: int = 128) -> None:
    """A convolution of integers and what turns reals into these and back; a zero at the least integer is a ReLU."""
    told = [net.const(1 / 32), net.const(128, np.uint8)]
    integers = net.node("QuantizeLinear", net.at, *told)
    weights = [net.const(net.rng.integers(0, 255, (4, 4, 3, 3)), np.uint8), net.const(0.01), net.const(120, np.uint8)]
    out = [net.const(1 / 8), net.const(low, np.uint8)]
    made = net.node("QLinearConv", integers, *told, *weights, *out, net.const([100, -300, 20, 900], np.int32), pads=[1] * 4)
    net.at = net.node("DequantizeLinear", made, *out)


def integers_throughout(net: Net) -> None:
    """Sums, products, functions, pools and joins of integers, as ONNX Runtime's quantiser writes them (com.microsoft)."""

    def grid(scale: float, zero: int = 128) -> list[str]:
        return [net.const(scale), net.const(zero, np.uint8)]

    def node(kind: str, *reads: str, **terms: Any) -> str:
        return str(net.node(kind, *reads, domain="com.microsoft", **terms))

    image, weights = (
        grid(1 / 32),
        [net.const(net.rng.integers(0, 255, (4, 4, 1, 1)), np.uint8), net.const(0.01), net.const(120, np.uint8)],
    )
    one = net.node("QuantizeLinear", net.at, *image)
    made = net.node("QLinearConv", one, *image, *weights, *grid(1 / 16))
    leaky = node("QLinearLeakyRelu", made, *grid(1 / 16), *grid(1 / 20), alpha=0.2)
    added = node("QLinearAdd", leaky, *grid(1 / 20), one, *image, *grid(1 / 16, 0))  # a ReLU by its zero
    gate = node("QLinearSigmoid", made, *grid(1 / 16), *grid(1 / 256, 0))
    product = node("QLinearMul", gate, *grid(1 / 256, 0), added, *grid(1 / 16, 0), *grid(1 / 24, 0))
    half = net.const(np.full((4, 1, 1), 200), np.uint8)
    product = node("QLinearMul", product, *grid(1 / 24, 0), half, *grid(1 / 100, 10), *grid(1 / 12, 0))
    pooled = node("QLinearAveragePool", product, *grid(1 / 12, 0), *grid(1 / 14, 0), kernel_shape=[2, 2], strides=[2, 2])
    small = node("QLinearAveragePool", leaky, *grid(1 / 20), *grid(1 / 24), kernel_shape=[2, 2], strides=[2, 2], channels_last=0)
    joined = node("QLinearConcat", *grid(1 / 16), pooled, *grid(1 / 14, 0), small, *grid(1 / 24), axis=1)
    mean = node("QLinearGlobalAveragePool", joined, *grid(1 / 16), *grid(1 / 40), channels_last=0)
    flat = net.node("Flatten", mean)
    matrix = [
        net.const(net.rng.integers(0, 255, (5, 8)), np.uint8),
        net.const(net.rng.uniform(0.005, 0.01, 5)),
        net.const(np.full(5, 128), np.uint8),
    ]
    bias = net.const(net.rng.integers(-900, 900, 5), np.int32)
    net.at = node("QGemm", flat, *grid(1 / 40), *matrix, bias, transB=1)


def cast_to_integers(net: Net) -> None:
    net.at = net.node("Cast", net.node("Cast", net.node("Mul", net.at, net.const(3.0)), to=TensorProto.INT32), to=TensorProto.FLOAT)


def cast_to_half(net: Net) -> None:
    conv(net)
    net.at = net.node("Cast", net.node("Cast", net.at, to=TensorProto.DOUBLE), to=TensorProto.FLOAT)


def batch_inside(net: Net) -> None:
    """Halves of the channels as a batch of two through one convolution."""
    two = net.node("Reshape", net.at, ints(net, 2, 2, 8, 6))
    made = net.node("Conv", two, net.normal(2, 2, 3, 3), pads=[1] * 4)
    net.at = net.node("Reshape", made, ints(net, 1, 4, 8, 6))


def batch_inside_depthwise(net: Net) -> None:
    """Every channel as an image of a batch."""
    one = net.node("Reshape", net.at, ints(net, 4, 1, 8, 6))
    made = net.node("Conv", one, net.normal(1, 1, 3, 3), pads=[1] * 4)
    net.at = net.node("Reshape", made, ints(net, 1, 4, 8, 6))


def normalised_in_halves(net: Net) -> None:
    two = net.node("Reshape", net.at, ints(net, 2, 2, 8, 6))
    net.shape = (2, 2, 8, 6)
    net.at = two
    batch_norm(net)
    net.at = net.node("Reshape", net.at, ints(net, 1, 4, 8, 6))


def pooled_in_halves(net: Net) -> None:
    two = net.node("Reshape", net.at, ints(net, 2, 2, 8, 6))
    net.at = net.node("Reshape", net.node("GlobalAveragePool", two), ints(net, 1, 4, 1, 1))


def gemm_left(net: Net) -> None:
    """A constant times what depends on the image."""
    seen = net.node("Reshape", net.at, ints(net, 4, 48))
    net.at = net.node("Gemm", net.normal(5, 4), seen, net.normal(5, 48))


def gemm_rows(net: Net) -> None:
    seen = net.node("Reshape", net.at, ints(net, 4, 48))
    net.at = net.node("Gemm", seen, net.normal(7, 48, scale=0.2), net.normal(4, 1), transB=1, alpha=2.0, beta=-1.0)


def gemm_turned(net: Net) -> None:
    seen = net.node("Reshape", net.at, ints(net, 4, 48))
    net.at = net.node("Gemm", seen, net.normal(4, 7, scale=0.2), net.normal(7), transA=1)


def matmul_left(net: Net) -> None:
    net.at = net.node("MatMul", net.normal(5, 8, scale=0.3), net.at)


def matmul_vector(net: Net) -> None:
    net.at = net.node("MatMul", net.at, net.normal(6))


def identities(net: Net) -> None:
    for _ in range(3):
        net.at = net.node("Identity", net.at)
    weights = net.node("Identity", net.node("Identity", net.normal(3, 4, 1, 1)))
    net.at = net.node("Dropout", net.node("Conv", net.at, weights), net.const(0.5))


def constants_of_kinds(net: Net) -> None:
    one = net.node("Constant", value_float=1.5)
    many = net.node("Constant", value_floats=[0.5, 1.5, 2.5, 3.5])
    shape = net.node("Constant", value_ints=[1, 4, 1, 1])
    net.at = net.node("Mul", net.node("Add", net.at, one), net.node("Reshape", many, shape))


def constant_of_shape(net: Net) -> None:
    value = numpy_helper.from_array(np.array([0.25], np.float32), "v")
    weights = net.node("ConstantOfShape", ints(net, 3, 4, 1, 1), value=value)
    net.at = net.node("Conv", net.at, weights)


def chain_over_odd_axes(net: Net) -> None:
    for dims in ((4, 1, 1), (1, 6), (8, 1), (1, 4, 8, 1), (1, 1, 8, 6), (6,)):
        net.at = net.node("Mul", net.at, net.const(rand(*dims, low=0.5, high=1.5)))
        net.at = net.node("Sub", net.const(rand(*dims)), net.at)


def old_batch(kind: str) -> Grow:
    """Clip, Upsample, Pad, Squeeze and the like as attributes."""
    return {
        "clip": op("Clip", min=-0.5, max=0.4),
        "pad": op("Pad", pads=[0, 0, 1, 2, 0, 0, 0, 1], value=0.6, mode="constant"),
        "slice": op("Slice", starts=[1, -5], ends=[100, -1], axes=[2, 3]),
        "upsample": op("Upsample", mode="nearest", scales=[1.0, 1.0, 2.0, 3.0]),
        "upsample linear": op("Upsample", mode="linear", scales=[1.0, 1.0, 2.0, 2.0]),
        "reduce": op("ReduceMean", axes=[-1, -2], keepdims=0),
        "squeeze": chain(op("GlobalAveragePool"), op("Squeeze", axes=[2, 3]), op("Unsqueeze", axes=[2, 3])),
        "dropout": op("Dropout", ratio=0.4),
        "split": lambda net: setattr(
            net, "at", net.node("Concat", *reversed(net.node("Split", net.at, outputs=2, axis=1, split=[1, 3])), axis=1)
        ),
        "softmax": op("Softmax"),
        "softmax spatial": op("Softmax", axis=2),
    }[kind]


QUIRKS: Mapping[str, tuple[int, Grow]] = {
    **{
        f"conv {pad} by {step}": (20, plain_conv(auto_pad=pad, strides=[step, 1]))
        for pad in ("SAME_LOWER", "SAME_UPPER", "VALID")
        for step in (1, 2, 3)
    },
    "conv kernel 2 same lower": (20, plain_conv(kernel=2, auto_pad="SAME_LOWER", strides=[2, 2])),
    "conv uneven pads": (20, plain_conv(pads=[0, 2, 1, 0], strides=[2, 1])),
    "conv pads beyond the window": (20, plain_conv(pads=[4, 4, 4, 4], strides=[3, 3])),
    "conv grouped dilated": (20, plain_conv(6, pads=[2, 2, 2, 2], dilations=[2, 2], group=2)),
    "depthwise of three": (20, plain_conv(12, pads=[1, 1, 1, 1], group=4)),
    "max pool same lower": (20, op("MaxPool", kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_LOWER")),
    "average same upper": (20, op("AveragePool", kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_UPPER")),
    "average same lower counted": (
        20,
        op("AveragePool", kernel_shape=[2, 2], strides=[1, 1], auto_pad="SAME_LOWER", count_include_pad=1),
    ),
    "average uneven": (20, op("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 0, 1])),
    "average uneven counted": (20, op("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 0, 1], count_include_pad=1)),
    "average up": (20, op("AveragePool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
    "average up counted": (
        20,
        op("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1),
    ),
    "average dilated": (20, op("AveragePool", kernel_shape=[2, 2], dilations=[3, 2])),
    "max up": (20, op("MaxPool", kernel_shape=[2, 2], strides=[3, 4], ceil_mode=1)),
    "max dilated": (20, op("MaxPool", kernel_shape=[2, 2], dilations=[2, 3], pads=[1, 1, 0, 0])),
    "global average of one": (20, chain(op("GlobalAveragePool", shape=(1, 4, 1, 1)), op("GlobalAveragePool"))),
    "mean without sides": (20, op("ReduceMean", "@", [2, 3], keepdims=0)),
    "mean of negative axes": (20, op("ReduceMean", "@", [-2, -1], keepdims=1)),
    "mean of all": (20, op("ReduceMean", "@", keepdims=0)),
    "mean of columns and channels": (20, op("ReduceMean", "@", [3, 1], keepdims=0)),
    "mean of nothing": (20, op("ReduceMean", "@", noop_with_empty_axes=1)),
    "sum of rows": (20, op("ReduceSum", "@", [2], keepdims=0)),
    "largest of channels": (20, op("ReduceMax", "@", [1])),
    "transposed uneven": (20, transposed(strides=[2, 3], pads=[1, 0, 0, 2])),
    "transposed more": (20, transposed(strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])),
    "transposed same upper": (20, transposed(strides=[2, 2], auto_pad="SAME_UPPER")),
    "transposed same lower": (20, transposed(strides=[2, 2], auto_pad="SAME_LOWER")),
    "transposed of a shape": (20, transposed(strides=[2, 2], output_shape=[16, 12])),
    "transposed of a shape, odd": (20, transposed(kernel=4, strides=[2, 2], output_shape=[17, 13])),
    "transposed of a large shape": (20, transposed(strides=[2, 2], output_shape=[18, 14], output_padding=[1, 1])),
    "transposed dilated": (20, transposed(strides=[1, 2], dilations=[2, 1], pads=[1, 1, 1, 1])),
    "batch norm before": (20, chain(batch_norm, plain_conv(pads=[1, 1, 1, 1]))),
    "batch norm before, valid": (20, chain(batch_norm, plain_conv())),
    "batch norm twice": (20, chain(conv, batch_norm, batch_norm, op("Relu"), batch_norm)),
    "batch norm alone": (20, batch_norm),
    "batch norm of a vector": (
        20,
        chain(
            op("Flatten", shape=(1, 192, 1, 1)), op("Gemm", "@", rand(192, 5)), op("Mul", "@", rand(5)), op("Add", "@", rand(1, 5))
        ),
    ),
    "odd axes": (20, chain_over_odd_axes),
    "constant over tensor": (20, chain(op("Sigmoid"), op("Add", "@", np.float32(1)), op("Div", rand(4, 1, 1), "@"))),
    "tensor over constant": (20, chain(conv, op("Div", "@", rand(1, 4, 1, 1, low=0.5, high=2)), op("Relu"))),
    "negative factor before a relu": (20, chain(conv, op("Mul", "@", np.float32(-2)), op("Relu"))),
    "factor of zero": (20, chain(conv, op("Mul", "@", np.array([0, 1, -1, 0], np.float32).reshape(4, 1, 1)), conv)),
    "gemm scaled": (20, chain(op("Flatten"), op("Gemm", "@", rand(192, 5), rand(5), alpha=-0.5, beta=2.0))),
    "gemm turned weights, a row of bias": (
        20,
        chain(op("Flatten"), op("Gemm", "@", rand(5, 192), rand(1, 5), transB=1, beta=0.25)),
    ),
    "gemm with one bias": (20, chain(op("Flatten"), op("Gemm", "@", rand(192, 5), np.float32(0.7)))),
    "gemm without bias": (20, chain(op("Flatten"), op("Gemm", "@", rand(192, 5), beta=3.0))),
    "gemm left": (20, gemm_left),
    "gemm rows": (20, gemm_rows),
    "gemm turned": (20, gemm_turned),
    "matmul left": (20, matmul_left),
    "matmul vector": (20, matmul_vector),
    "matmul of three dimensions": (20, op("MatMul", "@", rand(1, 6, 5))),
    "flatten at 0": (20, chain(op("Flatten", axis=0), op("MatMul", "@", rand(192, 5)))),
    "flatten at 2": (20, chain(op("Flatten", axis=2), op("MatMul", "@", rand(48, 5)))),
    "flatten at -1": (20, chain(op("Flatten", axis=-1), op("MatMul", "@", rand(6, 5)))),
    "shared weights": (20, shared_weights),
    "shared bias": (20, shared_bias),
    "two roles": (20, two_roles),
    "clip above only": (20, op("Clip", "@", "", np.float32(0.3))),
    "clip below only": (20, op("Clip", "@", np.float32(-0.3))),
    "clip without bounds": (20, chain(op("Clip"), conv)),
    "clip crossed": (20, chain(conv, op("Clip", "@", np.float32(1), np.float32(-1)), conv)),
    "clip of clip": (
        20,
        chain(conv, op("Clip", "@", np.float32(-0.5), np.float32(2)), op("Relu"), op("Clip", "@", "", np.float32(1))),
    ),
    "clip to infinity": (20, chain(conv, op("Clip", "@", np.float32(0), np.float32(np.inf)))),
    "hard sigmoid": (20, op("HardSigmoid", alpha=0.5, beta=0.1)),
    "hard sigmoid plain": (20, op("HardSigmoid")),
    "gate of another hard sigmoid": (
        20,
        lambda net: setattr(net, "at", net.node("Mul", net.at, net.node("HardSigmoid", net.at, alpha=0.2))),
    ),
    "prelu of one slope": (20, op("PRelu", "@", np.array([0.3], np.float32))),
    "prelu by channel": (20, op("PRelu", "@", rand(1, 4, 1, 1))),
    "prelu by place": (20, op("PRelu", "@", rand(4, 8, 6))),
    "leaky relu above one": (20, op("LeakyRelu", alpha=1.5)),
    "leaky relu below zero": (20, op("LeakyRelu", alpha=-0.5)),
    "relu of max": (20, chain(conv, op("Max", np.float32(0), "@"), op("Min", "@", np.float32(1)))),
    "inner ends": (20, ends("", "Relu", "Sigmoid")),
    "image too": (20, image_too),
    "image under another name": (20, image_under_another_name),
    "image turned too": (20, turned_image_too),
    "one end twice": (20, one_end_twice),
    "a constant end": (20, constant_end),
    "ends in an order": (20, ends_in_an_order),
    "split unread": (20, split_unread),
    "split uneven": (20, split_uneven),
    "split columns": (20, split_batchwise_axis),
    "slice backwards": (20, op("Slice", "@", [-1, 1000], [-1000, -1000], [1, 3], [-1, -2])),
    "slice to the least integer": (20, op("Slice", "@", [5], [-(2**63)], [2], [-3])),
    "slice of negative axes": (20, op("Slice", "@", [1, -4], [-1, 2**63 - 1], [-2, -1])),
    "slice of channels, every other backwards": (20, chain(op("Slice", "@", [3], [-(2**31)], [1], [-2]), op("Relu"))),
    "gather one channel": (20, op("Gather", "@", [-1], axis=1)),
    "reshape 0 and -1": (20, chain(op("Reshape", "@", [0, 0, -1]), op("MatMul", "@", rand(48, 5)))),
    "reshape of zeros allowed": (20, chain(op("Reshape", "@", [1, 2, -1, 6], allowzero=1), op("Relu"))),
    "squeeze all": (20, chain(op("GlobalAveragePool"), op("Squeeze"), op("Unsqueeze", "@", [0]), op("MatMul", "@", rand(4, 3)))),
    "unsqueeze odd": (20, chain(op("Unsqueeze", "@", [2]), op("Mul", "@", rand(4, 1, 8, 1)), op("Squeeze", "@", [2]), conv)),
    "transpose all": (20, chain(op("Transpose", perm=[3, 2, 1, 0]), op("Relu"), op("Transpose", perm=[3, 2, 1, 0]))),
    **{
        f"resize {mode} {places} {rounding} {up}": (
            20,
            op(
                "Resize",
                "@",
                "",
                np.array([1, 1, up, up], np.float32),
                mode=mode,
                coordinate_transformation_mode=places,
                **({"nearest_mode": rounding} if rounding else {}),
            ),
        )
        for mode, places, rounding, up in (
            ("nearest", "half_pixel", "round_prefer_floor", 2),
            ("nearest", "half_pixel", "round_prefer_ceil", 1.5),
            ("nearest", "half_pixel", "ceil", 0.5),
            ("nearest", "half_pixel", "floor", 0.6),
            ("nearest", "align_corners", "round_prefer_ceil", 2),
            ("nearest", "asymmetric", "ceil", 2),
            ("nearest", "half_pixel_symmetric", "floor", 1.3),
            ("linear", "half_pixel_symmetric", "", 1.3),
            ("linear", "pytorch_half_pixel", "", 0.5),
            ("linear", "asymmetric", "", 0.6),
            ("linear", "half_pixel", "", 0.5),
            ("cubic", "half_pixel", "", 2),
            ("cubic", "align_corners", "", 1.5),
        )
    },
    "resize cubic inside": (
        20,
        op("Resize", "@", "", np.array([1, 1, 2, 2], np.float32), mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5),
    ),
    "resize to sizes": (20, op("Resize", "@", "", "", [1, 4, 5, 9], mode="linear")),
    "resize axes": (
        20,
        op(
            "Resize",
            "@",
            "",
            np.array([3, 2], np.float32),
            mode="nearest",
            axes=[3, 2],
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
    ),
    "resize odd scales in axes": (20, op("Resize", "@", "", np.array([1.4, 2.3], np.float32), mode="linear", axes=[3, 2])),
    "resize, kept in proportion": (
        20,
        op("Resize", "@", "", "", [10, 13], mode="linear", axes=[2, 3], keep_aspect_ratio_policy="not_larger"),
    ),
    "resize of version 10": (10, op("Resize", "@", np.array([1, 1, 2, 1.5], np.float32), mode="nearest")),
    "resize down of version 10": (10, op("Resize", "@", np.array([1, 1, 0.6, 0.5], np.float32), mode="nearest")),
    "resize linear of version 10": (10, op("Resize", "@", np.array([1, 1, 1.5, 2], np.float32), mode="linear")),
    "upsample down": (9, op("Upsample", "@", np.array([1, 1, 1.5, 2], np.float32), mode="nearest")),
    **{
        f"pad {mode}": (20, op("Pad", "@", [0, 0, 2, 1, 0, 0, 0, 3], mode=mode)) for mode in ("constant", "reflect", "edge", "wrap")
    },
    "pad of a value and axes": (20, op("Pad", "@", [1, 2, 0, 1], np.float32(-0.4), [-1, 2])),
    "pad negative": (20, op("Pad", "@", [0, 0, -1, 1, 0, 0, 2, -2], np.float32(0.5))),
    "pad negative channels": (20, op("Pad", "@", [0, -1, 0, 0, 0, 0, 0, 0])),
    "pad negative edge": (20, op("Pad", "@", [0, 0, -1, -2, 0, 0, 0, 0], mode="edge")),
    "pad before a pool": (20, chain(op("Pad", "@", [0, 0, 1, 1, 0, 0, 1, 1]), op("MaxPool", kernel_shape=[3, 3], strides=[2, 2]))),
    "pad for an average": (
        20,
        chain(op("Pad", "@", [0, 0, 1, 1, 0, 0, 1, 1]), op("AveragePool", kernel_shape=[3, 3], strides=[2, 2])),
    ),
    "pad and pads": (20, chain(op("Pad", "@", [0, 0, 1, 0, 0, 0, 2, 0]), plain_conv(pads=[1, 1, 0, 2], strides=[2, 2]))),
    "pad by minus infinity": (
        20,
        chain(op("Pad", "@", [0, 0, 1, 1, 0, 0, 1, 1], np.float32(-np.inf)), op("MaxPool", kernel_shape=[3, 3], strides=[2, 2])),
    ),
    "pad by the least number, read twice": (
        20,
        chain(op("Pad", "@", [0, 0, 1, 1, 0, 0, 1, 1], np.float32(-3.4e38)), op("MaxPool", kernel_shape=[3, 3], pads=[1, 0, 0, 1])),
    ),
    "pad by minus infinity before another": (
        20,
        chain(op("Pad", "@", [0, 0, 1, 1, 0, 0, 1, 1], np.float32(-np.inf)), op("Sigmoid")),
    ),
    "constants of kinds": (20, constants_of_kinds),
    "constant of shape": (20, constant_of_shape),
    "if": (20, branch_of_if),
    "identities": (20, identities),
    "reads a shape": (20, reads_shape),
    "cast to integers": (20, cast_to_integers),
    "cast to double": (20, cast_to_half),
    "small minus large": (20, small_minus_large),
    "mean added": (20, mean_added),
    "gate by rows": (20, gate_by_rows),
    "mean of three": (20, mean_of_three),
    "sum with a constant": (20, sum_with_constant),
    "larger of three": (20, max_of_three),
    "twice itself": (20, lambda net: setattr(net, "at", net.node("Add", net.at, net.at))),
    "columns joined": (20, lambda net: setattr(net, "at", net.node("Concat", net.node("Relu", net.at), net.at, axis=3))),
    "itself joined": (20, lambda net: setattr(net, "at", net.node("Concat", net.at, net.node("Relu", net.at), net.at, axis=2))),
    "square by itself": (20, chain(conv, lambda net: setattr(net, "at", net.node("Mul", net.at, net.at)))),
    "less itself": (20, chain(conv, lambda net: setattr(net, "at", net.node("Sub", net.node("Relu", net.at), net.at)))),
    "batch inside": (20, batch_inside),
    "batch inside, one channel each": (20, batch_inside_depthwise),
    "normalised in halves": (20, normalised_in_halves),
    "pooled in halves": (20, pooled_in_halves),
    "quantised": (20, quantised(0, 0.05, np.int8)),
    "quantised, relu by the zero": (20, quantised(0, 0.03, np.uint8)),
    "quantised, relu by the zero of int8": (20, quantised(-128, 0.03, np.int8)),
    "quantised, relu6 by the ends": (20, quantised(0, 6 / 255, np.uint8, chain(conv, op("Mul", "@", np.float32(6))))),
    "weights of integers": (20, weights_of_integers),
    "product of integers": (20, product_of_integers),
    "scales by block": (21, scales_by_block),
    "qlinear": (20, qlinear),
    "qlinear throughout": (20, integers_throughout),
    "qlinear, relu by the zero": (20, lambda net: qlinear(net, 0)),
    **{
        f"version 7: {kind}": (7, old_batch(kind))
        for kind in (
            "clip",
            "pad",
            "slice",
            "upsample",
            "upsample linear",
            "reduce",
            "squeeze",
            "dropout",
            "split",
            "softmax",
            "softmax spatial",
        )
    },
    "version 10: dropout and slice": (10, chain(op("Slice", "@", [1], [7], [2], [2]), op("Dropout", ratio=0.3))),
    "version 22": (22, chain(conv, op("HardSwish"), op("GlobalMaxPool"))),
}
"""By name: the version of the standard operators, and what is written."""


def model_of(name: str, files: Mapping[str, tuple[int, Grow]] = QUIRKS) -> Any:
    """The file of this name."""
    opset, grow = files[name]
    net = Net(3, SHAPE)
    outputs = grow(net)
    return net.model(*(outputs or (net.at,)), opset=opset)
