"""From a design to a trained network: what `qeopt train` does, in order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from qeopt.design import Design
from qeopt.export.arithmetic.numbers import read_weights
from qeopt.files import write_atomically
from qeopt.report.cost import cost_document
from qeopt.runs.cost import GRAMS_PER_CORE_HOUR, Cost
from qeopt.training.calibration import calibrate
from qeopt.training.checkpoint import Checkpoint
from qeopt.training.data.dataset import Dataset
from qeopt.training.errors import TrainingError, torch
from qeopt.training.evaluation import score_onnx, score_reference, score_torch
from qeopt.training.loop import Progress, State, Trainer
from qeopt.training.marks import Marks
from qeopt.training.network import module_of, network_for, refuse_detectors
from qeopt.training.recipe import Recipe
from qeopt.training.teacher import load_teacher
from qeopt.training.weights import load, save

FORMAT = "qeopt.train/1"
WEIGHTS, RECORD, CHECKPOINT = "weights.npz", "train.json", "checkpoint.pt"
STARTING_BATCHES = 8
"""Batches by which normalisation is fitted to given weights."""


@dataclass(frozen=True)
class Options:
    """Where and from what, beside the recipe."""

    device: str = "auto"
    """A device of PyTorch; `auto` is a GPU where there is one."""
    weights: Path | None = None
    """Weights to start from: an .npz or the ONNX model that the design was imported from."""
    teacher: str = ""
    """What to learn from beside labels; see `load_teacher`."""
    save_every: float = 30.0
    """Seconds between checkpoints."""
    restart: bool = False
    """Forget an earlier run in the folder."""
    stop_at: int | None = None
    """Step at which to stop early, with a checkpoint and without a result."""
    grams_per_core_hour: float = GRAMS_PER_CORE_HOUR
    """gCO2e of a core at work for an hour."""


Judgement = TypeVar("Judgement")


@dataclass(frozen=True)
class TrainedNetwork(Generic[Judgement]):
    """A trained network, and how it is judged by the test images."""

    recipe: Recipe
    state: State
    device: str
    weights: Path
    integers: Judgement
    """By the NumPy reference of the integer network."""
    onnxruntime: Judgement
    """By ONNX Runtime, of the exported integer network."""
    simulated: Judgement
    """By PyTorch, of the network that was trained."""
    cost: Cost
    """Of all steps."""


class Trained(TrainedNetwork[Marks]):
    """A trained network and what it gets right of the test images."""

    @property
    def accuracy(self) -> float:
        """Share of the test images that the integer network tells right."""
        return self.integers.accuracy


def train(
    design: Design,
    name: str,
    data: Dataset,
    recipe: Recipe,
    folder: Path,
    options: Options | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Trained | None:
    """Train a design and write `weights.npz` and `train.json`. What an earlier run of the same left in the folder is gone on with.

    Args:
        design: The design.
        name: What to call it in the record.
        data: Images that fit it.
        recipe: How to train.
        folder: Where files go.
        options: Where and from what to start.
        report: Called about twice a second.

    Returns:
        What came out; None where `stop_at` ended it early.

    Raises:
        ExportError: when PyTorch is missing, or weights do not fit.
        TrainingError: when the data, a teacher or a checkpoint do not fit, or memory runs out.
    """
    options = options or Options()
    refuse_detectors(design.network())
    device = chosen_device(options.device)
    module = module_of(design)
    torch().manual_seed(recipe.seed)
    teacher = load_teacher(options.teacher, device) if options.teacher else None
    trainer = Trainer(recipe, data.train, device, teacher, report)
    state = go_on(design, module, trainer, f"{data.name} {len(data.train)} {options.weights} {options.teacher}", folder, options)
    return None if state is None else _result(design, name, module, trainer, state, data, folder, options)


def go_on(design: Design, module: ModuleType, trainer: Trainer, subject: str, folder: Path, options: Options) -> State | None:
    """Make the steps that an earlier run in the folder has left, all of them where there was none.

    Args:
        design: The design.
        module: Its module.
        trainer: Who makes the steps.
        subject: Says what is learnt from; a run of another subject is not gone on with.
        folder: Where the checkpoint is.
        options: Where to start, and how often to save.

    Returns:
        The state after the last step; None where `stop_at` ended it early.
    """
    torch().manual_seed(trainer.recipe.seed)
    checkpoint = Checkpoint(folder / CHECKPOINT, design, trainer.recipe, subject)
    if options.restart:
        checkpoint.path.unlink(missing_ok=True)
    state = checkpoint.resume(trainer.start(network_for(module, trainer.recipe)))
    if state.step == 0:
        _prepare(state.network, trainer, design, options.weights)
    trainer.train(state, save=checkpoint.save, save_every=options.save_every, until=options.stop_at)
    return state if state.step >= trainer.steps else None


def chosen_device(asked: str) -> str:
    """The device to train on.

    Raises:
        TrainingError: when PyTorch does not have the one asked for.
    """
    framework = torch()
    if asked == "auto":
        if framework.cuda.is_available():
            return "cuda"
        return "mps" if framework.backends.mps.is_available() else "cpu"
    try:
        framework.zeros(1, device=asked)
    except (RuntimeError, AssertionError) as error:
        said = (str(error).splitlines() or ["it cannot be used"])[0][:120]
        raise TrainingError(f"--torch-device {asked}: {said}; `auto`, `cpu` or a GPU such as `cuda` was expected") from None
    return asked


def _prepare(network: Any, trainer: Trainer, design: Design, weights: Path | None) -> None:
    """First weights and first steps of grids."""
    network.train()
    if weights is not None:
        arrays = dict(read_weights(weights, design.network()))
        load(network, arrays, _images(trainer, max(STARTING_BATCHES, trainer.recipe.calibration)))
    if weights is not None or trainer.recipe.calibration > 1:
        calibrate(network, _images(trainer, trainer.recipe.calibration))


def _images(trainer: Trainer, count: int) -> Iterator[Any]:
    return (images for images, _ in trainer.batches(0, min(count, trainer.steps_per_epoch)))


def _result(
    design: Design, name: str, module: ModuleType, trainer: Trainer, state: State, data: Dataset, folder: Path, options: Options
) -> Trained:
    weights = save(module, state.network, folder / WEIGHTS)
    found = Trained(
        trainer.recipe,
        state,
        trainer.device,
        weights,
        score_reference(design, weights, data.test),
        score_onnx(design, weights, data.test),
        score_torch(state.network, data.test, len(data.classes), trainer.device),
        state.cost(options.grams_per_core_hour),
    )
    write_record(folder, record(found, name, data))
    return found


def write_record(folder: Path, document: Mapping[str, Any]) -> None:
    """Write what is said of a training."""
    write_atomically(folder / RECORD, json.dumps(document, indent=1, allow_nan=False) + "\n")


def record(found: Trained, name: str, data: Dataset) -> dict[str, Any]:
    """What `train.json` holds: shares of the test images, the recipe, the curve, and what made them."""
    return {
        "format": FORMAT,
        "design": name,
        "seed": found.recipe.seed,
        "accuracy": found.accuracy,
        "accuracy_onnxruntime": found.onnxruntime.accuracy,
        "accuracy_pytorch": found.simulated.accuracy,
        "told_apart_from_reference": int((found.integers.picks != found.onnxruntime.picks).sum()),
        "by_class": dict(zip(data.classes, _shares(found.integers), strict=True)),
        "confusion": found.integers.confusion.tolist(),
        "data": {"name": data.name, "train": len(data.train), "test": len(data.test)},
        **training_document(found.recipe, found.state, found.cost, found.device),
        **curve_document(found.state, "accuracy", ("qeopt", "torch", "numpy", "onnxruntime")),
    }


def curve_document(state: State, mark: str, packages: Sequence[str]) -> dict[str, Any]:
    """What `train.json` says of every step that was looked at, and of the packages that made them."""
    return {
        "curve": [{"step": step, "loss": loss, mark: right} for step, loss, right in state.curve],
        "versions": {package: version(package) for package in packages},
    }


def training_document(recipe: Recipe, state: State, cost: Cost, device: str) -> dict[str, Any]:
    """What `train.json` says of any training: the recipe, the steps, what they cost and where they were made."""
    return {"recipe": recipe.model_dump(mode="json"), "steps": state.step, **cost_document(cost), "device": device}


def _shares(marks: Marks) -> list[float | None]:
    """Share told right by class; None for a class without test images."""
    return [None if share != share else float(share) for share in marks.by_class]  # noqa: PLR0124  # what is not a number
