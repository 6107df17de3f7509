"""What a network gets right: the integer network by the reference and by ONNX Runtime, and the simulation that was trained."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.design import Design
from qeopt.export import export
from qeopt.export.errors import require
from qeopt.export.fill import quantised
from qeopt.export.numbers import Numbers
from qeopt.export.reference import run
from qeopt.training.data.dataset import Split
from qeopt.training.errors import TrainingError, torch

CHUNK = 200
"""Images in one go: every tensor of a network is held for so many."""


@dataclass(frozen=True)
class Marks:
    """How many images of each class were taken for each class."""

    confusion: NDArray[np.int64]
    """Shape (classes, classes): true class, class told."""
    picks: NDArray[np.int64]
    """The class told, by image."""

    @property
    def accuracy(self) -> float:
        """Share of the images that were told right."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def by_class(self) -> NDArray[np.float64]:
        """The same by true class; not a number for a class without images."""
        totals = self.confusion.sum(axis=1)
        return np.divide(np.diag(self.confusion), totals, out=np.full(len(totals), np.nan), where=totals > 0)


def marked(outputs: Callable[[NDArray[np.float64]], NDArray[Any]], images: Split, classes: int, chunk: int = CHUNK) -> Marks:
    """Mark what a network tells of images.

    Args:
        outputs: Images between 0 and 1, shape (images, channels, height, width), to outputs, shape (images, classes).
        images: What is told.
        classes: Number of classes.
        chunk: Images in one go.
    """
    picks = [outputs(images.pixels[at : at + chunk] / 255.0).argmax(axis=1) for at in range(0, len(images), chunk)]
    told = np.concatenate(picks).astype(np.int64)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (images.labels, told), 1)
    return Marks(confusion, told)


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


def score_onnx_file(path: Path, images: Split, classes: int) -> Marks:
    """Mark an ONNX model of one image input and one output of a value per class.

    Raises:
        ExportError: when ONNX Runtime is missing.
        TrainingError: when the model cannot be run, or reads or writes other shapes.
    """
    runtime = require("onnxruntime", "train", "running ONNX models")
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = 1
    try:
        session = runtime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has a class of its own for every complaint
        raise TrainingError(f"{path}: ONNX Runtime cannot run it: {_first_line(error)}") from None
    (entry, *others), results = session.get_inputs(), session.get_outputs()
    if others or len(results) != 1:
        raise TrainingError(f"{path}: has {1 + len(others)} inputs and {len(results)} outputs; one of each was expected")
    batch = entry.shape[0] if isinstance(entry.shape[0], int) else CHUNK
    if len(entry.shape) != 4 or _differs(entry.shape[1:], images.pixels.shape[1:]):
        raise TrainingError(f"{path}: reads images of the shape {entry.shape[1:]}; those at hand have {images.pixels.shape[1:]}")

    def outputs(pixels: NDArray[np.float64]) -> NDArray[Any]:
        padded = np.zeros((batch, *pixels.shape[1:]), np.float32)
        padded[: len(pixels)] = pixels
        (found,) = session.run(None, {entry.name: padded})
        told = np.asarray(found).reshape(batch, -1)[: len(pixels)]
        if told.shape[1] != classes:
            raise TrainingError(f"{path}: has {told.shape[1]} outputs; there are {classes} classes")
        return told

    return marked(outputs, images, classes, batch)


def _differs(stated: Sequence[Any], found: Sequence[int]) -> bool:
    return any(isinstance(side, int) and side != other for side, other in zip(stated, found, strict=True))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
