"""`qeopt train`: train a design with its bits, and say what the integer network gets right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from qeopt.cli import options
from qeopt.cli import recipe_options as told
from qeopt.cli.verb import BAD_USAGE, INTERRUPTED, emit, err, fail, out
from qeopt.report.page import write_page
from qeopt.report.training import TrainingLine, training_words
from qeopt.report.words import place
from qeopt.runs import beside
from qeopt.training.boxes.shown import detectors_document, draw_detector, print_detectors
from qeopt.training.recipe import Recipe
from qeopt.training.shown import draw_trained, print_all, trained_document
from qeopt.training.verbs.train import FOLDER, Training, train

SaveEvery = Annotated[float, typer.Option("--save-every", metavar="SECONDS", min=0, help="Time between checkpoints.")]


OldDevice = Annotated[str | None, typer.Option("--device", hidden=True, help="What --torch-device was called.")]


def _computes_on(torch_device: str, device: str | None) -> str:
    """Where PyTorch computes; `--device`, which names a board on all other verbs, is still taken where it names no board."""
    if device is None:
        return torch_device
    if device.partition(":")[0] not in {"auto", "cpu", "cuda", "mps", "xpu"}:
        fail(
            f"--device {device}: a design carries its device; --torch-device says where PyTorch computes (auto, cpu, cuda)",
            BAD_USAGE,
        )
    return device


@told.with_recipe_options()
def command(
    design: options.DesignFile,
    data: options.DataSet,
    stated: dict[str, Any],
    seeds: told.Seeds = 1,
    weights: told.Weights = None,
    teacher: told.Teacher = "",
    torch_device: options.TorchDevice = "auto",
    device: OldDevice = None,
    limit: options.DataLimit = None,
    resize: options.DataResize = False,
    save_every: SaveEvery = 30.0,
    restart: told.Restart = False,
    out_: options.Out = None,
    gco2e: options.Carbon = options.GRAMS,
    no_pictures: options.NoPictures = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Train a design with its own bits and write weights.npz and train.json; cut off, the same command goes on where it was.

    A design with detection heads learns boxes: DATA is a folder in the text format of WIDER FACE.
    """
    recipe = Recipe(**{"distillation": 0.5 if teacher else 0.0, **stated})
    top = out_ or beside(design, FOLDER)
    with TrainingLine(err(), quiet=quiet) as line:
        try:
            found = train(
                design,
                data,
                recipe=recipe,
                seeds=seeds,
                out=top,
                weights=weights,
                teacher=teacher,
                torch_device=_computes_on(torch_device, device),
                limit=limit,
                resize=resize,
                save_every=save_every,
                restart=restart,
                grams_per_core_hour=gco2e,
                report=lambda now: line.say(training_words(now.step, now.steps, now.loss, now.accuracy, now.left)),
            )
        except KeyboardInterrupt:
            fail("interrupted; the same command goes on", INTERRUPTED)
    files = [*_drawn(found, pictures=not no_pictures), write_page(top)]
    if top == design.parent / FOLDER:  # the page of the run names what was trained
        write_page(design.parent)
    _tell(found, files, json_=json_)


def _drawn(found: Training, *, pictures: bool) -> Iterator[Path]:
    """All files of a training, its pictures among them."""
    for detector, folder in zip(found.detectors, found.folders, strict=False):
        yield from draw_detector(detector, folder=folder, name=found.name, pictures=pictures)
    if found.images is not None:
        for trained, folder in zip(found.trained, found.folders, strict=True):
            yield from draw_trained(trained, found.name, found.images, folder, pictures=pictures)


def _tell(found: Training, files: list[Path], *, json_: bool) -> None:
    """Say, or print as JSON, what the integer network gets right and where everything lies."""
    trained, detectors = list(found.trained), list(found.detectors)
    if json_ and found.images is not None:
        emit(trained_document(trained, found.name, found.images, files))
    elif json_ and found.boxes is not None:
        emit(detectors_document(detectors, found.name, found.boxes, files))
    elif found.images is not None:
        print_all(out(), trained, found.images)
    elif found.boxes is not None:
        print_detectors(out(), detectors, found.boxes)
    if not json_:
        out().print(f"written: {', '.join(place(path) for path in files)}", soft_wrap=True)
