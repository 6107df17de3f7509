"""`qeopt train`: train a design with its bits, and say what the integer network gets right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from qeopt.cli import options
from qeopt.cli.verb import BAD_USAGE, INTERRUPTED, emit, err, fail, out
from qeopt.design import load_sound_design
from qeopt.export.detection import detection_heads
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
USUAL = Recipe()
Epochs = Annotated[
    float, typer.Option("--epochs", metavar="X", min=0, max=100_000, help="Times that every training image is seen.")
]
Batch = Annotated[int, typer.Option("--batch", metavar="N", min=2, max=65_536, help="Images in one step.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="Of first weights, order and augmentation.")]
Seeds = Annotated[int, typer.Option("--seeds", metavar="N", min=1, max=1000, help="Train so often, each with the next seed.")]
Optimiser = Annotated[Literal["adam", "adamw", "sgd"], typer.Option("--optimiser", help="Who makes the steps.")]
Rate = Annotated[float, typer.Option("--rate", metavar="X", min=1e-9, max=10, help="Highest learning rate.")]
Decay = Annotated[float, typer.Option("--weight-decay", metavar="X", min=0, max=1, help="Weight decay.")]
Smoothing = Annotated[
    float, typer.Option("--label-smoothing", metavar="X", min=0, max=0.99, help="Share of labels spread over all classes.")
]
Shift = Annotated[int, typer.Option("--shift", metavar="N", min=0, max=512, help="Move images by up to N pixels.")]
Flip = Annotated[bool, typer.Option("--flip", help="Mirror half of the images.")]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", metavar="FILE", help="Start from these: an .npz, or the ONNX model the design came from."),
]
EightFirst = Annotated[
    float,
    typer.Option("--eight-bits-first", metavar="X", min=0, max=0.99, help="Share of the steps before widths go below 8 bits."),
]
Calibration = Annotated[
    int, typer.Option("--calibration", metavar="N", min=1, max=10_000, help="Batches by which first step sizes are chosen.")
]
Teacher = Annotated[
    str,
    typer.Option("--teacher", metavar="FILE:FUNCTION", help="Learn from a torch module too, which FUNCTION in FILE.py returns."),
]
Distillation = Annotated[
    float | None, typer.Option("--distillation", metavar="X", min=0, max=1, help="Share of the loss that is the teacher's (0.5).")
]
Temperature = Annotated[
    float, typer.Option("--temperature", metavar="X", min=0.01, max=1000, help="Of the comparison with the teacher.")
]
SaveEvery = Annotated[float, typer.Option("--save-every", metavar="SECONDS", min=0, help="Time between checkpoints.")]
Restart = Annotated[bool, typer.Option("--restart", help="Begin anew instead of going on where a run in the folder was cut off.")]

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
    epochs: Epochs = USUAL.epochs,
    batch: Batch = USUAL.batch,
    seed: Seed = USUAL.seed,
    seeds: Seeds = 1,
    optimiser: Optimiser = USUAL.optimiser,
    rate: Rate = USUAL.rate,
    weight_decay: Decay = USUAL.weight_decay,
    label_smoothing: Smoothing = USUAL.label_smoothing,
    shift: Shift = USUAL.shift,
    flip: Flip = USUAL.flip,
    weights: Weights = None,
    eight_bits_first: EightFirst = USUAL.eight_bits_first,
    calibration: Calibration = USUAL.calibration,
    teacher: Teacher = "",
    distillation: Distillation = None,
    temperature: Temperature = USUAL.temperature,
    torch_device: options.TorchDevice = "auto",
    device: OldDevice = None,
    limit: options.DataLimit = None,
    resize: options.DataResize = False,
    save_every: SaveEvery = 30.0,
    restart: Restart = False,
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
