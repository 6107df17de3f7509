"""`qeopt train`: train a design with its bits, and say what the integer network gets right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from qeopt.cli import options
from qeopt.cli import recipe_options as told
from qeopt.cli.recipe_options import USUAL
from qeopt.cli.verb import BAD_USAGE, INTERRUPTED, emit, err, fail, out
from qeopt.design import load_sound_design
from qeopt.export.pytorch.detection import detection_heads
from qeopt.report.page import write_page
from qeopt.report.training import TrainingLine, training_words
from qeopt.report.words import place
from qeopt.training.boxes.open import open_boxes
from qeopt.training.boxes.shown import detectors_document, draw_detector, print_detectors
from qeopt.training.boxes.train import refuse_for_boxes, train_boxes
from qeopt.training.data.open import open_data
from qeopt.training.errors import TrainingError
from qeopt.training.loop import Progress
from qeopt.training.recipe import Recipe
from qeopt.training.shown import draw_trained, print_all, trained_document
from qeopt.training.train import Options, train

T = TypeVar("T")
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


def command(
    design: options.DesignFile,
    data: options.DataSet,
    epochs: told.Epochs = USUAL.epochs,
    batch: told.Batch = USUAL.batch,
    seed: told.Seed = USUAL.seed,
    seeds: told.Seeds = 1,
    optimiser: told.Optimiser = USUAL.optimiser,
    rate: told.Rate = USUAL.rate,
    weight_decay: told.Decay = USUAL.weight_decay,
    label_smoothing: told.Smoothing = USUAL.label_smoothing,
    shift: told.Shift = USUAL.shift,
    flip: told.Flip = USUAL.flip,
    weights: told.Weights = None,
    weight_steps: told.WeightSteps = USUAL.weight_steps,
    normalisation: told.Normalisation = USUAL.normalisation,
    eight_bits_first: told.EightFirst = USUAL.eight_bits_first,
    calibration: told.Calibration = USUAL.calibration,
    teacher: told.Teacher = "",
    distillation: told.Distillation = None,
    temperature: told.Temperature = USUAL.temperature,
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
    found = load_sound_design(design)
    name = design.parent.name if design.name == "design.json" else design.stem
    recipe = Recipe(
        epochs=epochs,
        batch=batch,
        seed=seed,
        optimiser=optimiser,
        rate=rate,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        shift=shift,
        flip=flip,
        weight_steps=weight_steps,
        normalisation=normalisation,
        eight_bits_first=eight_bits_first,
        calibration=calibration,
        distillation=(0.5 if teacher else 0.0) if distillation is None else distillation,
        temperature=temperature,
    )
    if recipe.distillation and not teacher:
        raise TrainingError("--distillation: needs a --teacher")
    top, task = out_ or design.parent / "train", found.load_study().task
    settings = Options(
        device=_computes_on(torch_device, device),
        weights=weights,
        teacher=teacher,
        save_every=save_every,
        restart=restart,
        grams_per_core_hour=gco2e,
    )
    runs = [(recipe.model_copy(update={"seed": seed + n}), top if seeds == 1 else top / f"seed-{seed + n}") for n in range(seeds)]
    if detection_heads(found):
        refuse_for_boxes(recipe)
        boxes = open_boxes(data, task, resize=resize, limit=limit)
        detectors = _each(runs, lambda its, to, say: train_boxes(found, name, boxes, its, to, settings, say), quiet)
        draw = partial(draw_detector, name=name, pictures=not no_pictures)
        files = [path for one, (_, folder) in zip(detectors, runs, strict=True) for path in draw(one, folder=folder)]
        files.append(write_page(top))
        document, tell = detectors_document(detectors, name, boxes, files), partial(print_detectors, out(), detectors, boxes)
    else:
        images = open_data(data, task, resize=resize, limit=limit)
        trained = _each(runs, lambda its, to, say: train(found, name, images, its, to, settings, say), quiet)
        show = partial(draw_trained, name=name, data=images, pictures=not no_pictures)
        files = [path for one, (_, folder) in zip(trained, runs, strict=True) for path in show(one, folder=folder)]
        files.append(write_page(top))
        document, tell = trained_document(trained, name, images, files), partial(print_all, out(), trained, images)
    if top == design.parent / "train":
        write_page(design.parent)
    if json_:
        emit(document)
        return
    tell()
    out().print(f"written: {', '.join(place(path) for path in files)}", soft_wrap=True)


def _each(
    runs: Sequence[tuple[Recipe, Path]], work: Callable[[Recipe, Path, Callable[[Progress], None]], T | None], quiet: bool
) -> list[T]:
    """What comes out of every seed."""
    done: list[T] = []
    with TrainingLine(err(), quiet=quiet) as line:
        try:
            for recipe, folder in runs:
                one = work(
                    recipe,
                    folder,
                    lambda now: line.say(training_words(now.step, now.steps, now.loss, now.accuracy, now.left)),
                )
                assert one is not None  # nothing asked it to stop
                done.append(one)
        except KeyboardInterrupt:
            fail("interrupted; the same command goes on", INTERRUPTED)
    return done
