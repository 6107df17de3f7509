"""How a network is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qeopt.spec.model import Block


def option_of(key: str) -> str:
    """The option of `qeopt train` that states a key of a recipe."""
    return "--calibration-batches" if key == "calibration" else f"--{key.replace('_', '-')}"


class Recipe(Block):
    """Everything that decides the weights beside the design and the data. The study of docs/truth.md had a `step_rate` of 1."""

    epochs: Annotated[float, Field(gt=0, le=100_000)] = 5.0
    """Times that every training image is seen; parts of one are allowed."""
    batch: Annotated[int, Field(ge=2, le=65_536)] = 64
    """Images in one step."""
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    """Who makes the steps; `sgd` has a momentum of 0.9."""
    rate: Annotated[float, Field(gt=0, le=10)] = 1e-2
    """Highest learning rate."""
    step_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Rate of the steps of grids as a share of that of everything else: Adam moves a value by the rate whatever its size, and steps
    are far smaller than weights."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the weights that every step takes off, times the rate; steps of grids and normalisation are let alone."""
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the steps in which the rate rises from nothing; from there it falls along a cosine."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of first weights, order and augmentation."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of every label that is spread over all classes."""
    shift: Annotated[int, Field(ge=0, le=512)] = 0
    """Pixels by which every image is moved at most, each way, anew each time it is seen."""
    flip: bool = False
    """Whether images are mirrored, left to right, half of the time."""
    weight_steps: Literal["channel", "tensor"] = "channel"
    """Steps of the grids of weights: one for every output channel, or one for the whole tensor."""
    normalisation: Literal["apart", "folded"] = "apart"
    """Whether batch normalisation is taken into the weights before they are rounded, or into the scales behind them."""
    eight_bits_first: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the steps in which every width below 8 bits is 8 bits."""
    calibration: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Batches by which the first steps of the grids are chosen."""
    distillation: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the loss that compares with a teacher; the rest compares with the labels."""
    temperature: Annotated[float, Field(gt=0, le=1000)] = 4.0
    """By what outputs are divided before a teacher's and the network's are compared."""
