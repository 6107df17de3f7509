"""Marks of models in files, run by the runtime of their format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.export.errors import require
from qeopt.training.data.dataset import Split
from qeopt.training.errors import TrainingError
from qeopt.training.marks import CHUNK, Marks, marked

ONNX = ".onnx"
SUFFIXES = (ONNX, ".tflite")
"""Endings of model files that can be run."""


def score_file(path: Path, images: Split, classes: int) -> Marks:
    """Mark an ONNX or TFLite model of one image input and one output of a value per class.

    Raises:
        ExportError: when the runtime of the format is missing.
        TrainingError: when the model cannot be run, or reads or writes other shapes.
    """
    return (score_onnx_file if path.suffix.lower() == ONNX else score_tflite_file)(path, images, classes)


def image_shape(path: Path) -> tuple[int, int, int]:
    """Height, width and channels of the images that a model reads.

    Raises:
        ExportError, TrainingError: as `score_file`.
    """
    if path.suffix.lower() == ONNX:
        _, entry = open_onnx(path)
        channels, height, width = entry.shape[1:] if len(entry.shape) == 4 else (0, 0, 0)
    else:
        _, entry, _ = _tflite(path)
        height, width, channels = map(int, entry["shape"][1:]) if len(entry["shape"]) == 4 else (0, 0, 0)
    sides = (height, width, channels)
    if not all(isinstance(side, int) and side > 0 for side in sides):
        raise TrainingError(f"{path}: reads no images of a known size")
    return sides


def score_onnx_file(path: Path, images: Split, classes: int) -> Marks:
    """Mark an ONNX model by ONNX Runtime."""
    session, entry = open_onnx(path)
    batch = entry.shape[0] if isinstance(entry.shape[0], int) else CHUNK
    if len(entry.shape) != 4 or _differs(entry.shape[1:], images.pixels.shape[1:]):
        raise TrainingError(
            f"{path}: reads images of the shape {entry.shape[1:]}; those at hand have {list(images.pixels.shape[1:])}"
        )

    def outputs(pixels: NDArray[np.float64]) -> NDArray[Any]:
        padded = np.zeros((batch, *pixels.shape[1:]), np.float32)
        padded[: len(pixels)] = pixels
        (found,) = session.run(None, {entry.name: padded})
        return _by_class(path, np.asarray(found), batch, classes)[: len(pixels)]

    return marked(outputs, images, classes, batch)


def score_tflite_file(path: Path, images: Split, classes: int) -> Marks:
    """Mark a TFLite model by LiteRT; images go in as the model holds them, channels last."""
    interpreter, entry, result = _tflite(path)
    channels, height, width = images.pixels.shape[1:]
    wanted, found = [int(side) for side in entry["shape"][1:]], [height, width, channels]
    if wanted != found:
        raise TrainingError(f"{path}: reads images of the shape {wanted}; those at hand have {found}")

    def outputs(pixels: NDArray[np.float64]) -> NDArray[Any]:
        interpreter.set_tensor(entry["index"], _as_held(np.moveaxis(pixels, 1, 3), entry))
        interpreter.invoke()
        return _by_class(path, np.asarray(interpreter.get_tensor(result["index"])), 1, classes)

    return marked(outputs, images, classes, 1)


def open_onnx(path: Path, outputs: int = 1) -> tuple[Any, Any]:
    """Return a model that can be run, and what it says of its input.

    Raises:
        ExportError: when ONNX Runtime is missing.
        TrainingError: when it cannot run the model, or the model has other than one input and so many outputs.
    """
    runtime = require("onnxruntime", "train", "running ONNX models")
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 4
    try:
        session = runtime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has a class of its own for every complaint
        raise TrainingError(f"{path}: ONNX Runtime cannot run it: {_first_line(error)}") from None
    entries, results = session.get_inputs(), session.get_outputs()
    _one_of_each(path, entries, results, outputs)
    return session, entries[0]


def _tflite(path: Path) -> tuple[Any, Any, Any]:
    """The same for LiteRT, and what the model says of its output."""
    runtime = require("ai_edge_litert.interpreter", "train", "running TFLite models")
    try:
        interpreter = runtime.Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise TrainingError(f"{path}: LiteRT cannot run it: {_first_line(error)}") from None
    entries, results = interpreter.get_input_details(), interpreter.get_output_details()
    _one_of_each(path, entries, results)
    return interpreter, entries[0], results[0]


def _one_of_each(path: Path, entries: Sequence[Any], results: Sequence[Any], outputs: int = 1) -> None:
    if len(entries) != 1 or len(results) != outputs:
        wanted = "one of each was" if outputs == 1 else f"one input and {outputs} outputs were"
        raise TrainingError(f"{path}: has {len(entries)} inputs and {len(results)} outputs; {wanted} expected")


def _by_class(path: Path, found: NDArray[Any], images: int, classes: int) -> NDArray[Any]:
    told = found.reshape(images, -1)
    if told.shape[1] != classes:
        raise TrainingError(f"{path}: tells {told.shape[1]} classes apart; the images are of {classes}")
    return told


def _as_held(values: NDArray[np.float64], entry: Any) -> NDArray[Any]:
    """Real values in the type of a tensor, quantised where it says so."""
    kind, (scale, zero) = np.dtype(entry["dtype"]), entry["quantization"]
    if not np.issubdtype(kind, np.integer):
        return values.astype(kind)
    ends = np.iinfo(kind)
    return np.asarray(np.clip(np.rint(values / (scale or 1 / 255)) + zero, ends.min, ends.max).astype(kind))


def _differs(stated: Sequence[Any], found: Sequence[int]) -> bool:
    return any(isinstance(side, int) and side != other for side, other in zip(stated, found, strict=True))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
