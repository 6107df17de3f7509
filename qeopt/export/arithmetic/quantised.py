"""A network with numbers in it: integer weights, and what the integers of every tensor stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qeopt.network import Network

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """What an activation tensor may hold: `scale` times the integers of `bits` bits; zero is always among them."""

    bits: int
    is_signed: bool
    scale: float

    @property
    def low(self) -> int:
        """The least integer."""
        return -(1 << (self.bits - 1)) if self.is_signed else 0

    @property
    def high(self) -> int:
        """The greatest integer."""
        return (1 << (self.bits - self.is_signed)) - 1

    def quantise(self, values: Reals) -> Integers:
        """The nearest integers, halves to the even one, those out of range to its end."""
        return np.clip(np.rint(values / self.scale), self.low, self.high).astype(np.int64)


@dataclass(frozen=True)
class Weights:
    """The weights of one operator."""

    bits: int
    values: Integers
    """Signed integers of `bits` bits; convolutions (out, in / groups, height, width), dense layers (out, in), where in runs over
    channels, height and width; factors of affine operators (channels, height, width), sides of 1 where they are the same."""
    scales: Reals
    """What 1 stands for, by output channel."""
    bias: Integers
    """By output channel, 32 bits, in units of the weight scale times the scale of the input; summands as factors."""


@dataclass(frozen=True)
class Norm:
    """The constants of a layer normalisation, as real numbers."""

    factors: Reals
    """By channel."""
    summands: Reals
    """By channel; zeros where it has none."""
    epsilon: float
    """What is added to the variance."""


@dataclass(frozen=True)
class QuantisedNetwork:
    """A network that can be run on integers."""

    network: Network
    functions: Mapping[str, str]
    """Non-linear function at the end of each operator; the empty text for none."""
    grids: Mapping[str, Grid]
    """By tensor."""
    weights: Mapping[str, Weights]
    """By operator."""
    slopes: Mapping[str, Reals] = field(default_factory=dict)
    """By operator whose function has slopes of its own: below zero, by channel, shape (channels, 1, 1)."""
    norms: Mapping[str, Norm] = field(default_factory=dict)
    """By layer normalisation."""


def weight_range(bits: int) -> tuple[int, int]:
    """Least and greatest weight of `bits` bits; one bit holds -1 and 0."""
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
