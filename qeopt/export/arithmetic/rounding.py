"""Real factors as integers: a multiplier of 31 bits and a shift, and how the product of a sum with them is rounded.

A sum of 32 bits times a multiplier below 2^31 is a product below 2^62, so that everything here is exact in 64 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qeopt.export.arithmetic.quantised import Integers
from qeopt.export.errors import ExportError

MULTIPLIER_BITS = 31
MOST_SHIFT = 62
SUM_LOW, SUM_HIGH = -(2**31), 2**31 - 1
"""Ends of what a sum may be."""


class Factors(NamedTuple):
    """Positive factors, each the quotient of its multiplier and 2 to its shift."""

    multipliers: Integers
    """Below 2^31; at least 2^30 unless the shift is the largest or shared."""
    shifts: Integers
    """1 to 62."""


def factors(values: ArrayLike, what: str) -> Factors:
    """Return the nearest multipliers of 31 bits.

    Args:
        values: Positive factors, shape (n,).
        what: Whose factors they are, for the message.

    Raises:
        ExportError: when a factor is 2^30 or more.
    """
    wanted = np.asarray(values, np.float64)
    shifts = np.minimum(MULTIPLIER_BITS - np.frexp(wanted)[1], MOST_SHIFT)
    shifts -= np.rint(np.ldexp(wanted, shifts)) == 2**MULTIPLIER_BITS  # rounded up to the next power of two
    if (shifts < 1).any():
        raise ExportError(f"{what}: the factor {wanted.max():g} is too large for an integer multiplier")
    return Factors(np.rint(np.ldexp(wanted, shifts)).astype(np.int64), shifts.astype(np.int64))


def joint_factors(values: ArrayLike, what: str) -> Factors:
    """Return multipliers of one shift, the largest of 31 bits: products with them can be summed before they are rounded.

    Raises:
        ExportError: when a factor is 2^30 or more.
    """
    wanted = np.asarray(values, np.float64)
    shifts = np.broadcast_to(factors([wanted.max()], what).shifts, wanted.shape)
    return Factors(np.rint(np.ldexp(wanted, shifts)).astype(np.int64), shifts)


def half_to_even(products: Integers, shifts: Integers) -> Integers:
    """Divide by powers of two and round to the nearest integer, halves to the even one; shifts are 1 to 62."""
    quotients, halves = products >> shifts, np.int64(1) << (shifts - 1)
    rest = products - (quotients << shifts)
    return np.asarray(quotients + ((rest > halves) | ((rest == halves) & ((quotients & 1) == 1))))


def quotient(numerators: Integers, denominators: Integers) -> Integers:
    """Divide by positive integers and round to the nearest integer, halves to the even one; numerators are below 2^62."""
    found = numerators // denominators
    twice = 2 * (numerators - found * denominators)
    return np.asarray(found + ((twice > denominators) | ((twice == denominators) & ((found & 1) == 1))))


def half_away_from_zero(values: Integers, shifts: Integers | int) -> Integers:
    """Divide by powers of two and round to the nearest integer, halves away from zero; shifts are 0 to 62."""
    mask = (np.int64(1) << shifts) - 1
    return np.asarray((values >> shifts) + ((values & mask) > (mask >> 1) + (values < 0)))


def rescale(sums: Integers, multipliers: Integers, shifts: Integers) -> Integers:
    """Multiply and round once, halves to the even integer: the rounding of this project."""
    return half_to_even(sums * multipliers, shifts)


def rescale_cmsis_single(sums: Integers, multipliers: Integers, shifts: Integers) -> Integers:
    """Round once, halves up: CMSIS-NN built with CMSIS_NN_USE_SINGLE_ROUNDING (`arm_nn_requantize`)."""
    return np.asarray(((sums * multipliers >> (shifts - 1)) + 1) >> 1)


def rescale_cmsis_double(sums: Integers, multipliers: Integers, shifts: Integers) -> Integers:
    """Round twice, to 31 bits halves up and then halves away from zero: CMSIS-NN as it is built (`arm_nn_requantize`)."""
    left, right = np.maximum(MULTIPLIER_BITS - shifts, 0), np.maximum(shifts - MULTIPLIER_BITS, 0)
    return half_away_from_zero(((sums << left) * multipliers + (1 << (MULTIPLIER_BITS - 1))) >> MULTIPLIER_BITS, right)


Rescaling = Callable[[Integers, Integers, Integers], Integers]
"""Turns sums, multipliers and shifts, of shapes that go together, into integers that are not clipped yet."""

RESCALINGS: Mapping[str, Rescaling] = {
    "half_to_even": rescale,
    "cmsis_single": rescale_cmsis_single,
    "cmsis_double": rescale_cmsis_double,
}
"""Roundings by name."""
