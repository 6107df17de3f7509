"""Plain ONNX in single precision: the network of a design without its bits, to be compared with the file it came from."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from qeopt.design import Design
from qeopt.export.arithmetic.geometry import flat_tensors, shape_of
from qeopt.export.arithmetic.numbers import Arrays, Numbers, filled, read_weights
from qeopt.export.errors import require
from qeopt.export.functions import LINEAR, functions
from qeopt.export.onnx.functions import append_function
from qeopt.export.onnx.graph import properties, save
from qeopt.export.onnx.operators import Place, append
from qeopt.export.onnx.value import Graph
from qeopt.network import Network, Op, OpKind

OPSET = 22


class OnnxPlain(Numbers):
    """ONNX in single precision, with the weights of a file, or random ones."""

    SUFFIX: ClassVar[str] = ".float.onnx"

    kind: Literal["onnx"] = "onnx"
    """Says that this is ONNX in single precision."""
    batch: Annotated[int, Field(ge=1, le=4096)] = 1
    """Images in one run."""

    def leaves_out(self, design: Design) -> Collection[str]:
        """Nothing: see `Numbers`."""
        return ()

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the model."""
        network = design.network()
        arrays = {} if self.weights is None else read_weights(self.weights, network)
        seed = f"{design.study_name}/{design.provenance.seed}"
        ends = functions(design, network)
        proto = plain_model(network, ends, filled(network, arrays, seed), self.batch)
        origins = {"weights": "random" if self.weights is None else str(self.weights)}
        require("onnx", "onnx", "this format").helper.set_model_props(proto, properties(design, origins))
        return save(proto, out)


def plain_model(network: Network, ends: Any, arrays: Arrays, batch: int = 1) -> Any:
    """Build an ONNX model of a network in single precision.

    Args:
        network: The network.
        ends: Function at the end of each operator, by name.
        arrays: Weights and constants, by name.
        batch: Images in one run.

    Raises:
        ExportError: when ONNX has no operator for something, or the package `onnx` is missing.
    """
    onnx = require("onnx", "onnx", "this format")
    graph, flat = Graph(onnx, batch), flat_tensors(network)
    images = [graph.value(tensor.name, shape_of(tensor)) for tensor in network.sources]
    for op in network.ops:
        for tensor in op.outputs:
            graph.value(tensor.name, shape_of(tensor)[: 1 if tensor.name in flat else 3])
        _append(graph, op, ends[op.name], arrays, flat)
    stated = {value.name: value for value in graph.values}
    results = {tensor.name for tensor in network.outputs}
    outputs = []
    for name, value in stated.items():
        if name in results and name in images:  # an image that is wanted at the end too
            graph.node("Identity", [name], f"{name}/out", f"{name}/out")
            outputs.append(onnx.helper.make_tensor_value_info(f"{name}/out", onnx.TensorProto.FLOAT, None))
            outputs[-1].type.CopyFrom(value.type)
        elif name in results:
            outputs.append(value)
    inner = [value for name, value in stated.items() if name not in results and name not in images]
    inputs = [stated[name] for name in images]
    made = onnx.helper.make_graph(graph.nodes, network.name, inputs, outputs, graph.initializers, value_info=inner)
    imports = [onnx.helper.make_opsetid("", OPSET)]
    proto = onnx.helper.make_model(made, opset_imports=imports, producer_name="qeopt")
    proto.ir_version = onnx.helper.find_min_ir_version_for(imports)
    return proto


def _append(graph: Graph, op: Op, end: str, arrays: Arrays, flat: frozenset[str]) -> None:
    inputs = [tensor.name for tensor in op.inputs]
    outputs = [tensor.name for tensor in op.outputs]
    learnt = [
        graph.constant(f"{op.name}/{role}", arrays[key].astype(np.float32)) if key in arrays else ""
        for role, key in (("weights", op.name), ("bias", f"{op.name}.bias"))
    ]
    if op.has_weights:
        learnt = [name for name in learnt if name]
    flat_output = outputs[0] in flat
    if op.kind is OpKind.ACTIVATION:
        append_function(graph, op, end, inputs[0], outputs[0], slopes=learnt[0], title=op.name)
    elif end == LINEAR or op.kind in {OpKind.PAD, OpKind.RESIZE}:
        append(Place(graph, op, inputs, outputs, learnt, flat_output))
    else:
        real = f"{outputs[0]}/real"
        append(Place(graph, op, inputs, [real, *outputs[1:]], learnt, flat_output))
        append_function(graph, op, end, real, outputs[0])
