"""Functions of each value as the reference kernels of TensorFlow Lite Micro compute them on 8-bit integers.

Sources: `LOGISTIC`, `TANH` (kernels/internal/reference/integer_ops) and `HARD_SWISH` (kernels/internal/reference) of
https://github.com/tensorflow/tflite-micro/tree/main/tensorflow/lite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from qeopt.export.arithmetic.quantised import Grid, Integers
from qeopt.export.arithmetic.rounding import factors, half_away_from_zero, rescale_cmsis_double
from qeopt.export.errors import ExportError
from qeopt.export.tflite.fixed_point import hyperbolic_tangent, logistic
from qeopt.export.tflite.softmax import GRID

WRITTEN: Mapping[str, Grid] = {"softmax": GRID, "sigmoid": GRID, "tanh": Grid(8, is_signed=True, scale=1 / 128)}
"""What kernels of some functions write, whatever the file says."""
_INTEGER_BITS = 4
"""Of what sigmoid and tanh are computed of."""
_MOST = (1 << _INTEGER_BITS) - 1
"""From here on both are at their ends."""
_HALF_WORD = 1 << 15
_UP = 7
"""Bits by which values are shifted up before a hard-swish, which is computed in 16 bits."""


def sigmoid(values: Integers, scale: float) -> Integers:
    """1 / (1 + e^-x) of integers in units of `scale`: integers from 0 to 255 in units of 1/256."""
    return _curve(values, scale, logistic, WRITTEN["sigmoid"])


def tanh(values: Integers, scale: float) -> Integers:
    """The hyperbolic tangent of integers in units of `scale`: integers from -128 to 127 in units of 1/128."""
    return _curve(values, scale, hyperbolic_tangent, WRITTEN["tanh"])


def hard_swish(values: Integers, scale: float, out: float) -> Integers:
    """X min(max(x + 3, 0), 6) / 6 of integers in units of `scale`: integers in units of `out`, not clipped.

    Raises:
        ExportError: what is written has steps of less than 1/128 of those that are read.
    """
    (gate, gate_shift), (factor, shift) = (_half(scale / (1 << _UP) / unit, "hard-swish") for unit in (3 / _HALF_WORD, out))
    if shift > 0:
        raise ExportError(f"a hard-swish writes steps of {out:g} of steps of {scale:g}; 128 times finer ones are the finest")
    raised = values << _UP
    share = _saturated(raised << max(gate_shift - 1, 0))
    share = _saturated(_product(share, gate) << min(max(gate_shift, 0), 1))
    share = (half_away_from_zero(share, max(-gate_shift, 0)) + _HALF_WORD) >> 1
    doubled = share * _product(raised, factor)
    return half_away_from_zero(np.sign(doubled) * (np.abs(doubled) >> 15), -shift)


def _curve(values: Integers, scale: float, function: Callable[[Integers, int], Integers], out: Grid) -> Integers:
    multipliers, shifts = factors([scale * (1 << (31 - _INTEGER_BITS))], "a function of few steps")
    radius = int(_MOST * 2.0 ** (int(shifts[0]) - _INTEGER_BITS))
    inner = rescale_cmsis_double(np.clip(values, 1 - radius, radius - 1), multipliers, shifts)
    found = half_away_from_zero(function(inner, _INTEGER_BITS), 31 - out.bits + out.is_signed)
    found = np.clip(found, out.low, out.high)
    return np.where(values <= -radius, out.low, np.where(values >= radius, out.high, found))


def _half(value: float, what: str) -> tuple[int, int]:
    """A factor as a multiplier of 15 bits and the power of two that it is taken times."""
    (multiplier,), (shift,) = factors([value], what)
    return min((int(multiplier) + _HALF_WORD) >> 16, _HALF_WORD - 1), int(31 - shift)


def _product(values: Integers, factor: int) -> Integers:
    """The upper half of twice a product of 16 bits, rounded, halves away from zero."""
    whole = values * factor
    nudged = whole + np.where(whole >= 0, 1 << 14, 1 - (1 << 14))
    return np.asarray(np.sign(nudged) * (np.abs(nudged) >> 15))


def _saturated(values: Integers) -> Integers:
    return np.clip(values, -_HALF_WORD, _HALF_WORD - 1)
