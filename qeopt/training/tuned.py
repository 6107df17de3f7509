"""What a search for a recipe found, as text and JSON."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console

from qeopt.files import write_atomically
from qeopt.report.cost import cost_document, cost_text
from qeopt.report.tables import rows_table
from qeopt.report.words import percent
from qeopt.spec.units import counted
from qeopt.training.recipe import Recipe, option_of
from qeopt.training.tuning import Trial, Tuned

FORMAT, RECORD = "qeopt.tune/1", "tune.json"
LISTED = 8
"""Trials that are listed, the best first."""


def write_tuned(folder: Path, found: Tuned, asked: str) -> tuple[Path, dict[str, Any]]:
    """Write all trials down; `asked` is the command that trains, without a recipe."""
    document = {
        "format": FORMAT,
        "held_out": found.held_out,
        "trained_by": found.trained_by,
        "searched": [knob.name for knob in found.knobs],
        "best": found.best.number,
        "command": train_command(found.best.recipe, asked),
        "trials": [_trial(trial) for trial in found.trials],
        **cost_document(found.cost),
    }
    path = folder / RECORD
    write_atomically(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
    return path, document


def _trial(trial: Trial) -> dict[str, Any]:
    recipe = trial.recipe.model_dump(mode="json")
    return {"number": trial.number, "accuracy": trial.accuracy, "recipe": recipe, "seconds": round(trial.cost.seconds, 3)}


def train_command(recipe: Recipe, asked: str) -> str:
    """The command that trains by a recipe for as long as usual; beside a teacher, the share of the loss that is the teacher's."""
    usual = Recipe().model_dump(exclude={"distillation"} if "--teacher" in asked.split() else None)
    words = []
    for name, value in recipe:
        if name in {"epochs", "warm_up"} or value == usual.get(name):
            continue
        option = option_of(name)
        words += [option] if value is True else [option, f"{value:.3g}" if isinstance(value, float) else str(value)]
    return " ".join([asked, *map(shlex.quote, words)])


def print_tuned(console: Console, found: Tuned, asked: str) -> None:
    """Say which recipes were best, what each choice made of the marks, and how to train."""
    names = [knob.name for knob in sorted(found.knobs, key=lambda knob: bool(knob.values))]  # ranges first: they matter most
    order = sorted(found.trials, key=lambda trial: (-trial.accuracy, trial.number))[:LISTED]
    rows = [
        (str(trial.number), percent(trial.accuracy), *(_said(getattr(trial.recipe, name)) for name in names)) for trial in order
    ]
    columns = {"trial": "right", "right": "right", **{name.replace("_", " "): "left" for name in names}}
    console.print(
        f"{counted(len(found.trials), 'trial')} of {found.trained_by:,} images each, marked by {found.held_out:,} others; "
        "trial 0 is the usual recipe"
    )
    console.print()
    console.print(rows_table(columns, rows))
    console.print()
    effects = [
        (knob.name.replace("_", " "), _said(value), str(len(marks)), percent(fmean(marks)))
        for knob in found.knobs
        for value in knob.values
        if (marks := [trial.accuracy for trial in found.trials if getattr(trial.recipe, knob.name) == value])
    ]
    if effects:
        console.print(rows_table({"choice": "left", "of": "left", "trials": "right", "right on average": "right"}, effects))
        console.print()
    console.print(cost_text(found.cost))
    console.print(f"to train: {train_command(found.best.recipe, asked)}", soft_wrap=True)


def _said(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
