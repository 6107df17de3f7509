"""The ONNX graph of a quantised network. How values are rounded in it is left to a dialect.

Nodes and tensors have the names of the design; what lies between them is named after them with a slash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qeopt.design import Design
from qeopt.export.errors import ExportError, require
from qeopt.export.functions import LINEAR
from qeopt.export.geometry import image_of, shape_of, vectors
from qeopt.export.layers import Layer, layers, spelled
from qeopt.export.numbers import Shape
from qeopt.export.quantised import Grid, QuantisedNetwork, Weights
from qeopt.files import write_atomically
from qeopt.network import OpKind, Tensor


class Dialect(Protocol):
    """How a format writes numbers of few bits."""

    def weights(self, graph: Graph, name: str, weights: Weights, input_scale: float) -> tuple[str, str]:
        """Append weights and bias of the operator called `name`; return the names of their real values."""
        ...

    def activation(self, graph: Graph, source: str, name: str, grid: Grid, shape: Shape) -> None:
        """Append the rounding of `source` to a grid, as the value called `name`."""
        ...


@dataclass
class Graph:
    """A graph in the making."""

    onnx: Any
    batch: int
    nodes: list[Any] = field(default_factory=list)
    initializers: list[Any] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def node(
        self,
        kind: str,
        inputs: list[str],
        output: str,
        name: str,
        doc: str = "",
        attributes: Mapping[str, Any] | None = None,
        domain: str = "",
    ) -> str:
        """Append a node of one output and return the output's name."""
        given = attributes or {}
        made = self.onnx.helper.make_node(kind, inputs, [output], name=name, doc_string=doc, domain=domain, **given)
        self.nodes.append(made)
        return output

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Append an array as an initializer and return its name."""
        self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def integers(self, name: str, kind: str, array: NDArray[np.int64]) -> str:
        """Append integers of an ONNX type (INT4, UINT8, ...) as an initializer and return its name."""
        tensor_type = getattr(self.onnx.TensorProto, kind)
        self.initializers.append(self.onnx.helper.make_tensor(name, tensor_type, array.shape, array.ravel().tolist()))
        return name

    def value(self, name: str, shape: Shape, kind: str = "FLOAT") -> str:
        """State the type and shape of a value, which shape inference does not find behind custom nodes; the batch comes first."""
        return self.fixed(name, (self.batch, *shape), kind)

    def fixed(self, name: str, shape: Shape, kind: str = "FLOAT") -> str:
        """State the type and shape of a value that has no batch."""
        self.values.append(self.onnx.helper.make_tensor_value_info(name, getattr(self.onnx.TensorProto, kind), shape))
        return name


def onnx_model(design: Design, model: QuantisedNetwork, dialect: Dialect, opsets: dict[str, int], batch: int) -> Any:
    """Build an ONNX model.

    Args:
        design: What the model is made from.
        model: The same with numbers.
        dialect: How numbers of few bits are written.
        opsets: Version by domain.
        batch: Images in one run.

    Raises:
        ExportError: when the package `onnx` is missing, or the network has operators that cannot be written.
    """
    onnx = require("onnx", "onnx", "this format")
    graph = Graph(onnx, batch)
    image = image_of(model.network)
    pixels = graph.value(image.name, shape_of(image))
    dialect.activation(graph, pixels, rounded(image), model.grids[image.name], shape_of(image))
    flat = vectors(model.network)
    for layer in layers(design, model.network):
        name = layer.op.output.name
        shape = shape_of(layer.op.output)[: 1 if name in flat else 3]
        real = _compute(graph, model, dialect, layer, shape)
        if model.functions[layer.op.name] != LINEAR:
            real = _apply(graph, model.functions[layer.op.name], real, layer, shape)
        dialect.activation(graph, real, name, model.grids[name], shape)
    stated = {value.name: value for value in graph.values}
    outputs = {tensor.name for tensor in model.network.outputs}
    made = onnx.helper.make_graph(
        graph.nodes,
        model.network.name,
        [stated[pixels]],
        [stated[name] for name in stated if name in outputs],
        graph.initializers,
        value_info=[value for name, value in stated.items() if name not in outputs and name != pixels],
    )
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    proto = onnx.helper.make_model(made, opset_imports=imports, producer_name="qeopt")
    proto.ir_version = onnx.helper.find_min_ir_version_for(imports, ignore_unknown=True)
    onnx.helper.set_model_props(proto, _properties(design))
    return proto


def save(proto: Any, out: Path) -> tuple[Path, ...]:
    """Check a model and write it.

    Raises:
        ExportError: when the model does not pass the checker of the package `onnx`.
    """
    onnx = require("onnx", "onnx", "this format")
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the ONNX checker refuses the model: {error}") from error
    write_atomically(out, proto.SerializeToString(deterministic=True))
    return (out,)


def rounded(tensor: Tensor) -> str:
    """Name of the value that holds a tensor on its grid. The image enters under its name, so what it is rounded to has another."""
    return f"{tensor.name}/rounded" if tensor.is_image else tensor.name


def _compute(graph: Graph, model: QuantisedNetwork, dialect: Dialect, layer: Layer, shape: Shape) -> str:
    """Append one operator up to its function and return the name of its real output."""
    op, found = layer.op, layer.window
    inputs = [rounded(tensor) for tensor in op.inputs]
    if op.kind is OpKind.ACTIVATION:
        return inputs[0]
    if op.kind is OpKind.DENSE:
        flat = graph.value(f"{op.name}/flat", (int(op.inputs[0].elements),))
        inputs = [graph.node("Flatten", inputs, flat, flat)]
    if op.has_weights:
        inputs += dialect.weights(graph, op.name, model.weights[op.name], model.grids[op.inputs[0].name].scale)
    places = {"kernel_shape": [found.height, found.width], "strides": list(found.strides), "pads": list(found.pads)}
    dilations = {"dilations": list(found.dilation)}
    terms: dict[str, Any]
    match op.kind:
        case OpKind.CONV | OpKind.DEPTHWISE:
            groups = int(op.inputs[0].channels) // model.weights[op.name].values.shape[1]
            kind, terms = "Conv", {**places, **dilations, "group": groups}
        case OpKind.DENSE:
            kind, terms = "Gemm", {"transB": 1}
        case OpKind.POOL:
            kind, terms = "AveragePool", {**places, "count_include_pad": 0}
        case OpKind.MAX_POOL:
            kind, terms = "MaxPool", {**places, **dilations}
        case OpKind.ADD | OpKind.MUL:
            kind, terms = ("Add" if op.kind is OpKind.ADD else "Mul"), {}
        case OpKind.CONCAT:
            kind, terms = "Concat", {"axis": 1}
        case _:
            raise ExportError(f"{op.name!r} is of the kind {op.kind}, which this format cannot write")
    return graph.node(kind, inputs, graph.value(f"{op.output.name}/real", shape), op.name, _describe(layer), terms)


def _apply(graph: Graph, function: str, real: str, layer: Layer, shape: Shape) -> str:
    """Append the function of an operator; where the operator is nothing else, the node has its name."""
    output = graph.value(f"{layer.op.output.name}/{function}", shape)
    name, doc = (layer.op.name, _describe(layer)) if layer.op.kind is OpKind.ACTIVATION else (output, "")
    if function == "relu6":
        ends = [graph.constant(f"{output}/{end}", np.array(value, np.float32)) for end, value in (("low", 0.0), ("high", 6.0))]
        return graph.node("Clip", [real, *ends], output, name, doc)
    return graph.node("Relu", [real], output, name, doc)


def _describe(layer: Layer) -> str:
    """What a graph viewer shows of a node."""
    said = [f"input {layer.in_bits} bits, output {layer.out_bits} bits ({spelled(layer.output_bytes)} B)"]
    if layer.weight_bits:
        said.append(f"weights {layer.weight_bits} bits ({spelled(layer.weight_bytes)} B)")
        said.append(f"{layer.macs} MACs, {layer.bitops} bit operations")
    return "; ".join(said)


def _properties(design: Design) -> dict[str, str]:
    return {
        "qeopt.study": design.study_name,
        "qeopt.version": design.provenance.versions["qeopt"],
        "qeopt.score": repr(design.score),
        "qeopt.weight_bits": json.dumps(dict(design.weights)),
        "qeopt.activation_bits": json.dumps(dict(design.activations)),
        "qeopt.uses": json.dumps({name: use.used for name, use in design.uses.items()}),
    }
