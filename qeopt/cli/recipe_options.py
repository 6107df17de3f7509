"""Options that say how a network is trained: those of a recipe, and where learning starts."""

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
WeightSteps = Annotated[
    Literal["channel", "tensor"], typer.Option("--weight-steps", help="One step of the grid a channel of weights, or a tensor.")
]
Normalisation = Annotated[
    Literal["apart", "folded"],
    typer.Option("--normalisation", help="Where batch normalisation goes: into the scales behind weights, or into weights first."),
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
Restart = Annotated[bool, typer.Option("--restart", help="Begin anew instead of going on where a run in the folder was cut off.")]
