"""Softmax in integers: exponentials of a table over their exact sum, rounded once, halves to even."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qeopt.export.arithmetic.quantised import Grid, Integers, Reals
from qeopt.export.arithmetic.rounding import quotient
from qeopt.export.errors import ExportError
from qeopt.network.functions import Terms

SOFTMAX = "softmax"
POWER_BITS = 30
"""What the largest value contributes to the sum is 2 to this."""
LEAST_SCALE = 2.0**-31
"""The scale of what is written is at least this, so that 64 bits hold everything."""
_AXES = {2: 1, 0: 2, 1: 3}


class Exponentials(NamedTuple):
    """Tables by how many steps a value lies below the largest one, from 0 on."""

    terms: Integers
    """e to the power of less that, in units of 2^-30: what is summed."""
    numerators: Integers
    """The same over the scale of the output: what is divided by the sum."""


def exponentials(source: Grid, output: Grid, name: str) -> Exponentials:
    """The tables of a softmax that reads one grid and writes another.

    Raises:
        ExportError: the scale of the output is below 2^-31.
    """
    if output.scale < LEAST_SCALE:
        raise ExportError(f"{name!r} is a softmax that writes steps of {output.scale:g}; steps of 2^-31 or more were expected")
    powers = np.ldexp(np.exp(-np.arange(source.high - source.low + 1) * np.float64(source.scale)), POWER_BITS)
    return Exponentials(np.rint(powers).astype(np.int64), np.rint(powers / output.scale).astype(np.int64))


def softmax(values: Integers, tables: Exponentials, axis: int) -> Integers:
    """Numerators over the sum of the terms along an axis, to the nearest integer, halves to the even one; not clipped."""
    below = values.max(axis=axis, keepdims=True) - values
    return quotient(tables.numerators[below], tables.terms[below].sum(axis=axis, keepdims=True))


def real_softmax(values: Reals, axis: int) -> Reals:
    """The same of real values."""
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def axis_of(terms: Terms) -> int:
    """The axis of (images, channels, height, width) that a softmax runs over: channels, unless its term says rows or columns."""
    return _AXES[int(terms[0] or 0)] if terms else 1


def whole_scale(grid: Grid) -> float:
    """What 1 stands for where values reach up to 1 whatever the image, so that it is not fitted: 1/256 for bytes without a sign."""
    return 1.0 / (grid.high + 1)
