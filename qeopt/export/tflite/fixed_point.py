"""Fixed-point numbers of 32 bits as gemmlowp computes with them: functions that kernels of TensorFlow Lite Micro are made of.

A number with n integer bits is an integer in units of 2^(n - 31). Products keep the upper half, rounded; integer bits add up.
Source: https://github.com/google/gemmlowp/blob/master/fixedpoint/fixedpoint.h.
"""

from __future__ import annotations

import numpy as np

from qeopt.export.arithmetic.quantised import Integers
from qeopt.export.arithmetic.rounding import half_away_from_zero

ONE = (1 << 31) - 1
"""1 without integer bits, all but the last step."""
_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""e^-(2^n) for n from -2 on, without integer bits."""
_EXP_EIGHTH, _THIRD = 1895147668, 715827883
"""e^(-1/8) and 1/3, without integer bits."""
_48_OVER_17, _32_OVER_17 = 1515870810, 1010580540
"""With two integer bits; where Newton's method begins."""
_ONE_OF_TWO = 1 << 29
"""1 with two integer bits."""


def product(one: Integers, other: Integers | np.int64) -> Integers:
    """The upper half of twice the product, rounded, halves away from zero."""
    whole = one * other
    nudged = whole + np.where(whole >= 0, 1 << 30, 1 - (1 << 30))
    return np.asarray(np.sign(nudged) * (np.abs(nudged) >> 31))


def exponential(values: Integers, bits: int) -> Integers:
    """Powers of e to numbers that are not positive, with `bits` integer bits, five at most; the result has none."""
    quarter = 1 << (31 - bits - 2)
    rest = (values & (quarter - 1)) - quarter
    found, whole = _near_eighth(rest << bits), rest - values
    for number, power in enumerate(_POWERS[: bits + 2]):
        found = np.where(whole & (quarter << number), product(found, np.int64(power)), found)
    return np.where(values == 0, ONE, found)


def reciprocal(values: Integers) -> Integers:
    """1 / (1 + x) of numbers from 0 to 1, none with integer bits."""
    return _clipped(_inverse(values) << 1)


def logistic(values: Integers, bits: int) -> Integers:
    """1 / (1 + e^-x) of numbers with `bits` integer bits; the result has none."""
    above = reciprocal(exponential(-np.abs(values), bits))
    return np.where(values == 0, 1 << 30, np.where(values > 0, above, ONE - above))


def hyperbolic_tangent(values: Integers, bits: int) -> Integers:
    """The hyperbolic tangent of numbers with `bits` integer bits, four at most; the result has none."""
    share = exponential(-np.abs(values), bits + 1)  # of twice the value, as the same integer has an integer bit more
    return np.sign(values) * _clipped((_inverse(share) - _ONE_OF_TWO) << 2)


def _near_eighth(values: Integers) -> Integers:
    """Powers of e to numbers from -1/4 to 0, by four terms around -1/8."""
    x = values + (1 << 28)
    square = product(x, x)
    fourth = half_away_from_zero(product(square, square), 2)
    terms = half_away_from_zero(product(fourth + product(square, x), np.int64(_THIRD)) + square, 1)
    return _EXP_EIGHTH + product(x + terms, np.int64(_EXP_EIGHTH))


def _inverse(values: Integers) -> Integers:
    """2 / (1 + x) of numbers from 0 to 1 without integer bits, with two of them, by three steps of Newton's method."""
    half = (values + ONE + 1) >> 1
    x = _48_OVER_17 + product(half, np.int64(-_32_OVER_17))
    for _ in range(3):
        x = x + _clipped(product(x, _ONE_OF_TWO - product(half, x)) << 2)
    return x


def _clipped(values: Integers) -> Integers:
    return np.clip(values, -ONE - 1, ONE)
