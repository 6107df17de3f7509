"""ONNX Runtime on a file against ONNX Runtime on what the importer and the plain export make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from qeopt.export.arithmetic.numbers import filled
from qeopt.export.onnx.plain import plain_model
from qeopt.network import Network
from qeopt.network.importers import ImportedModel, import_model

Array = NDArray[Any]


def session(model: Any) -> onnxruntime.InferenceSession:
    """A session without fused kernels."""
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])


def arrays_of(found: ImportedModel) -> dict[str, Array]:
    """Learnt values by the names that exports know."""
    arrays: dict[str, Array] = {}
    for name, parameters in found.weights.items():
        arrays[name] = parameters.weights
        if parameters.bias is not None:
            arrays[f"{name}.bias"] = parameters.bias
    return arrays


def plain(found: ImportedModel, network: Network | None = None) -> Any:
    """The imported network as ONNX in single precision."""
    network = network or found.network
    ends = {op.name: op.function for op in network.ops}
    return plain_model(network, ends, filled(network, arrays_of(found), "oracle"))


def _is_constant(path: Path, name: str, fixed: set[str]) -> bool:
    """Whether an output is an initialiser under another name."""
    made = {node.output[0]: node for node in onnx.load(path).graph.node}
    while name in made and made[name].op_type == "Identity":
        name = made[name].input[0]
    return name in fixed


def largest_error(path: Path, images: list[Array], network: Any = None) -> float:
    """The largest difference of all outputs, over the largest value of the output."""
    found = import_model(path, values=True)
    made = plain(found, network(found.network) if network else None)
    onnx.checker.check_model(made, full_check=True)
    one, two = session(path.read_bytes()), session(made)
    wants = {value.name: value for value in two.get_inputs()}
    names = [value.name for value in one.get_inputs()]
    feeds = dict(zip(names, images, strict=True))
    fixed = {tensor.name for tensor in onnx.load(path).graph.initializer}
    ends = [name for name in (value.name for value in one.get_outputs()) if not _is_constant(path, name, fixed)]
    expected = one.run(ends, feeds)
    given = {}
    for name, wanted in wants.items():
        image, shape = feeds[name], list(wanted.shape)
        if image.ndim == 4 and list(image.shape) != shape and [image.shape[0], image.shape[3], *image.shape[1:3]] == shape:
            image = image.transpose(0, 3, 1, 2)
        given[name] = image.reshape(shape)
    got = two.run(None, given)
    worst = 0.0
    rest = list(got)
    for output in expected:
        fits = [index for index, other in enumerate(rest) if other.size == output.size]
        assert fits, f"no output of {output.size} values; {[other.size for other in rest]}"
        errors = [float(np.abs(rest[index].ravel() - output.ravel()).max() / max(np.abs(output).max(), 1e-3)) for index in fits]
        worst = max(worst, min(errors))
    return worst
