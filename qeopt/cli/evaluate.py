"""`qeopt evaluate`: what a trained design, or a model in a file, gets right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.import_ import Input, import_options
from qeopt.cli.verb import emit, out
from qeopt.report.pictures.picture import write_picture
from qeopt.report.pictures.training import confusion_picture
from qeopt.report.words import place
from qeopt.training.boxes.objects import BoxDataset
from qeopt.training.boxes.precision import Precision
from qeopt.training.boxes.shown import draw_precision, precision_document, precision_words
from qeopt.training.shown import CONFUSION, marks_document, percent, print_marks
from qeopt.training.verbs.evaluate import evaluate

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
    input_: Input = None,
    out_: options.Out = None,
    no_pictures: options.NoPictures = False,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Tell the test images apart by the integer network, or by a model in a file: accuracy, by class, and a confusion picture.

    Of a design with detection heads: the average precision of what it finds.
    """
    sides = import_options(input_, None).input
    found = evaluate(design, data, weights=weights, onnxruntime=onnxruntime, limit=limit, resize=resize, sides=sides)
    folder = out_ or found.folder
    if found.precision is not None and found.boxes is not None:
        drawn = [] if no_pictures else [draw_precision(found.precision, found.model, folder)]
        _tell_boxes(found.precision, found.boxes, found.model, drawn, json_=json_)
        return
    assert found.marks is not None  # a network that finds no boxes has marks
    assert found.images is not None
    marks, images = found.marks, found.images
    pictures = [] if no_pictures else [folder / CONFUSION]
    for picture in pictures:
        title = f"{found.model}: {percent(marks.accuracy)} right"
        write_picture(confusion_picture(title, marks.confusion.tolist(), images.classes), picture)
    if json_:
        emit(marks_document(marks, images, found.model, pictures))
        return
    print_marks(out(), marks, images, found.model)
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
