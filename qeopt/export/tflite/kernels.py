"""Which kernel of TFLite each operator becomes."""

from __future__ import annotations

from collections.abc import Mapping

from qeopt.export.arithmetic.functions import SLOPES
from qeopt.export.tflite.resizing import FLOORED, RESIZED
from qeopt.network import Op, OpKind

KERNELS: Mapping[OpKind, str] = {
    OpKind.CONV: "CONV_2D",
    OpKind.DEPTHWISE: "DEPTHWISE_CONV_2D",
    OpKind.DENSE: "FULLY_CONNECTED",
    OpKind.ADD: "ADD",
    OpKind.MUL: "MUL",
    OpKind.POOL: "AVERAGE_POOL_2D",
    OpKind.MAX_POOL: "MAX_POOL_2D",
    OpKind.CONCAT: "CONCATENATION",
    OpKind.SUB: "SUB",
    OpKind.MAXIMUM: "MAXIMUM",
    OpKind.MINIMUM: "MINIMUM",
    OpKind.PAD: "PAD",
    OpKind.RESHAPE: "RESHAPE",
    OpKind.SLICE: "STRIDED_SLICE",
    OpKind.SPLIT: "SPLIT_V",
    OpKind.RESIZE: "RESIZE_NEAREST_NEIGHBOR",
    OpKind.AFFINE: "DEPTHWISE_CONV_2D",
    OpKind.TRANSPOSED_CONV: "TRANSPOSE_CONV",
}
FUNCTIONS: Mapping[str, str] = {
    "relu": "RELU",
    "relu6": "RELU6",
    "clip": "MAXIMUM",
    "leaky_relu": "LEAKY_RELU",
    SLOPES: "PRELU",
    "softmax": "SOFTMAX",
    "sigmoid": "LOGISTIC",
    "tanh": "TANH",
    "hardswish": "HARD_SWISH",
}
"""Functions that are operators."""
UNFUSED = frozenset({OpKind.MAXIMUM, OpKind.MINIMUM})
"""Kinds that no function can end."""
FUSED = {"": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}
PADS = {"": "PAD", "zero": "PAD", "constant": "PADV2", "reflect": "MIRROR_PAD"}


def kernel_of(op: Op) -> str:
    """The kernel of an operator that is no function by itself."""
    if op.kind is OpKind.RESIZE:
        return RESIZED[op.function or FLOORED][0]
    return PADS[op.function] if op.kind is OpKind.PAD else KERNELS[op.kind]
