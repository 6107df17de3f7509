"""Softmax of 8-bit integers as the reference kernel of TensorFlow Lite Micro computes it: fixed-point numbers of 32 bits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qeopt.export.arithmetic.quantised import Grid, Integers
from qeopt.export.arithmetic.rounding import factors, half_away_from_zero
from qeopt.export.tflite.fixed_point import ONE, exponential, product, reciprocal

GRID = Grid(8, is_signed=False, scale=1 / 256)
"""What the kernel writes."""
_DIFFERENCE_BITS, _SUM_BITS = 5, 12
"""Integer bits of differences to the largest value, and of the sum of exponentials."""


class Constants(NamedTuple):
    """What the kernel is called with."""

    multiplier: int
    """By which a difference is multiplied, to become a number of `_DIFFERENCE_BITS` integer bits, ..."""
    left: int
    """... after it was shifted up by this many bits."""
    least: int
    """Differences below this count nothing."""


def constants(scale: float) -> Constants:
    """The constants for values in units of `scale`."""
    (multiplier,), (shift,) = factors([min(scale * (1 << (31 - _DIFFERENCE_BITS)), ONE) / (1 << 31)], "softmax")
    left = int(31 - shift) + 31
    return Constants(int(multiplier), left, -((((1 << _DIFFERENCE_BITS) - 1) << (31 - _DIFFERENCE_BITS)) >> left))


def softmax(values: Integers, scale: float) -> Integers:
    """Softmax over channels.

    Args:
        values: Integers in units of `scale`, shape (images, channels, height, width).
        scale: What 1 stands for.

    Returns:
        Integers from 0 to 255 in units of 1/256, of the same shape.
    """
    multiplier, left, least = constants(scale)
    differences = values - values.max(axis=1, keepdims=True)
    counts = differences >= least
    powers = exponential(product(np.where(counts, differences, 0) << left, np.int64(multiplier)), _DIFFERENCE_BITS)
    total = np.where(counts, half_away_from_zero(powers, _SUM_BITS), 0).sum(axis=1, keepdims=True)
    bits = np.frexp(total.astype(np.float64))[1].astype(np.int64)  # exact: sums are below 2^53
    share = reciprocal((total << (32 - bits)) - (1 << 31))
    found = half_away_from_zero(product(share, powers), _SUM_BITS - (32 - bits) + 31 - GRID.bits)
    return np.where(counts, np.clip(found, GRID.low, GRID.high), 0)
