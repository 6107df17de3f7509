"""`qeopt tune`: find out how to train a design, by short trainings."""

from __future__ import annotations

import shlex
from typing import Annotated, Any, Literal

import typer

from qeopt.cli import options
from qeopt.cli import recipe_options as told
from qeopt.cli.verb import INTERRUPTED, emit, err, fail, out
from qeopt.report.training import TrainingLine, training_words
from qeopt.report.words import place
from qeopt.runs import beside
from qeopt.training.tuned import print_tuned, write_tuned
from qeopt.training.tuning import KNOBS
from qeopt.training.verbs.tune import EPOCHS, FOLDER, USUAL, tune

Trials = Annotated[int, typer.Option("--trials", metavar="N", min=1, max=100_000, help="Short trainings in all.")]
Share = Annotated[float, typer.Option("--share", metavar="X", min=0.001, max=1, help="Share of the images they learn from.")]
Epochs = Annotated[float, typer.Option("--epochs", metavar="X", min=1e-9, max=100_000, help="Times that each sees its images.")]
Sampler = Annotated[Literal["tpe", "random"], typer.Option("--sampler", help="Who proposes: an estimator, or chance.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="Of the proposals and of each training.")]


@told.with_recipe_options("epochs", "seed", searched=[knob.name for knob in KNOBS])
def command(
    design: options.DesignFile,
    data: options.DataSet,
    *,
    trials: Trials = USUAL.trials,
    share: Share = USUAL.share,
    epochs: Epochs = EPOCHS,
    sampler: Sampler = USUAL.sampler,
    seed: Seed = USUAL.seed,
    stated: dict[str, Any],
    weights: told.Weights = None,
    teacher: told.Teacher = "",
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
    folder = out_ or beside(design, FOLDER)
    with TrainingLine(err(), quiet=quiet) as line:
        try:
            tuned = tune(
                design,
                data,
                trials=trials,
                share=share,
                sampler=sampler,
                seed=seed,
                stated={"epochs": epochs, **stated},
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
    more = [
        *(["--resize"] if resize else []),
        *(["--weights", str(weights)] if weights else []),
        *(["--teacher", teacher] if teacher else []),
    ]
    asked = shlex.join(["qeopt", "train", place(design), "--data", data, *more])
    path, document = write_tuned(folder, tuned, asked)
    if json_:
        emit({**document, "files": [str(path)]})
        return
    print_tuned(out(), tuned, asked)
    out().print(f"written: {place(path)}", soft_wrap=True)
