"""The ONNX graph of a quantised network. How values are rounded in it is left to a dialect.

Nodes and tensors have the names of the design; what lies between them is named after them with a slash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from qeopt.design import Design
from qeopt.export.arithmetic.geometry import flat_tensors, image_of, shape_of
from qeopt.export.arithmetic.numbers import Shape
from qeopt.export.arithmetic.quantised import Grid, QuantisedNetwork, Weights
from qeopt.export.arithmetic.reals import end_of
from qeopt.export.errors import ExportError, require
from qeopt.export.functions import LINEAR
from qeopt.export.layers import Layer, layers, spelled
from qeopt.export.onnx.functions import append_function
from qeopt.export.onnx.operators import Place, append, norm_constants
from qeopt.export.onnx.value import Graph
from qeopt.files import write_atomically
from qeopt.network import Op, OpKind, Tensor


class Dialect(Protocol):
    """How a format writes numbers of few bits."""

    def weights(self, graph: Graph, name: str, weights: Weights, input_scale: float) -> tuple[str, str]:
        """Append weights and bias of the operator called `name`; return the names of their real values."""
        ...

    def activation(self, graph: Graph, source: str, name: str, grid: Grid, shape: Shape) -> None:
        """Append the rounding of `source` to a grid, as the value called `name`."""
        ...

    def exact(self, graph: Graph, model: QuantisedNetwork, op: Op, doc: str) -> bool:
        """Append an operator that is computed in integers, with the rounding of what it writes; say whether the format has it."""
        ...


def onnx_model(
    design: Design, model: QuantisedNetwork, dialect: Dialect, opsets: dict[str, int], batch: int, origins: Mapping[str, str]
) -> Any:
    """Build an ONNX model.

    Args:
        design: What the model is made from.
        model: The same with numbers.
        dialect: How numbers of few bits are written.
        opsets: Version by domain.
        batch: Images in one run.
        origins: Where the numbers come from.

    Raises:
        ExportError: when the package `onnx` is missing, or the network has operators that cannot be written.
    """
    onnx = require("onnx", "onnx", "this format")
    graph = Graph(onnx, batch)
    image = image_of(model.network)
    pixels = graph.value(image.name, shape_of(image))
    dialect.activation(graph, pixels, rounded(image), model.grids[image.name], shape_of(image))
    flat = flat_tensors(model.network)
    for layer in layers(design, model.network):
        _append(graph, model, dialect, layer, flat)
    stated = {value.name: value for value in graph.values}
    outputs = {tensor.name for tensor in model.network.outputs}
    if image.name in outputs:  # an image that is wanted at the end too, as it is rounded
        outputs = (outputs - {image.name}) | {f"{image.name}/out"}
        stated[f"{image.name}/out"] = _as_output(onnx, graph, image.name, stated[rounded(image)])
    made = onnx.helper.make_graph(
        graph.nodes,
        model.network.name,
        [stated[pixels]],
        [stated[name] for name in stated if name in outputs],
        graph.initializers,
        value_info=[value for name, value in stated.items() if name not in outputs and name != pixels],
    )
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    imports += [onnx.helper.make_opsetid(domain, 1) for domain in {function.domain for function in graph.functions} - {*opsets}]
    proto = onnx.helper.make_model(made, opset_imports=imports, producer_name="qeopt", functions=graph.functions)
    proto.ir_version = onnx.helper.find_min_ir_version_for(imports, ignore_unknown=True)
    onnx.helper.set_model_props(proto, properties(design, origins))
    return proto


def _as_output(onnx: Any, graph: Graph, name: str, value: Any) -> Any:
    """Append another name for a value that the graph reads, under which it can be handed out."""
    graph.node("Identity", [value.name], f"{name}/out", f"{name}/out")
    made = onnx.helper.make_empty_tensor_value_info(f"{name}/out")
    made.type.CopyFrom(value.type)
    return made


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


def _append(graph: Graph, model: QuantisedNetwork, dialect: Dialect, layer: Layer, flat: frozenset[str]) -> None:
    """Append one operator with the function at its end, and the rounding of what it writes."""
    op, end, doc = layer.op, end_of(layer.op, model.functions), _describe(layer)
    inputs = [rounded(tensor) for tensor in op.inputs]
    names = [tensor.name for tensor in op.outputs]
    shapes = [shape_of(tensor)[: 1 if tensor.name in flat else 3] for tensor in op.outputs]
    if dialect.exact(graph, model, op, doc):
        return
    if op.kind is OpKind.ACTIVATION:
        slopes = model.slopes.get(op.name)
        given = "" if slopes is None else graph.constant(f"{op.name}/slopes", slopes.astype(np.float32))
        real = graph.value(f"{names[0]}/{end or 'real'}", shapes[0])
        append_function(graph, op, end, inputs[0], real, slopes=given, title=op.name, doc=doc)
        dialect.activation(graph, real, names[0], model.grids[names[0]], shapes[0])
        return
    learnt: list[str] = []
    if op.name in model.weights:
        learnt += dialect.weights(graph, op.name, model.weights[op.name], model.grids[op.inputs[0].name].scale)
    if op.name in model.norms:
        learnt += norm_constants(graph, op, model.norms[op.name])
    made = [graph.value(f"{name}/real", shape) for name, shape in zip(names, shapes, strict=True)]
    append(Place(graph, op, inputs, made, learnt, names[0] in flat, doc))
    if end != LINEAR:
        real = graph.value(f"{names[0]}/{end}", shapes[0])
        made[0] = append_function(graph, op, end, made[0], real)
    for real, name, shape in zip(made, names, shapes, strict=True):
        dialect.activation(graph, real, name, model.grids[name], shape)


def _describe(layer: Layer) -> str:
    """What a graph viewer shows of a node."""
    said = [f"input {layer.in_bits} bits, output {layer.out_bits} bits ({spelled(layer.output_bytes)} B)"]
    if layer.weight_bits:
        said.append(f"weights {layer.weight_bits} bits ({spelled(layer.weight_bytes)} B)")
        said.append(f"{layer.macs} MACs, {layer.bitops} bit operations")
    return "; ".join(said)


def properties(design: Design, origins: Mapping[str, str]) -> dict[str, str]:
    """What a model says of itself."""
    return {
        **{f"qeopt.{what.replace(' ', '_')}_from": where for what, where in origins.items()},
        "qeopt.study": design.study_name,
        "qeopt.version": design.provenance.made_by,
        "qeopt.score": repr(design.score),
        "qeopt.weight_bits": json.dumps(dict(design.weights)),
        "qeopt.activation_bits": json.dumps(dict(design.activations)),
        "qeopt.uses": json.dumps({name: use.used for name, use in design.uses.items()}),
    }
