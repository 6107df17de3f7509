"""The one function that exports of 8 bits hold: an average in the integers of its inputs, to the bit.

It has the name, the first inputs and the attributes of the operator `QLinearAveragePool` of ONNX Runtime, and is read as that. What
else it reads says how sums become integers of the output: a factor by place, and where they end.
"""

from __future__ import annotations

from typing import Any

DOMAIN, NAME = "qeopt", "QLinearAveragePool"
WINDOW = ("kernel_shape", "strides", "pads", "dilations")
INPUTS = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point", "ones", "factors", "low", "high")
"""The first five are those of ONNX Runtime. Then weights of 1, (channels, 1, height, width) of the window; what sums are
multiplied by, doubles, (height, width) of the output; and the ends of the output's integers, their zero point apart."""
ATTRIBUTES = (*WINDOW, "count_include_pad", "group")


def function(onnx: Any, opset: int) -> Any:
    """The function in standard operators, of a version from 21 on.

    Sums are exact in single precision below 2^24, and their products with factors of 31 bits in double precision below 2^53; halves
    go to the even integer.
    """
    make = onnx.helper.make_node
    nodes = [
        make("Constant", [], ["one"], value_float=1.0),
        make("DequantizeLinear", ["x", "one", "x_zero_point"], ["integers"]),
        make("Conv", ["integers", "ones"], ["sums"]),
        make("Cast", ["sums"], ["wide"], to=onnx.TensorProto.DOUBLE),
        make("Mul", ["wide", "factors"], ["scaled"]),
        make("Round", ["scaled"], ["whole"]),
        make("Cast", ["whole"], ["narrow"], to=onnx.TensorProto.FLOAT),
        make("Clip", ["narrow", "low", "high"], ["kept"]),
        make("QuantizeLinear", ["kept", "one", "y_zero_point"], ["y"]),
    ]
    for name in (*WINDOW, "group"):
        kind = onnx.AttributeProto.INT if name == "group" else onnx.AttributeProto.INTS
        nodes[2].attribute.append(onnx.AttributeProto(name=name, ref_attr_name=name, type=kind))
    imports = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_function(DOMAIN, NAME, list(INPUTS), ["y"], nodes, imports, list(ATTRIBUTES))


def is_known(onnx: Any, model: Any) -> bool:
    """Whether a model holds no function but this one, as it is written here."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    return all(found == function(onnx, versions.get("", 0)) for found in model.functions)
