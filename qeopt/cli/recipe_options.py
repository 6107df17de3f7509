"""Options that say how a network is trained: one table, so that they are spelled and mean the same on every verb.

A verb takes those of a recipe with `@with_recipe_options()` and finds what is stated as `stated`, by key of `Recipe`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from qeopt.cli.splice import spliced
from qeopt.training.recipe import Recipe, option_of

STATED = "stated"


@dataclass(frozen=True)
class RecipeOption:
    """An option and what it may be; it stands for a key of `Recipe`."""

    type: Any
    help: str
    metavar: str | None = None
    min: float | None = None
    max: float | None = None

    def parameter(self, key: str, usual: Any) -> tuple[Any, Any]:
        """Annotation and default of the option of a key; without a `usual` value it may be left open."""
        option = typer.Option(option_of(key), metavar=self.metavar, min=self.min, max=self.max, help=self.help)
        return Annotated[self.type if usual is not None else self.type | None, option], usual


OPTIONS: Mapping[str, RecipeOption] = {
    "epochs": RecipeOption(float, "Times that every training image is seen.", "X", 1e-9, 100_000),
    "batch": RecipeOption(int, "Images in one step.", "N", 2, 65_536),
    "seed": RecipeOption(int, "Of first weights, order and augmentation.", "N", 0, 2**32 - 1),
    "optimiser": RecipeOption(Literal["adam", "adamw", "sgd"], "Who makes the steps."),
    "rate": RecipeOption(float, "Highest learning rate.", "X", 1e-9, 10),
    "step_rate": RecipeOption(float, "Rate of step sizes, as a share of that of everything else.", "X", 1e-9, 1),
    "weight_decay": RecipeOption(float, "Weight decay.", "X", 0, 1),
    "label_smoothing": RecipeOption(float, "Share of labels spread over all classes.", "X", 0, 0.99),
    "shift": RecipeOption(int, "Move images by up to N pixels.", "N", 0, 512),
    "flip": RecipeOption(bool, "Mirror half of the images."),
    "weight_steps": RecipeOption(Literal["channel", "tensor"], "One step of the grid a channel of weights, or a tensor."),
    "normalisation": RecipeOption(
        Literal["apart", "folded"],
        "Where batch normalisation goes: into the scales behind weights, or into weights first.",
    ),
    "eight_bits_first": RecipeOption(float, "Share of the steps before widths go below 8 bits.", "X", 0, 0.99),
    "calibration": RecipeOption(int, "Batches by which first step sizes are chosen.", "N", 1, 10_000),
    "distillation": RecipeOption(float, "Share of the loss that is the teacher's (0.5).", "X", 0, 1),
    "temperature": RecipeOption(float, "Of the comparison with the teacher.", "X", 0.01, 1000),
}
"""By key of `Recipe`, in the order in which help lists them."""


def with_recipe_options(*without: str, searched: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command all options of `OPTIONS` but those named; it finds their values as `stated`.

    Args:
        without: Options that the command has itself, or has not.
        searched: Those that may be left open, and are then not stated; so may the distillation.
    """
    usual = {**Recipe().model_dump(), **dict.fromkeys((*searched, "distillation"))}
    taken = {name: option.parameter(name, usual[name]) for name, option in OPTIONS.items() if name not in without}

    def wrap(command: Callable[..., None]) -> Callable[..., None]:
        return spliced(command, taken, STATED, stated)

    def stated(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if value is not None}

    return wrap


Seeds = Annotated[int, typer.Option("--seeds", metavar="N", min=1, max=1000, help="Train so often, each with the next seed.")]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", metavar="FILE", help="Start from these: an .npz, or the ONNX model the design came from."),
]
Teacher = Annotated[
    str,
    typer.Option("--teacher", metavar="FILE:FUNCTION", help="Learn from a torch module too, which FUNCTION in FILE.py returns."),
]
Restart = Annotated[bool, typer.Option("--restart", help="Begin anew instead of going on where a run in the folder was cut off.")]
