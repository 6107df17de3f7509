"""Where the numbers of a quantised network come from: a file of trained weights, or random ones that the design seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qeopt.design import Design
from qeopt.export.arithmetic.geometry import image_of, shape_of
from qeopt.export.arrays import ArraysError, read_arrays
from qeopt.export.errors import ExportError
from qeopt.network import Network, Op, OpKind, Tensor, fan_in
from qeopt.network.importers import IMPORTERS, ImportOptions, import_model
from qeopt.spec.model import Block, build

Arrays = Mapping[str, NDArray[np.floating]]
Shape = tuple[int, ...]


Calibration = Literal["min-max", "percentile", "mse"]
UNWRITTEN = frozenset({"log_softmax"})
"""Functions of `RANKING` that exports with numbers cannot compute."""


class Numbers(Block):
    """Options of the formats that carry weights."""

    weights: Path | None = None
    """The model that the network was imported from, or an .npz file with arrays named OP (weights, factors, slopes), OP.bias,
    OP.weight_scale, TENSOR.scale, and one named after the image (images to choose missing scales by). Without a file weights are
    random, which is said."""
    data: Path | None = None
    """Images to choose scales by: a folder of pictures or .npy files, or an .npz or .npy file; random images unless given."""
    calibration: Calibration = "mse"
    """What ends the range of a tensor: `min-max` its largest value, `percentile` 99.99 % of its values, `mse` the least
    squared error."""
    power_of_two: bool = False
    """Round every scale to a power of two, so that rescaling is a shift."""

    def leaves_out(self, design: Design) -> Collection[str]:
        """Functions that are left out at the very end of the network, of `RANKING`."""
        return UNWRITTEN

    def origins(self, network: Network) -> dict[str, str]:
        """Where the numbers come from: `weights`, `scales` and `calibration images`, each `random` or a file and a method."""
        given = {} if self.weights is None else read_weights(self.weights, network)
        image = image_of(network).name
        stated = sum(f"{tensor.name}.scale" in given for tensor in network.tensors)
        images = str(self.data) if self.data is not None else str(self.weights) if image in given else "random"
        by = f"{self.calibration} over the calibration images"
        scales = by if not stated else str(self.weights) + ("" if stated == len(network.tensors) else f", others by {by}")
        return {
            "weights": "random" if self.weights is None else str(self.weights),
            "scales": scales,
            "calibration images": images,
        }


def read_weights(path: Path, network: Network) -> Arrays:
    """Read an .npz, or the weights of a model, and compare every array with the network.

    Raises:
        ExportError: when it cannot be read or does not fit.
        SpecError: when the model cannot be imported.
    """
    suffix = path.suffix.lower().removeprefix(".")
    arrays = _imported(path, network) if suffix in IMPORTERS.names() else _archive(path, network)
    problems = list(_misfits(arrays, network))
    if problems:
        raise ExportError(f"{path}: " + "; ".join(problems[:10]))
    return arrays


def _archive(path: Path, network: Network) -> Arrays:
    try:
        found = read_arrays(path)
    except ArraysError as error:
        raise ExportError(f"{path}: {error}") from None
    if not isinstance(found, Mapping):
        raise ExportError(f"{path}: holds one array without a name; an .npz of arrays was expected")
    named = [op.name for op in network.ops if op.has_weights or op.constants]
    if named and found.keys().isdisjoint(named):
        held = ", ".join(map(repr, list(found)[:5])) or "nothing"
        raise ExportError(f"{path}: holds {held} and no weights of this network; arrays named {named[0]!r}, ... were expected")
    return {name: np.asarray(array, np.float64) for name, array in found.items()}


def _imported(path: Path, network: Network) -> Arrays:
    image = image_of(network)
    options = build(ImportOptions, {"input": [int(image.height), int(image.width), int(image.channels)]})
    arrays: dict[str, NDArray[np.floating]] = {}
    for name, parameters in import_model(path, options, values=True).weights.items():
        if name not in network.op_by_name:
            continue
        arrays[name] = parameters.weights
        if parameters.bias is not None:
            arrays[f"{name}.bias"] = parameters.bias
    return arrays


def filled(network: Network, arrays: Arrays, seed: str) -> dict[str, NDArray[np.float64]]:
    """Weights and constants of every operator: those given, and random ones (He et al., ICCV 2015) where none are."""
    found: dict[str, NDArray[np.float64]] = {}
    for op in network.ops:
        owner = network.weights_owner(op)
        given = next((name for name in (op.name, owner.name) if name in arrays), None)
        random = random_stream(f"{seed}/{owner.name}")
        if given is not None:
            found[op.name] = np.asarray(arrays[given], np.float64)
            bias = arrays.get(f"{op.name}.bias")
            if bias is not None:
                found[f"{op.name}.bias"] = np.asarray(bias, np.float64)
        elif op.has_weights:
            shape = weight_shape(op)
            found[op.name] = random.normal(0.0, np.sqrt(2 / int(fan_in(op))), shape)
            found[f"{op.name}.bias"] = random.normal(0.0, 0.1, shape[0])
        elif op.constants:
            channels = int(op.output.channels)
            mean = 0.25 if op.kind is OpKind.ACTIVATION else 1.0
            found[op.name] = random.normal(mean, 0.1, (channels, 1, 1))
            if op.kind is not OpKind.ACTIVATION:
                found[f"{op.name}.bias"] = random.normal(0.0, 0.1, (channels, 1, 1))
    return found


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


def random_images(key: str, image: Tensor, count: int) -> NDArray[np.float64]:
    """Images of any pixels, shape (images, channels, height, width), that depend on nothing but a text."""
    low, high = image.pixel_range
    return low + (high - low) * random_stream(key).random((count, *shape_of(image)))


def _misfits(arrays: Arrays, network: Network) -> Iterator[str]:
    """Say what does not fit."""
    image = image_of(network)
    expected: dict[str, Shape] = {f"{tensor.name}.scale": () for tensor in network.tensors}
    constants: dict[str, Shape] = {}
    for op in network.ops:
        if op.has_weights:
            shape = weight_shape(op)
            expected |= {op.name: shape, f"{op.name}.bias": shape[:1]}
            expected.setdefault(f"{op.name}.weight_scale", shape[:1])
        elif op.constants:
            constants |= dict.fromkeys((op.name, f"{op.name}.bias"), shape_of(op.output))
        if (op.has_weights or op.constants) and op.name not in arrays and not op.weights_of:
            yield f"the {'weights' if op.has_weights else 'constants'} of {op.name!r} are missing"
    for name, array in arrays.items():
        if name == image.name:
            wanted: Shape = (len(array) if array.ndim else 0, *shape_of(image))
        elif name in expected:
            wanted = expected[name]
        elif name in constants:
            wanted = tuple(1 if own == 1 else side for own, side in zip(array.shape, constants[name], strict=False))
        else:
            yield f"nothing is called {name!r}"
            continue
        if array.shape != wanted:
            yield f"{name!r} has the shape {array.shape}, {wanted} was expected"
        elif not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
            yield f"{name!r} holds something that is no finite number"
        elif name.endswith("scale") and not (array > 0).all():
            yield f"{name!r} is not positive everywhere"
