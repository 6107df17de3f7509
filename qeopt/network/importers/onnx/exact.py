"""Functions that exports of 8 bits hold: averages and linear resizes in the integers of their inputs, to the bit.

Each has the name, the first inputs and the attributes of an operator on integers of ONNX Runtime, or what such a one would have,
and is read as that. What else it reads says how sums become integers of the output: a factor, and where they end.
"""

from __future__ import annotations

from typing import Any

DOMAIN = "qeopt"
AVERAGE, RESIZE = "QLinearAveragePool", "QLinearResize"
WINDOW = ("kernel_shape", "strides", "pads", "dilations")
_FIRST = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point")
_LAST = ("factors", "low", "high")
"""What sums are multiplied by, doubles, (height, width) of the output or one; and the ends of the output's integers, their zero
point apart."""


def function(onnx: Any, name: str, opset: int) -> Any:
    """A function in standard operators, of a version from 21 on.

    An average reads weights of 1, (channels, 1, height, width) of its window. A resize reads the sides of what it writes, and how
    many shares of each row that it reads those that it writes take, (rows written, rows read), and of each column, the other way
    round. Sums are exact in single precision below 2^24, and their products with factors of 31 bits in double precision below 2^53;
    halves go to the even integer.
    """
    make = onnx.helper.make_node
    more: tuple[str, ...]
    attributes: tuple[str, ...]
    if name == AVERAGE:
        more, attributes = ("ones",), (*WINDOW, "count_include_pad", "group")
        summing = [make("Conv", ["integers", "ones"], ["sums"])]
        for told in (*WINDOW, "group"):
            kind = onnx.AttributeProto.INT if told == "group" else onnx.AttributeProto.INTS
            summing[0].attribute.append(onnx.AttributeProto(name=told, ref_attr_name=told, type=kind))
    else:
        more, attributes = ("sizes", "rows", "columns"), ("mode", "coordinate_transformation_mode")
        summing = [make("MatMul", ["rows", "integers"], ["by_row"]), make("MatMul", ["by_row", "columns"], ["sums"])]
    nodes = [
        make("Constant", [], ["one"], value_float=1.0),
        make("DequantizeLinear", ["x", "one", "x_zero_point"], ["integers"]),
        *summing,
        make("Cast", ["sums"], ["wide"], to=onnx.TensorProto.DOUBLE),
        make("Mul", ["wide", "factors"], ["scaled"]),
        make("Round", ["scaled"], ["whole"]),
        make("Cast", ["whole"], ["narrow"], to=onnx.TensorProto.FLOAT),
        make("Clip", ["narrow", "low", "high"], ["kept"]),
        make("QuantizeLinear", ["kept", "one", "y_zero_point"], ["y"]),
    ]
    imports = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_function(DOMAIN, name, [*_FIRST, *more, *_LAST], ["y"], nodes, imports, attributes)


def are_known(onnx: Any, model: Any) -> bool:
    """Whether a model holds no functions but these, as they are written here."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    known = [function(onnx, name, versions.get("", 0)) for name in (AVERAGE, RESIZE)] if model.functions else []
    return all(found in known for found in model.functions)
