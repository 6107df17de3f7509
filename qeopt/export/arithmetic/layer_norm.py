"""Layer normalisation in integers: exact sums, the root of the variance rounded down, then two roundings to the nearest.

Of the integers q of a position, C channels in steps of s, let V = C sum(q^2) - sum(q)^2 and D = C q - sum(q). Then the normalised
value is D / sqrt(V + epsilon C^2 / s^2). The root is taken of that sum times a power of four, as large as 52 bits hold; the
quotient is rounded in units of a power of two, and so is its product with the factor plus the summand. No number on the way has
more than 53 bits, so that doubles compute the same. Where V is small the root has fewer digits: it is off by its inverse at most,
2^-14 for 768 channels of 8 bits.
"""

from __future__ import annotations

from math import frexp, ldexp, sqrt
from typing import NamedTuple

import numpy as np

from qeopt.export.arithmetic.quantised import Grid, Integers, Norm, Reals
from qeopt.export.arithmetic.rounding import MOST_SHIFT, half_to_even, quotient
from qeopt.export.errors import ExportError
from qeopt.network import Op

USUAL_EPSILON = 1e-5
EXACT_BITS = 52
"""What the root is taken of, and what is rounded at the end, is below 2 to this."""
QUOTIENT_BITS = 23
"""A normalised value as an integer is below 2 to this."""


class NormSteps(NamedTuple):
    """The numbers of one layer normalisation."""

    widening: int
    """The root is taken of V times 4 to this."""
    epsilon: int
    """What is added to that, 1 at least."""
    fraction: int
    """Normalised values are integers in units of 1 over 2 to this."""
    multipliers: Integers
    """By channel, below 2^29; times normalised values."""
    summands: Integers
    """By channel; added to these products."""
    shift: int
    """What is divided by 2 to this at the end, 1 to 62."""


def norm_steps(norm: Norm, source: Grid, output: Grid, name: str) -> NormSteps:
    """The numbers of the layer normalisation of a name.

    Raises:
        ExportError: sums of squares leave 52 bits, or factors and summands are too large for the scale of the output.
    """
    channels = len(norm.factors)
    if channels * max(source.high, -source.low) >= 1 << EXACT_BITS // 2:
        raise ExportError(
            f"{name!r} normalises {channels} channels of {source.bits} bits; {EXACT_BITS} bits do not hold squares of their sums"
        )
    reach, epsilon = (channels * (source.high - source.low)) ** 2 / 4, norm.epsilon * (channels / source.scale) ** 2
    widening = (EXACT_BITS - frexp(reach + epsilon + 1)[1]) // 2
    if widening < 0:
        raise ExportError(
            f"{name!r} adds {norm.epsilon:g} to the variance of values in steps of {source.scale:g}; "
            f"{EXACT_BITS} bits do not hold both"
        )
    largest = sqrt((channels - 1) * reach / (reach + epsilon))  # of normalised values
    fraction = QUOTIENT_BITS - 1 - frexp(largest)[1]
    factors, summands = norm.factors / output.scale, norm.summands / output.scale
    most = float((np.ldexp(np.abs(factors), QUOTIENT_BITS - fraction) + np.abs(summands)).max())
    shift = min(EXACT_BITS - frexp(most)[1], MOST_SHIFT)
    if shift < 1:
        raise ExportError(f"{name!r}: values of up to {most:g} steps of its output are too large for integers")
    return NormSteps(
        widening,
        max(round(ldexp(epsilon, 2 * widening)), 1),
        fraction,
        np.rint(np.ldexp(factors, shift - fraction)).astype(np.int64),
        np.rint(np.ldexp(summands, shift)).astype(np.int64),
        shift,
    )


def layer_norm(values: Integers, found: NormSteps) -> Integers:
    """Normalise over channels; shape (images, channels, height, width) and not clipped."""
    channels, total = values.shape[1], values.sum(axis=1, keepdims=True)
    variances = channels * (values * values).sum(axis=1, keepdims=True) - total * total
    roots = np.floor(np.sqrt(((variances << 2 * found.widening) + found.epsilon).astype(np.float64))).astype(np.int64)
    normal = quotient((channels * values - total) << (found.widening + found.fraction), roots)
    sums = normal * found.multipliers[:, None, None] + found.summands[:, None, None]
    return half_to_even(sums, np.array(found.shift))


def epsilon_of(op: Op) -> float:
    """What a layer normalisation adds to the variance."""
    return float(op.terms[0] or 0.0) if op.terms else USUAL_EPSILON


def real_layer_norm(values: Reals, norm: Norm) -> Reals:
    """The same of real values."""
    apart = values - values.mean(axis=1, keepdims=True)
    deviation = np.sqrt((apart**2).mean(axis=1, keepdims=True) + norm.epsilon)
    normal = apart / np.where(deviation > 0, deviation, 1)  # nothing is apart there
    return np.asarray(normal * norm.factors[:, None, None] + norm.summands[:, None, None])
