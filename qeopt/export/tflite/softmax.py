"""Softmax of 8-bit integers as the reference kernel of TensorFlow Lite Micro computes it: fixed-point numbers of 32 bits.

A number with n integer bits is an integer in units of 2^(n - 31). Products keep the upper half, rounded; integer bits add up.
All of it is the arithmetic of gemmlowp.
"""

from __future__ import annotations

import numpy as np

from qeopt.export.arithmetic.quantised import Grid, Integers
from qeopt.export.arithmetic.rounding import factors, half_away_from_zero

GRID = Grid(8, is_signed=False, scale=1 / 256)
"""What the kernel writes."""
_ONE = (1 << 31) - 1
_DIFFERENCE_BITS, _SUM_BITS = 5, 12
"""Integer bits of differences to the largest value, and of the sum of exponentials."""
_QUARTER = 1 << (31 - _DIFFERENCE_BITS - 2)
_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""e^-(2^n) for n from -2 on, without integer bits."""
_EXP_EIGHTH, _THIRD = 1895147668, 715827883
"""e^(-1/8) and 1/3, without integer bits."""
_48_OVER_17, _32_OVER_17 = 1515870810, 1010580540
"""With two integer bits; where Newton's method begins."""


def softmax(values: Integers, scale: float) -> Integers:
    """Softmax over channels.

    Args:
        values: Integers in units of `scale`, shape (images, channels, height, width).
        scale: What 1 stands for.

    Returns:
        Integers from 0 to 255 in units of 1/256, of the same shape.
    """
    (multiplier,), (shift,) = factors([min(scale * (1 << (31 - _DIFFERENCE_BITS)), _ONE) / (1 << 31)], "softmax")
    left = int(31 - shift) + 31
    least = -((((1 << _DIFFERENCE_BITS) - 1) << (31 - _DIFFERENCE_BITS)) >> left)
    differences = values - values.max(axis=1, keepdims=True)
    counts = differences >= least
    powers = _exponential(_product(np.where(counts, differences, 0) << left, np.int64(multiplier)))
    total = np.where(counts, half_away_from_zero(powers, _SUM_BITS), 0).sum(axis=1, keepdims=True)
    bits = np.frexp(total.astype(np.float64))[1].astype(np.int64)  # exact: sums are below 2^53
    share = _reciprocal((total << (32 - bits)) - (1 << 31))
    found = half_away_from_zero(_product(share, powers), _SUM_BITS - (32 - bits) + 31 - GRID.bits)
    return np.where(counts, np.clip(found, GRID.low, GRID.high), 0)


def _exponential(values: Integers) -> Integers:
    """Powers of e to numbers that are not positive, with as many integer bits as differences have; the result has none."""
    rest = (values & (_QUARTER - 1)) - _QUARTER
    found, whole = _near_eighth(rest << _DIFFERENCE_BITS), rest - values
    for number, power in enumerate(_POWERS):
        found = np.where(whole & (_QUARTER << number), _product(found, np.int64(power)), found)
    return np.where(values == 0, _ONE, found)


def _near_eighth(values: Integers) -> Integers:
    """Powers of e to numbers from -1/4 to 0, by four terms around -1/8."""
    x = values + (1 << 28)
    square = _product(x, x)
    fourth = half_away_from_zero(_product(square, square), 2)
    terms = half_away_from_zero(_product(fourth + _product(square, x), np.int64(_THIRD)) + square, 1)
    return _EXP_EIGHTH + _product(x + terms, np.int64(_EXP_EIGHTH))


def _reciprocal(values: Integers) -> Integers:
    """1 / (1 + x) of numbers from 0 to 1, none with integer bits, by three steps of Newton's method."""
    half = (values + _ONE + 1) >> 1
    x = _48_OVER_17 + _product(half, np.int64(-_32_OVER_17))
    for _ in range(3):
        x = x + _clipped(_product(x, (1 << 29) - _product(half, x)) << 2)
    return _clipped(x << 1)


def _product(one: Integers, other: Integers | np.int64) -> Integers:
    """The upper half of twice the product, rounded, halves away from zero."""
    whole = one * other
    nudged = whole + np.where(whole >= 0, 1 << 30, 1 - (1 << 30))
    return np.asarray(np.sign(nudged) * (np.abs(nudged) >> 31))


def _clipped(values: Integers) -> Integers:
    return np.clip(values, -_ONE - 1, _ONE)
