"""What exports of an ONNX file compute: floats and 8 bits beside the file in ONNX Runtime, 8 bits beside the integer reference."""

from __future__ import annotations

import tempfile
from math import prod, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from qeopt.design import Design
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.exporter import export
from qeopt.export.reference import run
from qeopt.network.importers import ImportOptions
from qeopt.spec.errors import QeoptError
from qeopt.verbs.bits import bits

IMAGES = 4
"""Random images that are compared, and as many others that choose scales; one each where a network takes long."""
RANKING = frozenset({"Softmax", "LogSoftmax", "Sigmoid"})
"""Functions that exports may leave out at the very end of a network: they change no ranking."""
COPIES = frozenset({"Identity", "QuantizeLinear", "DequantizeLinear", "Clip"})
"""Operators after which values are the same, or are rounded."""
LONG = 2_000_000_000
"""Multiply-accumulates of a network that takes long."""


def computed(path: Path, options: ImportOptions, macs: int) -> dict[str, Any]:
    """How exports follow the file on random images, and where that of 8 bits differs from the reference in integers."""
    told: dict[str, Any] = {}
    count = 1 if macs > LONG else IMAGES
    with tempfile.TemporaryDirectory() as folder:
        names = ("whole.onnx", "floats.onnx", "fine.onnx", "exact.onnx", "images.npy")
        whole, floats, fine, exact, images = (Path(folder) / name for name in names)
        source = whole if with_values(path, whole) else path
        try:
            answer = bits(
                source, runtime="ideal", budgets={"sram": "unlimited", "flash": "unlimited"}, weights=(8,), activations=(8,),
                options=options, overrides=("search.baselines=[]",),
            ).solution  # fmt: skip
            if answer.design is None:
                return {"export": answer.reason}
            (image,) = answer.design.network().sources
            shape = (int(image.channels), int(image.height), int(image.width))
            np.save(images, np.random.default_rng(2).random((count, *shape), np.float32))
            export(answer.design, "onnx", floats, {"weights": str(source)})
            told |= {"floats": followed(source, floats, count).get("error")}
            export(answer.design, "onnx-qdq", fine, {"weights": str(source), "data": str(images)})
            told |= followed(source, fine, count)
            if "correlation" in told:
                np.save(images, np.load(images)[:1])
                numbers = Numbers(weights=source, data=images, calibration="min-max", power_of_two=True)
                export(answer.design, "onnx-qdq", exact, numbers.model_dump() | {"weights": str(source), "data": str(images)})
                told |= differing(answer.design, numbers, exact)
        except QeoptError as error:
            return told | {"export": str(error)}
    return told


def with_values(path: Path, out: Path) -> bool:
    """Write the file with random weights where those that it has are constants of one value; say whether it had such."""
    model = onnx.load(path)
    rng = np.random.default_rng(0)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.data_type == 7}
    made = [node for node in model.graph.node if node.op_type == "ConstantOfShape" and node.input[0] in stored]
    for node in made:
        dims = stored[node.input[0]].tolist()
        values = rng.normal(0, 1 / sqrt(max(prod(dims[1:]), 1)), dims) if len(dims) > 1 else np.abs(rng.normal(1, 0.1, dims))
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values, np.float32), node.output[0]))
        model.graph.node.remove(node)
    if made:
        onnx.save(model, out, save_as_external_data=True, location=f"{out.stem}.values")  # a model of more than 512 MiB is not read
    return bool(made)


def followed(path: Path, export_of_it: Path, count: int) -> dict[str, Any]:
    """Correlation of the first output of a file with that of its export, and the largest error, of the largest value."""
    other = started(export_of_it)
    session = started(before_ranking(onnx.load(path), onnx.load(export_of_it)))
    given, wanted = session.get_inputs(), other.get_inputs()
    rng, pairs = np.random.default_rng(0), []
    for _ in range(count):
        image = rng.random(tuple(wanted[0].shape), np.float32)
        theirs = image
        if len(given[0].shape) == 4 and given[0].shape[3] == wanted[0].shape[1] and given[0].shape[1] != wanted[0].shape[1]:
            theirs = image.transpose(0, 2, 3, 1)
        elif len(given[0].shape) != 4:
            theirs = image.reshape([side if isinstance(side, int) and side > 0 else 1 for side in given[0].shape])
        said, got = session.run(None, {given[0].name: theirs}), other.run(None, {wanted[0].name: image})
        pairs.append((said[0].ravel(), next((one.ravel() for one in got if one.size == said[0].size), None)))
    if any(one is None for _, one in pairs):
        return {"export": "writes no output of the size of the first one"}
    expected, found = (np.concatenate([np.asarray(pair[side], np.float64) for pair in pairs]) for side in (0, 1))
    error = float(np.abs(expected - found).max() / np.abs(expected).max()) if expected.any() else None
    expected, found = expected - expected.mean(), found - found.mean()
    scale = float(np.linalg.norm(expected) * np.linalg.norm(found))
    return {"error": error, "correlation": round(float(expected @ found) / scale, 4) if scale else None}


def before_ranking(model: Any, export_of_it: Any) -> bytes:
    """A file with what its first output ranks as the first output, where the export leaves the ranking out."""
    last = maker(model, model.graph.output[0].name)
    kept = {getattr(maker(export_of_it, value.name), "op_type", "") for value in export_of_it.graph.output}
    if last is not None and last.op_type in RANKING - kept:
        if last.input[0] not in {value.name for value in model.graph.output}:
            model.graph.output.append(onnx.helper.make_empty_tensor_value_info(last.input[0]))
        every = {value.name: value for value in model.graph.output}
        first = every.pop(last.input[0])
        del model.graph.output[:]
        model.graph.output.extend([first, *every.values()])
    return bytes(model.SerializeToString())


def maker(model: Any, value: str) -> Any:
    """The node that makes a value, but for copies and rounding; None for an input."""
    made = {output: node for node in model.graph.node for output in node.output}
    last = made.get(value)
    while last is not None and last.op_type in COPIES:
        last = made.get(last.input[0])
    return last


def differing(design: Design, numbers: Numbers, exact: Path) -> dict[str, Any]:
    """How many values of all outputs of an export, whose scales are powers of two, are not those of the reference; of how many."""
    model = quantised(design, numbers)
    session = started(exact)
    image = np.random.default_rng(1).random(tuple(session.get_inputs()[0].shape), np.float32)
    expected = run(model, image.astype(np.float64))
    wrong = values = 0
    for result, found in zip(model.network.outputs, session.run(None, {session.get_inputs()[0].name: image}), strict=True):
        wanted = expected[result.name] * model.grids[result.name].scale
        wrong += int((found.reshape(wanted.shape) != wanted).sum())
        values += wanted.size
    return {"differing": wrong, "values": values}


def started(model: Path | bytes) -> Any:
    """A session of ONNX Runtime."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - not for files of TFLite

    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), providers=["CPUExecutionProvider"])
