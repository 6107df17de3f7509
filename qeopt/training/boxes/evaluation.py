"""What a network with detection heads finds: the integer network by the reference and by ONNX Runtime, and the simulation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.design import Design
from qeopt.export import export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.reference import run
from qeopt.network import Network
from qeopt.training.boxes.objects import BoxSplit
from qeopt.training.boxes.precision import MOST_FOUND, Found, Precision, average_precision
from qeopt.training.errors import torch
from qeopt.training.marks import CHUNK
from qeopt.training.model_files import open_onnx
from qeopt.training.network import module_of

HELD = 256 << 20
"""Bytes that the tensors of one go may hold."""
LEAST_SCORE = 0.01
"""Below this a box is not told; average precision wants the unsure ones too."""
Outputs = Callable[[NDArray[np.float64]], Sequence[NDArray[Any]]]
"""From images between 0 and 1 to what the network writes, in the order of its outputs."""


def find_torch(network: Any, module: ModuleType, images: BoxSplit, classes: int, device: str = "cpu") -> Precision:
    """Mark the simulation in PyTorch."""
    was_training = network.training
    network.eval()
    found = average_precision(_detect(module, network, device), images, classes, CHUNK)
    network.train(was_training)
    return found


def find_reference(design: Design, weights: Path, images: BoxSplit) -> Precision:
    """Mark the integer network by the NumPy reference that all exports have to agree with.

    Raises:
        ExportError: when the weights do not fit, or a package is missing.
    """
    model = quantised(design, Numbers(weights=weights))
    names = [tensor.name for tensor in model.network.outputs]

    def outputs(pixels: NDArray[np.float64]) -> Sequence[NDArray[Any]]:
        held = run(model, pixels)
        return [held[name] * model.grids[name].scale for name in names]

    return _marked(design, outputs, images, chunk_of(model.network))


def find_onnx(design: Design, weights: Path, images: BoxSplit) -> Precision:
    """Mark the exported integer network by ONNX Runtime.

    Raises:
        ExportError: when the weights do not fit, or a package is missing.
    """
    names = [tensor.name for tensor in design.network().outputs]
    batch = min(chunk_of(design.network()), len(images))
    with tempfile.TemporaryDirectory() as folder:
        (path,) = export(design, "onnx-qdq", Path(folder) / "network.onnx", {"weights": str(weights), "batch": batch})
        session, entry = open_onnx(path, len(names))

        def outputs(pixels: NDArray[np.float64]) -> Sequence[NDArray[Any]]:
            padded = np.zeros((batch, *pixels.shape[1:]), np.float32)
            padded[: len(pixels)] = pixels
            return [found[: len(pixels)] for found in session.run(names, {entry.name: padded})]

        return _marked(design, outputs, images, batch)


def chunk_of(network: Network) -> int:
    """Images whose tensors, in 64 bits, are held at once."""
    return max(1, min(CHUNK, HELD // (8 * sum(int(tensor.elements) for tensor in network.tensors))))


def _marked(design: Design, outputs: Outputs, images: BoxSplit, chunk: int) -> Precision:
    return average_precision(_detect(module_of(design), _outside(outputs), "cpu"), images, design.load_study().task.classes, chunk)


def _outside(outputs: Outputs) -> Any:
    """A PyTorch module whose outputs are computed elsewhere."""
    framework = torch()

    class Outside(framework.nn.Module):  # type: ignore[name-defined,misc]
        """The network."""

        def forward(self, images: Any) -> Any:
            """Outputs as PyTorch holds them."""
            return tuple(
                framework.from_numpy(np.asarray(found, np.float32)) for found in outputs(images.numpy().astype(np.float64))
            )

    return Outside()


def _detect(module: ModuleType, network: Any, device: str) -> Callable[[NDArray[np.float64]], Sequence[Found]]:
    framework = torch()
    detector = module.Detector(network, least_score=LEAST_SCORE, most=MOST_FOUND)

    def detect(pixels: NDArray[np.float64]) -> Sequence[Found]:
        with framework.no_grad():
            said = detector(framework.from_numpy(pixels.astype(np.float32)).to(device))
        return [Found(*(one[name].cpu().numpy() for name in ("boxes", "labels", "scores"))) for one in said]

    return detect
