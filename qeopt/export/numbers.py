"""Where the numbers of a quantised network come from: a file of trained weights, or random ones that the design seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from qeopt.export.errors import ExportError
from qeopt.export.geometry import image_of, shape_of
from qeopt.network import Network, Op, OpKind, fan_in
from qeopt.network.importers import import_model
from qeopt.spec.model import Block

Arrays = Mapping[str, NDArray[np.floating]]
Shape = tuple[int, ...]


class Numbers(Block):
    """Options of the formats that carry weights."""

    weights: Path | None = None
    """The ONNX or TFLite model that the network was imported from, or an .npz file with arrays named OP (weights), OP.bias,
    OP.weight_scale, TENSOR.scale, and one named after the image (images to choose missing scales by). Without a file weights are
    random."""
    power_of_two: bool = False
    """Round every scale to a power of two, so that rescaling is a shift."""


def read_weights(path: Path, network: Network) -> Arrays:
    """Read an .npz, or the weights of an ONNX model, and compare every array with the network.

    Raises:
        ExportError: when it cannot be read or does not fit.
        SpecError: when the model cannot be imported.
    """
    arrays = _imported(path) if path.suffix.lower() in {".onnx", ".tflite"} else _archive(path)
    problems = list(_misfits(arrays, network))
    if problems:
        raise ExportError(f"{path}: " + "; ".join(problems[:10]))
    return arrays


def _archive(path: Path) -> Arrays:
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return {name: np.asarray(loaded[name]) for name in loaded.files}
    except (OSError, ValueError, BadZipFile, EOFError, AttributeError) as error:
        raise ExportError(f"{path}: cannot be read as an .npz of plain arrays: {error}") from None


def _imported(path: Path) -> Arrays:
    arrays: dict[str, NDArray[np.floating]] = {}
    for name, parameters in import_model(path, values=True).weights.items():
        arrays[name] = parameters.weights
        if parameters.bias is not None:
            arrays[f"{name}.bias"] = parameters.bias
    return arrays


def weight_shape(op: Op) -> Shape:
    """Shape of the weights of `op`: (out, in / groups, height, width), or (out, in) of a dense layer."""
    outputs = int(op.output.channels)
    if op.kind is OpKind.DENSE:
        return outputs, int(fan_in(op))
    height, width = (int(side) for side in op.window)
    return outputs, int(fan_in(op)) // (height * width), height, width


def random_stream(key: str) -> np.random.Generator:
    """Random numbers that depend on nothing but a text."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))


def _misfits(arrays: Arrays, network: Network) -> Iterator[str]:
    """Say what does not fit."""
    image = image_of(network)
    expected: dict[str, Shape] = {f"{tensor.name}.scale": () for tensor in network.tensors}
    for op in network.weighted_ops:
        shape = weight_shape(op)
        expected |= {op.name: shape, f"{op.name}.bias": shape[:1]}
        expected.setdefault(f"{op.name}.weight_scale", shape[:1])
        if op.name not in arrays:
            yield f"the weights of {op.name!r} are missing"
    for name, array in arrays.items():
        if name == image.name:
            wanted: Shape = (len(array) if array.ndim else 0, *shape_of(image))
        elif name in expected:
            wanted = expected[name]
        else:
            yield f"nothing is called {name!r}"
            continue
        if array.shape != wanted:
            yield f"{name!r} has the shape {array.shape}, {wanted} was expected"
        elif not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
            yield f"{name!r} holds something that is no finite number"
        elif name.endswith("scale") and not (array > 0).all():
            yield f"{name!r} is not positive everywhere"
