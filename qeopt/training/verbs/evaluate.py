"""What a trained design, or a model in a file, gets right of test images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qeopt.design import Design, load_sound_design
from qeopt.export.pytorch.detection import detection_heads
from qeopt.network.importers import importer_of
from qeopt.report.words import place
from qeopt.runs import design_or_model_in
from qeopt.training.boxes.evaluation import find_onnx, find_reference
from qeopt.training.boxes.objects import BoxDataset
from qeopt.training.boxes.open import open_boxes
from qeopt.training.boxes.precision import Precision
from qeopt.training.data.dataset import Dataset
from qeopt.training.data.open import open_for_design, open_for_model
from qeopt.training.errors import TrainingError
from qeopt.training.evaluation import score_onnx, score_reference
from qeopt.training.marks import Marks
from qeopt.training.model_files import SUFFIXES, score_file
from qeopt.training.verbs.train import weights_of


@dataclass(frozen=True)
class Evaluation:
    """What a network got right: `marks` of `images`, or the `precision` of the boxes it found in `boxes`."""

    model: str
    """What was evaluated, in words."""
    folder: Path
    """Where its weights lie."""
    marks: Marks | None = None
    images: Dataset | None = None
    precision: Precision | None = None
    boxes: BoxDataset | None = None


def evaluate(
    model: Path | str,
    data: Path | str,
    *,
    weights: Path | str | None = None,
    onnxruntime: bool = False,
    limit: int | None = None,
    resize: bool = False,
    sides: tuple[int, int, int] | None = None,
) -> Evaluation:
    """Tell test images apart by the integer network of a design, or by a model in a file; of a detector, find boxes.

    Args:
        model: A design.json, the folder of its run or the name of its study; or an ONNX or TFLite file with weights in it.
        data: Labelled images, as `qeopt evaluate --data` takes them; of a design with detection heads, pictures with boxes.
        weights: Weights of the design, an .npz or the ONNX model that it came from; those of its training unless stated.
        onnxruntime: Run the exported ONNX model instead of the reference: faster.
        limit: Test images at most.
        resize: Scale pictures of another size instead of refusing them.
        sides: Height, width and channels of the images of a model file that leaves them open.

    Raises:
        SpecError: when there is no such design or file.
        ExportError: when weights are missing or do not fit, or a package is missing.
        TrainingError: when the data does not fit, or weights are given for a model file.
    """
    path = Path(model)
    if path.suffix.lower() in SUFFIXES:
        importer_of(path)
        if weights is not None:
            raise TrainingError(f"--weights: {path.name} has weights of its own")
        images = open_for_model(str(data), path, sides=sides, resize=resize, limit=limit)
        return Evaluation(path.name, path.parent, score_file(path, images.test, len(images.classes)), images)
    if sides is not None:
        raise TrainingError("--input: a design says what it reads; this is for model files")
    path = design_or_model_in(path)
    found = load_sound_design(path)
    given = weights_of(path, weights)
    what = f"{path.parent.name} with {place(given)}"
    if detection_heads(found):
        return _found(found, given, what, data, onnxruntime=onnxruntime, limit=limit, resize=resize)
    images = open_for_design(str(data), found, resize=resize, test_limit=limit)
    marks = (score_onnx if onnxruntime else score_reference)(found, given, images.test)
    return Evaluation(what, given.parent, marks, images)


def _found(
    design: Design, weights: Path, what: str, data: Path | str, *, onnxruntime: bool, limit: int | None, resize: bool
) -> Evaluation:
    boxes = open_boxes(str(data), design.load_study().task, resize=resize, limit=1, test_limit=limit)
    precision = (find_onnx if onnxruntime else find_reference)(design, weights, boxes.test)
    return Evaluation(what, weights.parent, precision=precision, boxes=boxes)
