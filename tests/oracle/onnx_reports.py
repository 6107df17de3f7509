"""Small ONNX files after reports that people filed with converters, simplifiers and quantisers of other projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from onnx_graphs import Net, batch_norm, conv  # type: ignore[import-not-found]  # beside this file
from onnx_quirks import Grow, chain, ints, op, rand, transposed  # type: ignore[import-not-found]  # beside it

NHWC, NCHW = [0, 2, 3, 1], [0, 3, 1, 2]


def integer_conv(net: Net) -> None:
    """`ConvInteger` on a quantised image, its scale in a product behind."""
    image = net.node("QuantizeLinear", net.at, net.const(1 / 32), net.const(131, np.uint8))
    weights = net.const(net.rng.integers(0, 255, (5, 4, 3, 3)), np.uint8)
    zero = net.const(120, np.uint8)
    made = net.node("ConvInteger", image, weights, net.const(131, np.uint8), zero, pads=[1] * 4)
    net.at = net.node("Mul", net.node("Cast", made, to=TensorProto.FLOAT), net.const(0.01 / 32))


def integer_product(net: Net) -> None:
    image = net.node("QuantizeLinear", net.at, net.const(1 / 32), net.const(0, np.int8))
    made = net.node("MatMulInteger", image, net.const(net.rng.integers(-127, 127, (6, 5)), np.int8))
    net.at = net.node("Mul", net.node("Cast", made, to=TensorProto.FLOAT), net.const(rand(5, low=0.001, high=0.01)))


def qlinear_product(net: Net) -> None:
    told = [net.const(1 / 32), net.const(128, np.uint8)]
    weights = [net.const(net.rng.integers(-127, 127, (6, 5)), np.int8), net.const(0.01), net.const(0, np.int8)]
    out = [net.const(1 / 16), net.const(128, np.uint8)]
    net.at = net.node(
        "DequantizeLinear", net.node("QLinearMatMul", net.node("QuantizeLinear", net.at, *told), *told, *weights, *out), *out
    )


def by_hand(net: Net) -> None:
    """Integers that are turned into real numbers by a cast, a difference and a product."""
    conv(net)
    told = [net.const(1 / 16), net.const(5, np.int8)]
    real = net.node("Cast", net.node("QuantizeLinear", net.at, *told), to=TensorProto.FLOAT)
    net.at = net.node("Mul", net.node("Sub", real, net.const(5.0)), net.const(1 / 16))


def other_scale(net: Net) -> None:
    """Integers that are read in another scale, by channel, than they were written in."""
    conv(net)
    made = net.node("QuantizeLinear", net.at, net.const(1 / 16), net.const(5, np.int8))
    net.at = net.node("DequantizeLinear", made, net.const(rand(4, low=0.01, high=0.1)), net.const(np.arange(4), np.int8), axis=1)


def moved_as_integers(net: Net) -> None:
    """Integers that are padded, pooled, turned and joined before they are real again."""
    told = [net.const(1 / 16), net.const(5, np.int8)]
    conv(net)
    made = net.node("QuantizeLinear", net.at, *told)
    wide = net.node("Pad", made, ints(net, 0, 0, 1, 1, 0, 0, 1, 1), net.const(9, np.int8))
    pooled = net.node("MaxPool", wide, kernel_shape=[2, 2], strides=[2, 2])
    turned = net.node("Transpose", net.node("Concat", pooled, pooled, axis=1), perm=NHWC)
    net.at = net.node("DequantizeLinear", turned, *told)


def bent_as_integers(net: Net) -> None:
    """The larger of zero and an integer that stands for less."""
    told = [net.const(1 / 16), net.const(5, np.int8)]
    conv(net)
    net.at = net.node("DequantizeLinear", net.node("Relu", net.node("QuantizeLinear", net.at, *told)), *told)


def joined_scales(net: Net) -> None:
    one = net.node("QuantizeLinear", net.at, net.const(1 / 16), net.const(5, np.int8))
    two = net.node("QuantizeLinear", net.node("Sigmoid", net.at), net.const(1 / 256), net.const(-128, np.int8))
    net.at = net.node("DequantizeLinear", net.node("Concat", one, two, axis=1), net.const(1 / 16), net.const(5, np.int8))


def indices_read(net: Net) -> None:
    """Pooled, and put back where it came from."""
    conv(net)
    made, places = net.node("MaxPool", net.at, outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    net.at = net.node("MaxUnpool", made, places, kernel_shape=[2, 2], strides=[2, 2])


def quantised_product(net: Net) -> None:
    """A product of integers, whose sums of 32 bits are made real by a dequantiser."""
    image = net.node("QuantizeLinear", net.at, net.const(1 / 32), net.const(0, np.int8))
    made = net.node("MatMulInteger", image, net.const(net.rng.integers(-127, 127, (6, 5)), np.int8))
    net.at = net.node("Relu", net.node("DequantizeLinear", made, net.const(0.01)))


def qlinear_softmax(net: Net) -> None:
    told, out = [net.const(1 / 32), net.const(128, np.uint8)], [net.const(1 / 256), net.const(0, np.uint8)]
    image = net.node("QuantizeLinear", net.at, *told)
    made = net.node("QLinearSoftmax", image, *told, *out, axis=1, opset=13, domain="com.microsoft")
    net.at = net.node("DequantizeLinear", made, *out)


def columns_by_unsqueeze(net: Net) -> None:
    """A convolution over one side as TensorFlow's converter writes it: a side is added and taken away."""
    flat = net.node("Reshape", net.at, ints(net, 1, 4, 48))
    wide = net.node("Unsqueeze", flat, ints(net, 2))
    made = net.node("Conv", wide, net.normal(5, 4, 1, 3), net.normal(5), pads=[0, 1, 0, 1])
    net.at = net.node("Relu", net.node("Squeeze", made, ints(net, 2)))


def flat_channels_last(net: Net) -> None:
    """A dense layer over what is flattened with channels last."""
    conv(net)
    last = net.node("Transpose", net.at, perm=NHWC)
    net.at = net.node("Gemm", net.node("Reshape", last, ints(net, 1, -1)), net.normal(192, 5, scale=0.1), net.normal(5))


def constant_channels_last(net: Net) -> None:
    last = net.node("Transpose", net.at, perm=NHWC)
    moved = net.node("Mul", net.node("Add", last, net.normal(4)), net.normal(6, 1))
    net.at = net.node("Transpose", moved, perm=NCHW)
    conv(net)


def flattened_by_shape(net: Net) -> None:
    """The batch is read from the shape and joined with -1."""
    conv(net)
    batch = net.node("Gather", net.node("Shape", net.at), net.const(0, np.int64), axis=0)
    shape = net.node("Concat", net.node("Unsqueeze", batch, ints(net, 0)), ints(net, -1), axis=0)
    net.at = net.node("Gemm", net.node("Reshape", net.at, shape), net.normal(5, 192, scale=0.1), net.normal(5), transB=1)


def resized_by_shape(net: Net) -> None:
    """Twice the sides, as computed from the shape of what is resized."""
    conv(net)
    sides = net.node("Slice", net.node("Shape", net.at), ints(net, 2), ints(net, 4), ints(net, 0))
    doubled = net.node("Cast", net.node("Floor", net.node("Mul", net.node("Cast", sides, to=1), net.const([2.0, 2.0]))), to=7)
    sizes = net.node("Concat", ints(net, 1, 4), doubled, axis=0)
    net.at = net.node(
        "Resize", net.at, "", "", sizes, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )


def norm_between(net: Net) -> None:
    """A normalisation after an addition, read twice."""
    kept = net.at
    conv(net)
    net.at = net.node("Add", net.at, kept)
    batch_norm(net)
    net.at = net.node("Add", net.node("Relu", net.at), net.at)


def norm_before(net: Net) -> None:
    """Normalised and bent before the convolution, with padding."""
    for _ in range(2):
        batch_norm(net)
        net.at = net.node("Relu", net.at)
        conv(net)


def norm_after_transposed(net: Net) -> None:
    transposed(4, strides=[2, 2])(net)
    net.shape = (1, 4, 17, 13)
    batch_norm(net)


def norm_of_two(net: Net) -> None:
    """A normalisation of joined channels."""
    one = net.node("Conv", net.at, net.normal(2, 4, 1, 1))
    net.at = net.node("Concat", one, net.node("Conv", net.at, net.normal(2, 4, 1, 1)), axis=1)
    batch_norm(net)


def norm_then_clip(net: Net) -> None:
    conv(net)
    parts = [net.const([1, -2, 0.5, -0.1]), net.normal(4), net.normal(4), net.const([1, 2, 0.01, 4])]
    net.at = net.node("Clip", net.node("BatchNormalization", net.at, *parts, epsilon=0.1), net.const(0.0), net.const(6.0))


def swish(order: int) -> Grow:
    """Hard-swish in the orders that converters write."""

    def grow(net: Net) -> None:
        conv(net)
        x, six = net.at, net.const(6.0)
        bent = net.node("Clip", net.node("Add", x, net.const(3.0)), net.const(0.0), six)
        if order == 0:
            net.at = net.node("Div", net.node("Mul", x, bent), six)
        elif order == 1:
            net.at = net.node("Mul", net.node("Mul", bent, net.const(1 / 6)), x)
        elif order == 2:
            net.at = net.node("Mul", net.node("Div", x, six), bent)
        else:
            least = net.node("Min", net.node("Max", net.node("Add", net.const(3.0), x), net.const(0.0)), six)
            net.at = net.node("Mul", x, net.node("Div", least, six))

    return grow


def gelu(net: Net) -> None:
    conv(net)
    root = net.node("Erf", net.node("Div", net.at, net.const(np.sqrt(2))))
    net.at = net.node("Mul", net.node("Mul", net.at, net.node("Add", root, net.const(1.0))), net.const(0.5))


def gelu_by_tanh(net: Net) -> None:
    conv(net)
    x = net.at
    inner = net.node("Add", x, net.node("Mul", net.node("Pow", x, net.const(3.0)), net.const(0.044715)))
    bent = net.node("Add", net.node("Tanh", net.node("Mul", inner, net.const(np.sqrt(2 / np.pi)))), net.const(1.0))
    net.at = net.node("Mul", net.node("Mul", x, net.const(0.5)), bent)


def mish(net: Net) -> None:
    conv(net)
    net.at = net.node("Mul", net.at, net.node("Tanh", net.node("Softplus", net.at)))


def prelu_in_pieces(net: Net) -> None:
    """As Keras is converted: relu(x) - slope * relu(-x)."""
    conv(net)
    below = net.node("Mul", net.node("Relu", net.node("Neg", net.at)), net.const(rand(4, 1, 1)))
    net.at = net.node("Sub", net.node("Relu", net.at), below)


def leaky_in_pieces(net: Net) -> None:
    conv(net)
    net.at = net.node("Max", net.at, net.node("Mul", net.at, net.const(0.1)))


def with_coordinates(net: Net) -> None:
    """Constant channels beside those of the image."""
    rows = np.broadcast_to(np.linspace(-1, 1, 8, dtype=np.float32)[None, None, :, None], (1, 1, 8, 6))
    net.at = net.node("Concat", net.at, net.const(rows), axis=1)
    net.shape = (1, 5, 8, 6)
    conv(net)


def focus(net: Net) -> None:
    """Every other row and column, joined as channels."""
    found = []
    for row, column in ((0, 0), (1, 0), (0, 1), (1, 1)):
        rows = net.node("Slice", net.at, ints(net, row), ints(net, 2**31 - 1), ints(net, 2), ints(net, 2))
        found.append(net.node("Slice", rows, ints(net, column), ints(net, 2**31 - 1), ints(net, 3), ints(net, 2)))
    net.at, net.shape = net.node("Concat", *found, axis=-3), (1, 16, 4, 3)
    conv(net)


def gate_expanded(net: Net) -> None:
    """A gate that is spread over all places before it is multiplied."""
    mean = net.node("ReduceMean", net.at, ints(net, 2, 3), keepdims=1)
    gate = net.node("Sigmoid", net.node("Conv", mean, net.normal(4, 4, 1, 1), net.normal(4)))
    net.at = net.node("Mul", net.node("Expand", gate, net.node("Shape", net.at)), net.at)


def gate_of_dense(net: Net) -> None:
    """Squeeze and excite by dense layers, and a reshape back to sides of 1."""
    conv(net)
    flat = net.node("ReduceMean", net.at, ints(net, 2, 3), keepdims=0)
    inner = net.node("Relu", net.node("Gemm", flat, net.normal(2, 4), net.normal(2), transB=1))
    outer = net.node("HardSigmoid", net.node("Gemm", inner, net.normal(4, 2), net.normal(4), transB=1), alpha=1 / 6)
    net.at = net.node("Mul", net.at, net.node("Reshape", outer, ints(net, 1, 4, 1, 1)))


def weight_norm(net: Net) -> None:
    """Weights as a direction and a length by channel."""
    direction = net.normal(5, 4, 3, 3)
    length = net.node("ReduceL2", direction, ints(net, 1, 2, 3), keepdims=1)
    weights = net.node("Mul", net.node("Div", direction, length), net.const(rand(5, 1, 1, 1)))
    net.at = net.node("Conv", net.at, weights, pads=[1] * 4)


def standardised(net: Net) -> None:
    """Weights less their mean, over their deviation."""
    weights = net.normal(5, 4, 3, 3)
    centred = net.node("Sub", weights, net.node("ReduceMean", weights, ints(net, 1, 2, 3), keepdims=1))
    spread = net.node(
        "Sqrt", net.node("Add", net.node("ReduceMean", net.node("Mul", centred, centred), ints(net, 1, 2, 3)), net.const(1e-5))
    )
    net.at = net.node("Conv", net.at, net.node("Div", centred, spread), pads=[1] * 4)


def fake_quantised(net: Net) -> None:
    """Weights rounded to a grid by operators of real numbers."""
    steps = net.node("Round", net.node("Div", net.normal(5, 4, 3, 3), net.const(0.05)))
    weights = net.node("Mul", net.node("Clip", steps, net.const(-8.0), net.const(7.0)), net.const(0.05))
    net.at = net.node("Conv", net.at, weights, pads=[1] * 4)


def half_weights(net: Net) -> None:
    weights = net.const(net.rng.normal(0, 0.4, (5, 4, 3, 3)), np.float16)
    net.at = net.node("Conv", net.at, net.node("Cast", weights, to=TensorProto.FLOAT), pads=[1] * 4)


def tied(net: Net) -> None:
    """A decoder that uses the weights of its encoder."""
    weights = net.normal(5, 4, 3, 3, scale=0.3)
    code = net.node("Relu", net.node("Conv", net.at, weights, pads=[1] * 4, strides=[2, 2]))
    net.at = net.node("ConvTranspose", code, weights, pads=[1] * 4, strides=[2, 2], output_padding=[1, 1])


def spare_outputs(net: Net) -> None:
    """Indices of a pool and the mask of a dropout, which nobody reads."""
    pooled, _ = net.node("MaxPool", net.at, outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    kept, _ = net.node("Dropout", pooled, net.const(0.3), outputs=2)
    net.at, net.shape = kept, (1, 4, 4, 3)
    conv(net)


def shuffled_by_gather(net: Net) -> None:
    conv(net)
    net.at = net.node("Relu", net.node("Gather", net.at, ints(net, 2, 0, 3, 1), axis=1))


def backwards_by_gather(net: Net) -> None:
    """Blue, green and red for red, green and blue."""
    net.at = net.node("Gather", net.at, ints(net, -1, -2, -3, -4), axis=1)
    conv(net)


def pooled_rows(net: Net) -> None:
    """Places as one side, averaged, and a dense layer."""
    conv(net)
    flat = net.node("Reshape", net.at, ints(net, 1, 4, -1))
    net.at = net.node("MatMul", net.node("ReduceMean", flat, ints(net, -1), keepdims=0), net.normal(4, 3))


def softmax_of_places(net: Net) -> None:
    conv(net)
    net.at = net.node("Softmax", net.node("Reshape", net.at, ints(net, 1, 4, -1)), axis=-1)


def sum_over_count(net: Net) -> None:
    conv(net)
    net.at = net.node("Div", net.node("ReduceSum", net.at, ints(net, 2, 3), keepdims=1), net.const(48.0))


def uneven_parts(net: Net) -> None:
    """Parts of which the last is smaller."""
    one, two, three = net.node("Split", net.at, outputs=3, axis=2, num_outputs=3)
    net.at = net.node("Concat", three, one, two, axis=2)


def bounds_by_nodes(net: Net) -> None:
    """Bounds that are made by operators."""
    conv(net)
    low = net.node("Neg", net.node("Identity", net.const(0.75)))
    high = net.node("Cast", net.const(1, np.int64), to=TensorProto.FLOAT)
    net.at = net.node("Clip", net.at, low, high)


def bounds_the_same(net: Net) -> None:
    conv(net)
    net.at = net.node("Add", net.node("Clip", net.at, net.const(0.5), net.const(0.5)), net.at)


def shared_quantiser(net: Net) -> None:
    """One quantiser in front of two readers, and weights with scales by channel of a transposed convolution."""
    told = [net.const(1 / 32), net.const(128, np.uint8)]
    image = net.node("DequantizeLinear", net.node("QuantizeLinear", net.at, *told), *told)
    weights = net.const(net.rng.integers(-127, 128, (4, 3, 3, 3)), np.int8)
    real = net.node("DequantizeLinear", weights, net.const(rand(3, low=0.002, high=0.01)), net.const(np.zeros(3), np.int8), axis=1)
    wide = net.node("ConvTranspose", image, real, strides=[1, 1], pads=[1] * 4)
    net.at = net.node("Add", wide, net.node("Conv", image, net.normal(3, 4, 1, 1)))


def four_bits(net: Net) -> None:
    """Weights of 4 bits."""
    tensor = helper.make_tensor(f"c{len(net.constants)}", TensorProto.INT4, (5, 4, 3, 3), net.rng.integers(-8, 8, 180))
    net.constants.append(tensor)
    real = net.node("DequantizeLinear", tensor.name, net.const(rand(5, low=0.02, high=0.1)), axis=0)
    net.at = net.node("Conv", net.at, real, pads=[1] * 4)


def function_of_two(net: Net) -> None:
    """The same value on both sides: 1 - x and x times that."""
    conv(net)
    less = net.node("Sub", net.const(1.0), net.node("Sigmoid", net.at))
    net.at = net.node("Mul", less, net.at)


def one_input(net: Net) -> None:
    for kind in ("Sum", "Max", "Mean", "Min"):
        net.at = net.node(kind, net.at)
    net.at = net.node("Concat", net.at, axis=1)
    conv(net)


def small_first(net: Net) -> None:
    """The smaller operand stands first."""
    conv(net)
    mean = net.node("GlobalAveragePool", net.at)
    net.at = net.node("Add", mean, net.at)


def column_added(net: Net) -> None:
    """A vector along the columns, not along the channels."""
    conv(net)
    net.at = net.node("Add", net.normal(6), net.at)


def tiled(net: Net) -> None:
    mean = net.node("GlobalAveragePool", net.at)
    net.at = net.node("Sub", net.at, net.node("Tile", mean, ints(net, 1, 1, 8, 6)))


def pyramid(net: Net) -> None:
    """Maps of two sizes joined, the small one resized."""
    fine = net.node("Relu", net.node("Conv", net.at, net.normal(3, 4, 1, 1)))
    coarse = net.node("MaxPool", fine, kernel_shape=[2, 2], strides=[2, 2])
    up = net.node("Resize", coarse, "", net.const([1, 1, 2, 2]), mode="linear", coordinate_transformation_mode="align_corners")
    net.at = net.node("Conv", net.node("Concat", up, fine, axis=1), net.normal(2, 6, 3, 3), pads=[1] * 4)


def norm_of_all(net: Net) -> None:
    conv(net)
    net.at = net.node("LayerNormalization", net.at, net.normal(4, 8, 6), net.normal(4, 8, 6), axis=1)


def root_of_squares(net: Net) -> None:
    """A normalisation without a mean."""
    conv(net)
    square = net.node("ReduceMean", net.node("Pow", net.at, net.const(2.0)), ints(net, -1), keepdims=1)
    net.at = net.node("Div", net.at, net.node("Sqrt", net.node("Add", square, net.const(1e-5))))


def product_of_values(net: Net) -> None:
    conv(net)
    net.at = net.node("MatMul", net.at, net.node("Transpose", net.at, perm=[0, 1, 3, 2]))


def wide_kernel(net: Net) -> None:
    """A window that is larger than the image."""
    net.at = net.node("Conv", net.at, net.normal(3, 4, 11, 9, scale=0.1), pads=[5, 4, 5, 4])


def middle_batch(net: Net) -> None:
    """Rows as positions of a sequence, dense over channels."""
    last = net.node("Reshape", net.node("Transpose", net.at, perm=NHWC), ints(net, 1, 48, 4))
    made = net.node("Relu", net.node("Add", net.node("MatMul", last, net.normal(4, 5)), net.normal(5)))
    net.at = net.node("ReduceMean", made, ints(net, 1), keepdims=0)


def as_tensorflow_did(net: Net) -> None:
    told = {"mode": "nearest", "coordinate_transformation_mode": "tf_half_pixel_for_nn"}
    net.at = net.node("Resize", net.at, "", net.const([1, 1, 2, 2]), **told)


def unary(kind: str, **terms: Any) -> Grow:
    return chain(conv, op(kind, **terms))


REPORTS: Mapping[str, tuple[int, Grow]] = {
    "integer conv": (20, integer_conv),
    "integer product": (20, integer_product),
    "by hand": (20, by_hand),
    "other scale": (20, other_scale),
    "moved as integers": (20, moved_as_integers),
    "bent as integers": (20, bent_as_integers),
    "joined scales": (20, joined_scales),
    "indices read": (20, indices_read),
    "quantised product": (20, quantised_product),
    "qlinear product": (20, qlinear_product),
    "qlinear softmax": (20, qlinear_softmax),
    "columns by unsqueeze": (20, columns_by_unsqueeze),
    "flat, channels last": (20, flat_channels_last),
    "constant, channels last": (20, constant_channels_last),
    "flattened by shape": (20, flattened_by_shape),
    "resized by shape": (20, resized_by_shape),
    "norm between": (20, norm_between),
    "norm before": (20, norm_before),
    "norm after transposed": (20, norm_after_transposed),
    "norm of two": (20, norm_of_two),
    "norm then clip": (20, norm_then_clip),
    **{f"hard swish {order}": (20, swish(order)) for order in range(4)},
    "gelu": (20, gelu),
    "gelu by tanh": (20, gelu_by_tanh),
    "mish": (20, mish),
    "prelu in pieces": (20, prelu_in_pieces),
    "leaky relu in pieces": (20, leaky_in_pieces),
    "coordinates": (20, with_coordinates),
    "focus": (20, focus),
    "gate expanded": (20, gate_expanded),
    "gate of dense": (20, gate_of_dense),
    "weight norm": (20, weight_norm),
    "standardised": (20, standardised),
    "fake quantised": (20, fake_quantised),
    "half weights": (20, half_weights),
    "tied": (20, tied),
    "spare outputs": (20, spare_outputs),
    "shuffled by gather": (20, shuffled_by_gather),
    "backwards by gather": (20, backwards_by_gather),
    "pooled rows": (20, pooled_rows),
    "softmax of places": (20, softmax_of_places),
    "sum over count": (20, sum_over_count),
    "uneven parts": (20, uneven_parts),
    "bounds by nodes": (20, bounds_by_nodes),
    "bounds the same": (20, bounds_the_same),
    "shared quantiser": (20, shared_quantiser),
    "four bits": (21, four_bits),
    "function of two": (20, function_of_two),
    "one input": (20, one_input),
    "small first": (20, small_first),
    "column added": (20, column_added),
    "tiled": (20, tiled),
    "pyramid": (20, pyramid),
    "norm of all": (20, norm_of_all),
    "root of squares": (20, root_of_squares),
    "product of values": (20, product_of_values),
    "wide kernel": (20, wide_kernel),
    "sequence": (20, middle_batch),
    "average beyond": (20, op("AveragePool", kernel_shape=[9, 7], pads=[4, 3, 4, 3])),
    "average of all": (20, op("AveragePool", kernel_shape=[8, 6])),
    "resize as TensorFlow did": (13, as_tensorflow_did),
    **{kind: (20, unary(kind)) for kind in ("Celu", "Selu", "ThresholdedRelu", "Softsign", "Sin", "Cos", "Sign", "Reciprocal")},
    "Swish": (24, unary("Swish", alpha=1.5)),
    **{f"{kind} of a conv": (20, unary(kind)) for kind in ("Ceil", "Floor", "Round")},
    "softmax of version 11": (11, chain(conv, op("Flatten", axis=1), op("Softmax", axis=1))),
    "softmax over the rest": (11, chain(conv, op("Softmax", axis=1))),
}  # fmt: skip
"""By name: the version of the standard operators, and what is written."""
