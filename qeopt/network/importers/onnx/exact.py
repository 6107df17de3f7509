"""Functions that exports of 8 bits hold: what divides, in the integers of its input, to the bit.

Each has the name, the first inputs and the attributes of an operator on integers of ONNX Runtime, or what such a one would have,
and is read as that. What else it reads are the numbers by which it turns integers into integers of the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOMAIN = "qeopt"
AVERAGE, RESIZE, SOFTMAX, NORM = "QLinearAveragePool", "QLinearResize", "QLinearSoftmax", "QLinearLayerNormalization"
WINDOW = ("kernel_shape", "strides", "pads", "dilations")
_FIRST = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point")
_READS: Mapping[str, tuple[str, ...]] = {
    AVERAGE: ("ones", "factors"),
    RESIZE: ("sizes", "rows", "columns", "factors"),
    SOFTMAX: ("axes", "terms", "numerators"),
    NORM: ("scale", "bias", "channels", "widening", "epsilon", "unit", "factors", "summands"),
}
_LAST = ("low", "high")
"""The ends of the output's integers, their zero point apart."""
_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    AVERAGE: (*WINDOW, "count_include_pad", "group"),
    RESIZE: ("mode", "coordinate_transformation_mode"),
    SOFTMAX: ("axis",),
    NORM: ("axis", "epsilon"),
}


def function(onnx: Any, name: str, opset: int) -> Any:
    """A function in standard operators, of a version from 21 on. Integers are exact in their types; halves go to the even one.

    An average reads weights of 1, (channels, 1, height, width) of its window. A resize reads the sides of what it writes, and how
    many shares of each row that it reads those that it writes take, (rows written, rows read), and of each column, the other way
    round. Sums are exact in single precision below 2^24, and the products with factors of 31 bits, (height, width) of the output or
    one, in double precision below 2^53.

    A softmax reads, as doubles, what it sums and what it divides by the sum, by how many steps a value lies below the largest. A
    layer normalisation, over the last axis, reads its factors and summands for who reads the file, and as doubles: how many
    channels there are, what the variance is multiplied by and what is then added before the root is taken, the unit of a
    normalised value, and the factors and summands of what is rounded at the end. A quotient of their integers is half an integer
    or lies further from one than the double next to that, so the rounding of doubles changes nothing.
    """
    make = onnx.helper.make_node
    nodes = [
        make("Constant", [], ["one"], value_float=1.0),
        make("DequantizeLinear", ["x", "one", "x_zero_point"], ["integers"]),
        *_BODIES[name](onnx),
        make("Round", ["exact"], ["whole"]),
        make("Cast", ["whole"], ["narrow"], to=onnx.TensorProto.FLOAT),
        make("Clip", ["narrow", "low", "high"], ["kept"]),
        make("QuantizeLinear", ["kept", "one", "y_zero_point"], ["y"]),
    ]
    imports = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_function(DOMAIN, name, [*_FIRST, *_READS[name], *_LAST], ["y"], nodes, imports, _ATTRIBUTES[name])


def are_known(onnx: Any, model: Any) -> bool:
    """Whether a model holds no functions but these, as they are written here."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    known = [function(onnx, name, versions.get("", 0)) for name in _BODIES] if model.functions else []
    return all(found in known for found in model.functions)


def _average(onnx: Any) -> list[Any]:
    summing = onnx.helper.make_node("Conv", ["integers", "ones"], ["sums"])
    for told in (*WINDOW, "group"):
        kind = onnx.AttributeProto.INT if told == "group" else onnx.AttributeProto.INTS
        summing.attribute.append(onnx.AttributeProto(name=told, ref_attr_name=told, type=kind))
    return [summing, *_product(onnx)]


def _resize(onnx: Any) -> list[Any]:
    make = onnx.helper.make_node
    by_row = make("MatMul", ["rows", "integers"], ["by_row"])
    return [by_row, make("MatMul", ["by_row", "columns"], ["sums"]), *_product(onnx)]


def _product(onnx: Any) -> list[Any]:
    make = onnx.helper.make_node
    return [make("Cast", ["sums"], ["wide"], to=onnx.TensorProto.DOUBLE), make("Mul", ["wide", "factors"], ["exact"])]


def _softmax(onnx: Any) -> list[Any]:
    make = onnx.helper.make_node
    return [
        make("ReduceMax", ["integers", "axes"], ["largest"]),
        make("Sub", ["largest", "integers"], ["below"]),
        make("Cast", ["below"], ["places"], to=onnx.TensorProto.INT32),
        make("Gather", ["terms", "places"], ["powers"]),
        make("Gather", ["numerators", "places"], ["shares"]),
        make("ReduceSum", ["powers", "axes"], ["sum"]),
        make("Div", ["shares", "sum"], ["exact"]),
    ]


def _norm(onnx: Any) -> list[Any]:
    make = onnx.helper.make_node
    return [
        make("Constant", [], ["last"], value_ints=[-1]),
        make("Cast", ["integers"], ["wide"], to=onnx.TensorProto.DOUBLE),
        make("ReduceSum", ["wide", "last"], ["sum"]),
        make("Mul", ["wide", "channels"], ["times"]),
        make("Sub", ["times", "sum"], ["apart"]),
        make("Mul", ["wide", "times"], ["squares"]),
        make("ReduceSum", ["squares", "last"], ["squares_sum"]),
        make("Mul", ["sum", "sum"], ["sum_square"]),
        make("Sub", ["squares_sum", "sum_square"], ["variance"]),
        make("Mul", ["variance", "widening"], ["widened"]),
        make("Add", ["widened", "epsilon"], ["square"]),
        make("Sqrt", ["square"], ["real_root"]),
        make("Floor", ["real_root"], ["root"]),
        make("Mul", ["apart", "unit"], ["numerators"]),
        make("Div", ["numerators", "root"], ["quotients"]),
        make("Round", ["quotients"], ["normal"]),
        make("Mul", ["normal", "factors"], ["products"]),
        make("Add", ["products", "summands"], ["exact"]),
    ]


_BODIES = {AVERAGE: _average, RESIZE: _resize, SOFTMAX: _softmax, NORM: _norm}
