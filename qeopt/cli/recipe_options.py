"""Options that say how a network is trained: those of a recipe, and where learning starts.

`SomeRate` and its like are the same options where they may be left open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from qeopt.training.recipe import Recipe

USUAL = Recipe()
Epochs = Annotated[
    float, typer.Option("--epochs", metavar="X", min=0, max=100_000, help="Times that every training image is seen.")
]
Batch = Annotated[int, typer.Option("--batch", metavar="N", min=2, max=65_536, help="Images in one step.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="Of first weights, order and augmentation.")]
Seeds = Annotated[int, typer.Option("--seeds", metavar="N", min=1, max=1000, help="Train so often, each with the next seed.")]
Optimiser = Annotated[Literal["adam", "adamw", "sgd"], typer.Option("--optimiser", help="Who makes the steps.")]
_RATE = typer.Option("--rate", metavar="X", min=1e-9, max=10, help="Highest learning rate.")
Rate = Annotated[float, _RATE]
SomeRate = Annotated[float | None, _RATE]
_DECAY = typer.Option("--weight-decay", metavar="X", min=0, max=1, help="Weight decay.")
Decay = Annotated[float, _DECAY]
SomeDecay = Annotated[float | None, _DECAY]
_SMOOTHING = typer.Option("--label-smoothing", metavar="X", min=0, max=0.99, help="Share of labels spread over all classes.")
Smoothing = Annotated[float, _SMOOTHING]
SomeSmoothing = Annotated[float | None, _SMOOTHING]
Shift = Annotated[int, typer.Option("--shift", metavar="N", min=0, max=512, help="Move images by up to N pixels.")]
Flip = Annotated[bool, typer.Option("--flip", help="Mirror half of the images.")]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", metavar="FILE", help="Start from these: an .npz, or the ONNX model the design came from."),
]
_WEIGHT_STEPS = typer.Option("--weight-steps", help="One step of the grid a channel of weights, or a tensor.")
WeightSteps = Annotated[Literal["channel", "tensor"], _WEIGHT_STEPS]
SomeWeightSteps = Annotated[Literal["channel", "tensor"] | None, _WEIGHT_STEPS]
_NORMALISATION = typer.Option(
    "--normalisation", help="Where batch normalisation goes: into the scales behind weights, or into weights first."
)
Normalisation = Annotated[Literal["apart", "folded"], _NORMALISATION]
SomeNormalisation = Annotated[Literal["apart", "folded"] | None, _NORMALISATION]
_EIGHT_FIRST = typer.Option(
    "--eight-bits-first", metavar="X", min=0, max=0.99, help="Share of the steps before widths go below 8 bits."
)
EightFirst = Annotated[float, _EIGHT_FIRST]
SomeEightFirst = Annotated[float | None, _EIGHT_FIRST]
_CALIBRATION = typer.Option(
    "--calibration-batches", metavar="N", min=1, max=10_000, help="Batches by which first step sizes are chosen."
)
Calibration = Annotated[int, _CALIBRATION]
SomeCalibration = Annotated[int | None, _CALIBRATION]
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
Restart = Annotated[bool, typer.Option("--restart", help="Begin anew instead of going on where a run in the folder was cut off.")]
