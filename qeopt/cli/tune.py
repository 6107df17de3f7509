"""`qeopt tune`: find out how to train a design, by short trainings."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from qeopt.cli import options
from qeopt.cli import recipe_options as told
from qeopt.cli.recipe_options import USUAL
from qeopt.cli.verb import INTERRUPTED, emit, err, fail, out
from qeopt.report.training import TrainingLine, training_words
from qeopt.report.words import place
from qeopt.training.tuned import print_tuned, write_tuned
from qeopt.training.verbs.tune import EPOCHS, FOLDER, tune
from qeopt.training.verbs.tune import USUAL as FIRST

Trials = Annotated[int, typer.Option("--trials", metavar="N", min=1, max=100_000, help="Short trainings in all.")]
Share = Annotated[float, typer.Option("--share", metavar="X", min=0.001, max=1, help="Share of the images they learn from.")]
Epochs = Annotated[float, typer.Option("--epochs", metavar="X", min=0, max=100_000, help="Times that each sees its images.")]
Sampler = Annotated[Literal["tpe", "random"], typer.Option("--sampler", help="Who proposes: an estimator, or chance.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="Of the proposals and of each training.")]


def command(
    design: options.DesignFile,
    data: options.DataSet,
    trials: Trials = FIRST.trials,
    share: Share = FIRST.share,
    epochs: Epochs = EPOCHS,
    sampler: Sampler = FIRST.sampler,
    seed: Seed = FIRST.seed,
    batch: told.Batch = USUAL.batch,
    optimiser: told.Optimiser = USUAL.optimiser,
    rate: told.SomeRate = None,
    weight_decay: told.SomeDecay = None,
    label_smoothing: told.SomeSmoothing = None,
    shift: told.Shift = USUAL.shift,
    flip: told.Flip = USUAL.flip,
    weights: told.Weights = None,
    weight_steps: told.SomeWeightSteps = None,
    normalisation: told.SomeNormalisation = None,
    eight_bits_first: told.SomeEightFirst = None,
    calibration: told.SomeCalibration = None,
    teacher: told.Teacher = "",
    distillation: told.Distillation = None,
    temperature: told.Temperature = USUAL.temperature,
    torch_device: options.TorchDevice = "auto",
    limit: options.DataLimit = None,
    resize: options.DataResize = False,
    restart: told.Restart = False,
    out_: options.Out = None,
    gco2e: options.Carbon = options.GRAMS,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Search for the recipe by which a design learns best, by short trainings on a share of the images.

    What is stated is kept; all else of the recipe is searched. Cut off, the same command goes on where it was.
    """
    whole = {"epochs": epochs, "batch": batch, "optimiser": optimiser, "shift": shift, "flip": flip, "temperature": temperature}
    searched = {
        "rate": rate,
        "weight_decay": weight_decay,
        "label_smoothing": label_smoothing,
        "weight_steps": weight_steps,
        "normalisation": normalisation,
        "eight_bits_first": eight_bits_first,
        "calibration": calibration,
        "distillation": distillation if teacher else 0.0,
    }
    folder = out_ or design.parent / FOLDER
    with TrainingLine(err(), quiet=quiet) as line:
        try:
            tuned = tune(
                design,
                data,
                trials=trials,
                share=share,
                sampler=sampler,
                seed=seed,
                stated={**whole, **{name: value for name, value in searched.items() if value is not None}},
                out=folder,
                weights=weights,
                teacher=teacher,
                torch_device=torch_device,
                limit=limit,
                resize=resize,
                restart=restart,
                grams_per_core_hour=gco2e,
                report=lambda number, now: line.say(
                    f"trial {number + 1} of {trials}: {training_words(now.step, now.steps, now.loss, now.accuracy, now.left)}"
                ),
            )
        except KeyboardInterrupt:
            fail("interrupted; the same command goes on", INTERRUPTED)
    asked = f"qeopt train {place(design)} --data {data}"
    path, document = write_tuned(folder, tuned, asked)
    if json_:
        emit({**document, "files": [str(path)]})
        return
    print_tuned(out(), tuned, asked)
    out().print(f"written: {place(path)}", soft_wrap=True)
