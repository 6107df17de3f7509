"""Marks of models in files, run by the runtime of their format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.export.errors import require
from qeopt.network.importers.onnx.images import reads_channels_last
from qeopt.network.importers.tflite.images import pixel_range_of
from qeopt.training.data.dataset import Split
from qeopt.training.errors import TrainingError
from qeopt.training.marks import CHUNK, Marks, marked

ONNX = ".onnx"
SUFFIXES = (ONNX, ".tflite")
"""Endings of model files that can be run."""


_KINDS = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(uint16)": np.uint16,
    "tensor(int16)": np.int16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
"""Types of inputs that an image can have, by ONNX Runtime's names."""


def score_file(path: Path, images: Split, classes: int) -> Marks:
    """Mark an ONNX or TFLite model of one image input and one output of a value per class.

    Raises:
        ExportError: when the runtime of the format is missing.
        TrainingError: when the model cannot be run, or reads or writes other shapes.
    """
    return (score_onnx_file if path.suffix.lower() == ONNX else score_tflite_file)(path, images, classes)


def image_shape(path: Path, told: tuple[int, int, int] | None = None) -> tuple[int, int, int]:
    """Height, width and channels of the images that a model reads.

    Args:
        path: The model.
        told: The same, for sides that the model leaves open.

    Raises:
        ExportError, TrainingError: as `score_file`; or sides are open, or others than told.
    """
    if path.suffix.lower() == ONNX:
        _, entry = open_onnx(path, None)
        sides = list(entry.shape[1:]) if len(entry.shape) == 4 else []
        if sides and not reads_channels_last(path, entry.name):
            sides = [*sides[1:], sides[0]]
    else:
        _, entry, _ = _tflite(path)
        sides = [int(side) for side in entry["shape"][1:]] if len(entry["shape"]) == 4 else []
    if not sides:
        raise TrainingError(f"{path}: reads no images: an input of 4 dimensions was expected")
    if told is not None and _differs(sides, told):
        said = " x ".join(str(side) if isinstance(side, int) else "?" for side in sides)
        raise TrainingError(f"--input {','.join(map(str, told))}: {path} reads {said} (height x width x channels)")
    height, width, channels = sides if told is None else told
    if not all(isinstance(side, int) and side > 0 for side in (height, width, channels)):
        raise TrainingError(f"{path}: leaves the size of its images open; --input H,W,C says it")
    return height, width, channels


def score_onnx_file(path: Path, images: Split, classes: int) -> Marks:
    """Mark an ONNX model by ONNX Runtime."""
    session, entry = open_onnx(path, None)
    batch = entry.shape[0] if isinstance(entry.shape[0], int) else CHUNK
    axes = (0, 2, 3, 1) if len(entry.shape) == 4 and reads_channels_last(path, entry.name) else (0, 1, 2, 3)
    found = [images.pixels.shape[axis] for axis in axes[1:]]
    if len(entry.shape) != 4 or _differs(entry.shape[1:], found):
        raise TrainingError(f"{path}: reads images of the shape {entry.shape[1:]}; those at hand have {found}")
    kind = _KINDS.get(entry.type)
    if kind is None:
        raise TrainingError(f"{path}: reads {entry.type}; an image of {', '.join(_KINDS)} was expected")
    if np.issubdtype(kind, np.integer):
        images = replace(images, pixel_range=(-128.0, 127.0) if kind == np.int8 else (0.0, 255.0))
    names = [result.name for result in session.get_outputs()]

    def outputs(pixels: NDArray[np.float64]) -> NDArray[Any]:
        padded = np.zeros((batch, *found), kind)
        padded[: len(pixels)] = (np.rint(pixels) if np.issubdtype(kind, np.integer) else pixels).transpose(axes)
        made = dict(zip(names, map(np.asarray, session.run(None, {entry.name: padded})), strict=True))
        return _told(path, made, batch, classes)[: len(pixels)]

    return marked(outputs, images, classes, batch)


def score_tflite_file(path: Path, images: Split, classes: int) -> Marks:
    """Mark a TFLite model by LiteRT; images go in as the model holds them, channels last."""
    interpreter, entry, result = _tflite(path)
    channels, height, width = images.pixels.shape[1:]
    wanted, found = [int(side) for side in entry["shape"][1:]], [height, width, channels]
    if wanted != found:
        raise TrainingError(f"{path}: reads images of the shape {wanted}; those at hand have {found}")
    held = pixel_range_of(path)
    if held is not None:
        images = replace(images, pixel_range=held)

    def outputs(pixels: NDArray[np.float64]) -> NDArray[Any]:
        interpreter.set_tensor(entry["index"], _as_held(np.moveaxis(pixels, 1, 3), entry))
        interpreter.invoke()
        return _by_class(path, np.asarray(interpreter.get_tensor(result["index"])), 1, classes)

    return marked(outputs, images, classes, 1)


def open_onnx(path: Path, outputs: int | None = 1) -> tuple[Any, Any]:
    """Return a model that can be run, and what it says of its input; `outputs` is how many it has to have, None for any.

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


def _one_of_each(path: Path, entries: Sequence[Any], results: Sequence[Any], outputs: int | None = 1) -> None:
    if len(entries) != 1 or (outputs is not None and len(results) != outputs):
        wanted = (
            "one input was" if outputs is None else "one of each was" if outputs == 1 else f"one input and {outputs} outputs were"
        )
        raise TrainingError(f"{path}: has {len(entries)} inputs and {len(results)} outputs; {wanted} expected")


def _told(path: Path, made: Mapping[str, NDArray[Any]], images: int, classes: int) -> NDArray[Any]:
    """The output of a value for each class; several, such as logits and their softmax, have to tell the same classes."""
    if len(made) == 1:
        return _by_class(path, next(iter(made.values())), images, classes)
    fitting = {name: found.reshape(images, -1) for name, found in made.items() if found.size == images * classes}
    if not fitting:
        told = ", ".join(f"{name!r} of {found.size // images}" for name, found in made.items())
        raise TrainingError(
            f"{path}: has the outputs {told} values; one with a value for each of the {classes} classes was expected"
        )
    first = next(iter(fitting.values()))
    if not all((_largest(found) & _largest(first)).any(axis=1).all() for found in fitting.values()):
        said = f"the outputs {', '.join(map(repr, fitting))} have a value for each class and tell different classes"
        raise TrainingError(f"{path}: {said}; export the model with one of them")
    return first


def _largest(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values of an image are its largest: several where integers of few bits are the same."""
    return np.asarray(values == values.max(axis=1, keepdims=True))


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
