"""Train a design by its name and the name of its data, once or with several seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qeopt.design import load_sound_design
from qeopt.export.pytorch.detection import detection_heads
from qeopt.report.words import place
from qeopt.runs import beside, design_in
from qeopt.runs.cost import GRAMS_PER_CORE_HOUR
from qeopt.training.boxes.objects import BoxDataset
from qeopt.training.boxes.open import open_boxes
from qeopt.training.boxes.train import TrainedDetector, refuse_for_boxes, train_boxes
from qeopt.training.data.dataset import Dataset
from qeopt.training.data.open import open_for_design
from qeopt.training.errors import TrainingError
from qeopt.training.loop import Progress
from qeopt.training.recipe import Recipe
from qeopt.training.teacher import refuse_without_teacher
from qeopt.training.train import WEIGHTS, Options, Trained
from qeopt.training.train import train as train_images

FOLDER = "train"
"""Where a training goes, beside its design."""


@dataclass(frozen=True)
class Training:
    """A design that was trained, once for every seed: by `images` it has `trained`, by `boxes` it has `detectors`."""

    name: str
    """What the design is called in records."""
    folders: tuple[Path, ...]
    """Where each seed left its weights.npz and train.json."""
    trained: tuple[Trained, ...] = ()
    images: Dataset | None = None
    detectors: tuple[TrainedDetector, ...] = ()
    boxes: BoxDataset | None = None

    @property
    def weights(self) -> tuple[Path, ...]:
        """The learnt weights of each seed, an .npz that exports and `evaluate` take."""
        return (*(one.weights for one in self.trained), *(one.weights for one in self.detectors))


def train(
    design: Path | str,
    data: Path | str,
    *,
    recipe: Recipe | None = None,
    seeds: int = 1,
    out: Path | str | None = None,
    weights: Path | str | None = None,
    teacher: str = "",
    torch_device: str = "auto",
    limit: int | None = None,
    resize: bool = False,
    save_every: float = 30.0,
    restart: bool = False,
    grams_per_core_hour: float = GRAMS_PER_CORE_HOUR,
    report: Callable[[Progress], None] | None = None,
) -> Training:
    """Train a design with its own bits; weights.npz and train.json go to a folder. Cut off, the same call goes on where it was.

    Args:
        design: A design.json, the folder of its run, or the name of its study.
        data: Labelled images, as `qeopt train --data` takes them; of a design with detection heads, pictures with boxes.
        recipe: How to train.
        seeds: Train so often, each with the next seed.
        out: The folder; `train` beside design.json, `NAME.train` beside NAME.json, unless stated. Seeds have a folder each in it.
        weights: Weights to start from: an .npz, or the ONNX model that the design was imported from.
        teacher: FILE.py:FUNCTION that makes a torch module to learn from too; `recipe.distillation` says how much.
        torch_device: Where PyTorch computes; `auto` is a GPU where there is one.
        limit: Training images at most.
        resize: Scale pictures of another size instead of refusing them.
        save_every: Seconds between checkpoints.
        restart: Forget an earlier training in the folder.
        grams_per_core_hour: gCO2e of a core at work for an hour, for the record.
        report: Called about twice a second.

    Raises:
        SpecError: when there is no such design.
        ExportError: when PyTorch is missing, or weights do not fit.
        TrainingError: when the data, a teacher or a checkpoint do not fit, or memory runs out.
    """
    path, recipe = design_in(Path(design)), recipe or Recipe()
    refuse_without_teacher(recipe.distillation, teacher)
    found = load_sound_design(path)
    name = path.parent.name if path.name == "design.json" else path.stem
    top, task = Path(out) if out is not None else beside(path, FOLDER), found.load_study().task
    options = Options(
        device=torch_device,
        weights=None if weights is None else Path(weights),
        teacher=teacher,
        save_every=save_every,
        restart=restart,
        grams_per_core_hour=grams_per_core_hour,
    )
    recipes = [recipe.model_copy(update={"seed": recipe.seed + n}) for n in range(seeds)]
    folders = tuple(top if seeds == 1 else top / f"seed-{one.seed}" for one in recipes)
    if detection_heads(found):
        refuse_for_boxes(recipe)
        boxes = open_boxes(str(data), task, resize=resize, limit=limit)
        detectors = (train_boxes(found, name, boxes, *one, options, report) for one in zip(recipes, folders, strict=True))
        return Training(name, folders, detectors=tuple(filter(None, detectors)), boxes=boxes)
    images = open_for_design(str(data), found, resize=resize, limit=limit)
    trained = (train_images(found, name, images, *one, options, report) for one in zip(recipes, folders, strict=True))
    return Training(name, folders, trained=tuple(filter(None, trained)), images=images)


def weights_of(design: Path, weights: Path | str | None) -> Path:
    """The file of a design's learnt values: the one stated, or that of its training.

    Raises:
        TrainingError: when none is stated, and the design was not trained.
    """
    found = beside(design, FOLDER) / WEIGHTS if weights is None else Path(weights)
    if weights is None and not found.is_file():
        said = f"the design was not trained, as there is no {place(found)}; `qeopt train` makes it, or --weights names others"
        raise TrainingError(f"{place(design)}: {said}")
    return found
