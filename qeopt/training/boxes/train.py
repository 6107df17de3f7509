"""From a design with detection heads to a trained detector: what `qeopt train` does where pictures have boxes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qeopt.design import Design
from qeopt.training.boxes.evaluation import find_onnx, find_reference, find_torch
from qeopt.training.boxes.lesson import ByBox
from qeopt.training.boxes.objects import BoxDataset
from qeopt.training.boxes.precision import Precision
from qeopt.training.errors import TrainingError
from qeopt.training.loop import Progress, Trainer
from qeopt.training.network import module_of
from qeopt.training.recipe import Recipe
from qeopt.training.train import (
    WEIGHTS,
    Options,
    TrainedNetwork,
    chosen_device,
    curve_document,
    go_on,
    training_document,
    write_record,
)
from qeopt.training.weights import save

FORMAT = "qeopt.train_boxes/1"
PACKAGES = ("qeopt", "torch", "torchvision", "pycocotools", "numpy", "onnxruntime")


class TrainedDetector(TrainedNetwork[Precision]):
    """A trained detector and what it finds in the test images."""

    @property
    def average_precision(self) -> float:
        """Of the integer network, at an overlap of 0.5."""
        return self.integers.half


def refuse_for_boxes(recipe: Recipe) -> None:
    """Refuse what only classes can be learnt with.

    Raises:
        TrainingError: naming the option.
    """
    for option, value in (("--distillation", recipe.distillation), ("--label-smoothing", recipe.label_smoothing)):
        if value:
            raise TrainingError(f"{option}: the design finds boxes; this is for designs that tell classes apart")


def train_boxes(
    design: Design,
    name: str,
    data: BoxDataset,
    recipe: Recipe,
    folder: Path,
    options: Options | None = None,
    report: Callable[[Progress], None] | None = None,
) -> TrainedDetector | None:
    """Train a design and write `weights.npz` and `train.json`. What an earlier run of the same left in the folder is gone on with.

    Args:
        design: A design with detection heads.
        name: What to call it in the record.
        data: Pictures that fit it.
        recipe: How to train; there is no teacher and no label smoothing.
        folder: Where files go.
        options: Where and from what to start.
        report: Called about twice a second.

    Returns:
        What came out; None where `stop_at` ended it early.

    Raises:
        ExportError: when a package is missing, or weights do not fit.
        TrainingError: when there are too few images, a checkpoint does not fit, or memory runs out.
    """
    options = options or Options()
    if not data.train.boxes:
        raise TrainingError(f"{data.name}: no training picture has a box to be learnt from")
    device, module = chosen_device(options.device), module_of(design)
    trainer = Trainer(recipe, data.train, device, None, report, ByBox(data.train, recipe, module))
    state = go_on(
        design, module, trainer, f"{data.name} {len(data.train)} boxes {data.train.boxes} {options.weights}", folder, options
    )
    if state is None:
        return None
    weights = save(module, state.network, folder / WEIGHTS)
    found = TrainedDetector(
        recipe,
        state,
        device,
        weights,
        find_reference(design, weights, data.test),
        find_onnx(design, weights, data.test),
        find_torch(state.network, module, data.test, len(data.classes), device),
        state.cost(options.grams_per_core_hour),
    )
    write_record(folder, record(found, name, data))
    return found


def record(found: TrainedDetector, name: str, data: BoxDataset) -> dict[str, Any]:
    """What `train.json` holds: average precision, the recipe, the curve, and what made them."""
    return {
        "format": FORMAT,
        "design": name,
        "seed": found.recipe.seed,
        "average_precision": found.integers.whole,
        "average_precision_at_half": found.integers.half,
        "average_precision_at_half_onnxruntime": found.onnxruntime.half,
        "average_precision_at_half_pytorch": found.simulated.half,
        "recall": found.integers.recall,
        "precision_by_recall": list(found.integers.curve),
        "data": {
            "name": data.name,
            **{
                split: {"images": len(images), "boxes": images.boxes}
                for split, images in (("train", data.train), ("test", data.test))
            },
            "left_out": data.left_out,
        },
        **training_document(found.recipe, found.state, found.cost, found.device),
        **curve_document(found.state, "anchors_right", PACKAGES),
    }
