"""Weights and multiply-accumulates of a model file, counted from its own operators by nothing that the importers use."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.shape_inference

SAMPLES = 16_000
"""Values of a sound whose length is left open."""


class UncountableError(Exception):
    """A shape is not known, or an operator has weights that are not stored."""


def sides_of(path: Path, usual: tuple[int, int, int]) -> list[int]:
    """Height, width and channels of the image of an ONNX file, the usual ones where it leaves them open."""
    graph = onnx.load(path, load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    dims = [dim.dim_value for dim in next(value for value in graph.input if value.name not in stored).type.tensor_type.shape.dim]
    if len(dims) == 2:
        return [1, 1, dims[1] or SAMPLES]
    image = dims[1:] if dims[-1] in {1, 3} else [*dims[2:], dims[1]]
    return [max(side, 0) or other for side, other in zip([1] * (3 - len(image)) + image, usual, strict=True)]


def of_onnx(path: Path, sides: list[int] | None) -> tuple[int, int]:
    """Weights, each stored tensor once, and multiply-accumulates of an image.

    Raises:
        UncountableError: shapes stay open.
    """
    model = onnx.load(path)
    graph = model.graph
    stored = _stored(graph)
    _close(graph, stored, sides)
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception as error:
        raise UncountableError(str(error)) from None
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*inferred.value_info, *inferred.output, *inferred.input)
    } | stored
    shapes |= _shapes_at_work(model, [node for node in graph.node if node.op_type in WEIGHTED], shapes)
    seen: dict[str, int] = {}
    total = 0
    for node in graph.node:
        if node.op_type not in WEIGHTED:
            continue
        at = WEIGHTED[node.op_type]
        kernel = stored.get(node.input[at])
        read, written = shapes.get(node.input[0]), shapes.get(node.output[0])
        if kernel is None or not written or not all(written) or not read or not all(read):
            raise UncountableError(f"{node.op_type} {node.name}")
        seen[node.input[at]] = prod(kernel)
        if node.op_type == "ConvTranspose":
            total += prod(kernel[1:]) * prod(read)
        elif node.op_type in {"Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"}:
            flag = next((attribute.i for attribute in node.attribute if attribute.name == "transB"), 0)
            total += prod(written) * kernel[-1 if flag else -2]
        else:
            total += prod(written) * prod(kernel[1:])
    return sum(seen.values()), total


def _shapes_at_work(model: Any, nodes: list[Any], shapes: dict[str, list[int]]) -> dict[str, list[int]]:
    """Shapes that cannot be inferred, as they are when ONNX Runtime runs the file on zeros."""
    wanted = sorted({name for node in nodes for name in (node.input[0], node.output[0]) if not all(shapes.get(name) or [0])})
    if not wanted:
        return {}
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - seldom needed

    given = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in model.graph.input}
    stored = {tensor.name for tensor in model.graph.initializer}
    if not all(all(dims) for name, dims in given.items() if name not in stored):
        return {}
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    del whole.graph.output[:]
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    session = onnxruntime.InferenceSession(whole.SerializeToString(), providers=["CPUExecutionProvider"])
    zeros = {name: np.zeros(dims, np.float32) for name, dims in given.items() if name not in stored}
    return {name: list(values.shape) for name, values in zip(wanted, session.run(wanted, zeros), strict=True)}


WEIGHTED = {
    "Conv": 1,
    "ConvInteger": 1,
    "QLinearConv": 3,
    "ConvTranspose": 1,
    "Gemm": 1,
    "MatMul": 1,
    "MatMulInteger": 1,
    "QLinearMatMul": 3,
}
"""By operator with weights: which input they are."""


def _stored(graph: Any) -> dict[str, list[int]]:
    """Shapes of constants, and of what is a constant in another type."""
    values = {tensor.name: tensor for tensor in graph.initializer}
    stored = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            tensor = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
            if tensor is not None:
                stored[node.output[0]] = list(tensor.dims)
        elif node.op_type == "ConstantOfShape" and node.input[0] in values:
            stored[node.output[0]] = [int(side) for side in onnx.numpy_helper.to_array(values[node.input[0]])]
        elif node.op_type in {"Identity", "DequantizeLinear", "QuantizeLinear", "Cast"} and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]]
    return stored


def _close(graph: Any, stored: dict[str, list[int]], sides: list[int] | None) -> None:
    """State the sides that inputs leave open."""
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name in stored or not dims:
            continue
        open_ = [index for index, dim in enumerate(dims) if dim.dim_value <= 0]
        if open_ and open_[0] == 0:
            dims[0].dim_value = 1
        if len(dims) == 4 and sides and len(open_) > 1:
            order = [1, sides[0], sides[1], sides[2]] if dims[3].dim_value == sides[2] else [1, sides[2], sides[0], sides[1]]
            for dim, side in zip(dims, order, strict=True):
                dim.dim_value = max(dim.dim_value, 0) or side


def of_tflite(path: Path, _: list[int] | None) -> tuple[int, int]:
    """The same of a TFLite file, read by the package `tflite`.

    Raises:
        UncountableError: weights are computed.
    """
    import tflite  # type: ignore[import-untyped]  # noqa: PLC0415

    model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    codes = tflite.BuiltinOperator
    places = {codes.CONV_2D: 1, codes.DEPTHWISE_CONV_2D: 1, codes.FULLY_CONNECTED: 1, codes.TRANSPOSE_CONV: 1}
    seen: dict[int, int] = {}
    total = 0
    spread = _spread(model, graph, codes)
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = _code(model, operator)
        if code not in places:
            continue
        kernel = operator.Inputs(places[code])
        shape = [int(side) for side in graph.Tensors(kernel).ShapeAsNumpy()]
        held = _held(model, graph, spread.get(kernel, kernel))
        if not held:
            raise UncountableError("weights that are computed")
        written = [int(side) for side in graph.Tensors(operator.Outputs(0)).ShapeAsNumpy()]
        read = [int(side) for side in graph.Tensors(operator.Inputs(2 if code == codes.TRANSPOSE_CONV else 0)).ShapeAsNumpy()]
        seen[spread.get(kernel, kernel)] = prod(shape)
        if code == codes.CONV_2D:
            total += prod(written) * prod(shape[1:])
        elif code == codes.DEPTHWISE_CONV_2D:
            total += prod(written) * prod(shape[1:3])
        elif code == codes.FULLY_CONNECTED:
            total += prod(written) * shape[1]
        else:
            total += prod(read) * prod(shape[:3])
    return sum(seen.values()), total


def _code(model: Any, operator: Any) -> int:
    entry = model.OperatorCodes(operator.OpcodeIndex())
    return int(max(entry.BuiltinCode(), entry.DeprecatedBuiltinCode()))


def _held(model: Any, graph: Any, tensor: int) -> int:
    return int(model.Buffers(graph.Tensors(tensor).Buffer()).DataLength())


def _spread(model: Any, graph: Any, codes: Any) -> dict[int, int]:
    """By tensor that is a stored one in another type: that one."""
    found = {}
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        if _code(model, operator) in {codes.DEQUANTIZE, codes.DENSIFY}:
            source = found.get(operator.Inputs(0), operator.Inputs(0))
            if _held(model, graph, source):
                found[operator.Outputs(0)] = source
    return found
