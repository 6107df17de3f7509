"""What a network gets right: the integer network by the reference and by ONNX Runtime, and the simulation that was trained."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.design import Design
from qeopt.export import export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.reference import run
from qeopt.training.data.dataset import Split
from qeopt.training.errors import torch
from qeopt.training.marks import CHUNK, Marks, marked
from qeopt.training.model_files import score_onnx_file
from qeopt.training.network import refuse_detectors


def score_torch(network: Any, images: Split, classes: int, device: str = "cpu") -> Marks:
    """Mark the simulation in PyTorch."""
    framework = torch()
    was_training = network.training
    network.eval()

    def outputs(pixels: NDArray[np.float64]) -> NDArray[Any]:
        with framework.no_grad():
            batch = framework.from_numpy(pixels.astype(np.float32)).to(device)
            return np.asarray(network(batch).flatten(1).cpu().numpy())

    marks = marked(outputs, images, classes)
    network.train(was_training)
    return marks


def score_reference(design: Design, weights: Path, images: Split, report: Callable[[int], None] | None = None) -> Marks:
    """Mark the integer network by the NumPy reference that all exports have to agree with.

    Raises:
        ExportError: when the weights do not fit.
    """
    model = quantised(design, Numbers(weights=weights))
    refuse_detectors(model.network)
    output = model.network.outputs[0]
    done = 0

    def outputs(pixels: NDArray[np.float64]) -> NDArray[Any]:
        nonlocal done
        done += len(pixels)
        if report is not None:
            report(done)
        return run(model, pixels)[output.name].reshape(len(pixels), -1)

    return marked(outputs, images, design.load_study().task.classes)


def score_onnx(design: Design, weights: Path, images: Split) -> Marks:
    """Mark the exported integer network by ONNX Runtime.

    Raises:
        ExportError: when the weights do not fit, or a package is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        batch = min(CHUNK, len(images))
        (path,) = export(design, "onnx-qdq", Path(folder) / "network.onnx", {"weights": str(weights), "batch": batch})
        return score_onnx_file(path, images, design.load_study().task.classes)
