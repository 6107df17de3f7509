"""`qeopt evaluate`: what a trained design, or a model in a file, gets right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, out
from qeopt.design import load_sound_design
from qeopt.export.pytorch.detection import detection_heads
from qeopt.report.pictures.picture import write_picture
from qeopt.report.pictures.training import confusion_picture
from qeopt.report.words import place
from qeopt.training.boxes.evaluation import find_onnx, find_reference
from qeopt.training.boxes.objects import BoxDataset
from qeopt.training.boxes.open import open_boxes
from qeopt.training.boxes.precision import Precision
from qeopt.training.boxes.shown import draw_precision, precision_document, precision_words
from qeopt.training.data.open import open_data, open_for_model
from qeopt.training.errors import TrainingError
from qeopt.training.evaluation import score_onnx, score_reference
from qeopt.training.model_files import SUFFIXES, score_file
from qeopt.training.shown import CONFUSION, marks_document, percent, print_marks

Model = Annotated[
    Path, typer.Argument(metavar="DESIGN", help="A design.json or its folder; or an ONNX or TFLite file with weights in it.")
]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", metavar="FILE", help="Weights of the design: an .npz, or the ONNX model that it came from."),
]
Runtime = Annotated[bool, typer.Option("--onnxruntime", help="Run the exported ONNX model instead of the reference: faster.")]


def command(
    design: Model,
    data: options.DataSet,
    weights: Weights = None,
    onnxruntime: Runtime = False,
    limit: options.TestLimit = None,
    resize: options.DataResize = False,
    out_: options.Out = None,
    no_pictures: options.NoPictures = False,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Tell the test images apart by the integer network, or by a model in a file: accuracy, by class, and a confusion picture.

    Of a design with detection heads: the average precision of what it finds.
    """
    if design.suffix.lower() in SUFFIXES:
        if weights is not None:
            raise TrainingError(f"--weights: {design.name} has weights of its own")
        images = open_for_model(data, design, resize=resize, limit=limit)
        marks, folder = score_file(design, images.test, len(images.classes)), out_ or design.parent
        what = design.name
    else:
        path = design / "design.json" if design.is_dir() else design
        found = load_sound_design(path)
        given = weights or path.parent / "train" / "weights.npz"
        folder, what = out_ or given.parent, f"{path.parent.name} with {place(given)}"
        task = found.load_study().task
        if detection_heads(found):
            boxes = open_boxes(data, task, resize=resize, limit=1, test_limit=limit)
            precision = (find_onnx if onnxruntime else find_reference)(found, given, boxes.test)
            _tell_boxes(precision, boxes, what, [] if no_pictures else [draw_precision(precision, what, folder)], json_=json_)
            return
        images = open_data(data, task, resize=resize, test_limit=limit)
        marks = (score_onnx if onnxruntime else score_reference)(found, given, images.test)
    pictures = [] if no_pictures else [folder / CONFUSION]
    for picture in pictures:
        title = f"{what}: {percent(marks.accuracy)} right"
        write_picture(confusion_picture(title, marks.confusion.tolist(), images.classes), picture)
    if json_:
        emit(marks_document(marks, images, what, pictures))
        return
    print_marks(out(), marks, images, what)
    _tell_written(pictures)


def _tell_boxes(found: Precision, data: BoxDataset, what: str, pictures: list[Path], *, json_: bool) -> None:
    if json_:
        emit(precision_document(found, data, what, pictures))
        return
    out().print(f"{what}: {precision_words(found)}", soft_wrap=True)
    _tell_written(pictures)


def _tell_written(pictures: list[Path]) -> None:
    if pictures:
        out().print(f"\nwritten: {', '.join(place(path) for path in pictures)}", soft_wrap=True)
