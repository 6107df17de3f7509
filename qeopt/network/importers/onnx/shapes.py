"""Infer every shape of an ONNX graph, strictly, for one image."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from qeopt.network.importers.model import ImportOptions, refuse
from qeopt.network.importers.onnx.file import load_onnx

Dims = tuple[int, ...]

QUANTISERS = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc"})
"""QONNX operators: they keep the shape, which standard inference does not know."""
SMALL = 4096
"""Values of constants that shape inference may look at: sizes, axes, scales."""
_STAND_IN = "Identity"


def infer(path: Path, model: Any, options: ImportOptions) -> dict[str, Dims]:
    """Return the shape of every value whose shape can be known, with a batch of one.

    Raises:
        SpecError: the graph contradicts itself, or leaves the size of its image open.
    """
    onnx = load_onnx()
    constants = {tensor.name for tensor in model.graph.initializer}
    copy = _without_values(onnx, model)
    graph = copy.graph
    _take_out(onnx, graph, options)
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise refuse(path, f"{len(inputs)} inputs ({', '.join(value.name for value in inputs[:5])}); one image was expected")
    _fix_input(path, inputs[0], options)
    try:
        inferred = onnx.shape_inference.infer_shapes(copy, strict_mode=True, data_prop=True)
    except Exception as error:  # the inference is another library's: whatever it says, the file is at fault
        raise refuse(path, f"shapes do not fit each other: {' '.join(str(error).split())[:300]}") from None
    found: dict[str, Dims] = {}
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        dims = _dims(value)
        if dims is not None:
            found[value.name] = dims
    found.update({tensor.name: tuple(tensor.dims) for tensor in graph.initializer})
    return found


def _without_values(onnx: Any, model: Any) -> Any:
    """A copy in which large constants, and those in files of their own, are inputs: shapes do not depend on their values."""
    copy = onnx.ModelProto(ir_version=model.ir_version)
    copy.opset_import.extend(model.opset_import)
    graph = copy.graph
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    graph.value_info.extend(model.graph.value_info)
    known = {value.name for value in graph.input}
    for tensor in model.graph.initializer:
        if prod(tensor.dims) <= SMALL and tensor.data_location != 1:
            graph.initializer.append(tensor)
        elif tensor.name not in known:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return copy


def _take_out(onnx: Any, graph: Any, options: ImportOptions) -> None:
    """Replace or drop what standard inference does not know; the rest is inferred, whatever the file states."""
    told = {value.name: _dims(value) for value in graph.value_info}
    moved = {name for node in graph.node if escape_of(node, options) == "move" for name in node.output}
    kept, gone = [], set[str]()
    for node in graph.node:
        escape = escape_of(node, options)
        if is_quantiser(node) or escape in {"identity", "activation"}:
            _stand_in(node)
        if escape == "cut" or not gone.isdisjoint(node.input):
            gone.update(node.output)
        elif escape != "move":
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    del graph.value_info[:]
    graph.value_info.extend(
        onnx.helper.make_tensor_value_info(name, 1, dims) for name in sorted(moved) if (dims := told.get(name)) is not None
    )


def escape_of(node: Any, options: ImportOptions) -> str | None:
    """What the user says of a node, by its name or its operator's type."""
    return options.treat_as.get(node.name) or options.treat_as.get(node.op_type)


def is_quantiser(node: Any) -> bool:
    """Whether a node is one of QONNX's."""
    return node.op_type in QUANTISERS and ("qonnx" in node.domain or "finn" in node.domain)


def _stand_in(node: Any) -> None:
    node.op_type, node.domain = _STAND_IN, ""
    del node.input[1:]
    del node.output[1:]
    del node.attribute[:]


def _fix_input(path: Path, value: Any, options: ImportOptions) -> None:
    """Give the image a batch of one and the sides that the user states."""
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        raise refuse(path, f"the shape of the input {value.name!r} is not stated")
    dims = value.type.tensor_type.shape.dim
    if not 2 <= len(dims) <= 4:
        raise refuse(path, f"the input {value.name!r} has {len(dims)} dimensions; 2 to 4 were expected, the batch first")
    dims[0].ClearField("dim_param")
    dims[0].dim_value = 1
    sides: Mapping[int, Dims] = {} if options.input is None else {4: (options.input[2], *options.input[:2]), 2: (options.input[2],)}
    for index, dim in enumerate(dims[1:]):
        if dim.dim_value > 0:
            continue
        if len(dims) not in sides:
            raise refuse(
                path, f"the input {value.name!r} leaves dimension {index + 1} open; state `input: [height, width, channels]`"
            )
        dim.ClearField("dim_param")
        dim.dim_value = sides[len(dims)][index]


def _dims(value: Any) -> Dims | None:
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        return None
    dims = tuple(dim.dim_value if dim.HasField("dim_value") else 0 for dim in value.type.tensor_type.shape.dim)
    return dims if all(side > 0 for side in dims) else None
