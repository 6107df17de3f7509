"""Real factors as integers: a multiplier of 31 bits and a shift."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qeopt.export.errors import ExportError

MOST_SHIFT = 62


def fixed(factor: float, what: str) -> tuple[int, int]:
    """Return the multiplier, below 2^31, and the shift, 1 to 62, whose quotient is nearest to a positive factor.

    Raises:
        ExportError: when the factor is too large.
    """
    multipliers, shift = together([factor], what)
    return multipliers[0], shift


def together(factors: Sequence[float], what: str) -> tuple[list[int], int]:
    """Return multipliers of one shift, the largest with 31 bits.

    Raises:
        ExportError: when a factor is too large.
    """
    exponent = math.frexp(max(factors))[1]
    shift = min(31 - exponent, MOST_SHIFT)
    if round(math.ldexp(max(factors), shift)) == 1 << 31:  # rounded up to the next power of two
        shift -= 1
    if shift < 1:
        raise ExportError(f"{what}: the factor {max(factors):g} is too large for an integer multiplier")
    return [round(math.ldexp(factor, shift)) for factor in factors], shift
