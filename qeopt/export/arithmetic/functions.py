"""The functions at the ends of operators, as exports with numbers know them: bounds that clip, and curves that are tables."""

from __future__ import annotations

import numpy as np

from qeopt.export.arithmetic.quantised import Reals
from qeopt.export.arithmetic.softmax import SOFTMAX, axis_of, real_softmax
from qeopt.export.errors import ExportError
from qeopt.network import functions

Bounds = tuple[float, float]
Terms = functions.Terms

SLOPES = "prelu"
"""A function whose slope below zero is a constant of its channel."""


def clips_to(function: str, terms: Terms = ()) -> Bounds | None:
    """What a function keeps values between; None where it does more than that. Any operator can end in one that only clips."""
    if function == functions.LINEAR:
        return -np.inf, np.inf
    if function not in functions.CLIPS:
        return None
    low, high = functions.bounds(function, terms)
    return -np.inf if low is None else low, np.inf if high is None else high


def is_known(function: str) -> bool:
    """Whether exports with numbers can compute a function."""
    return function in functions.KNOWN or function in {SLOPES, SOFTMAX}


def check(function: str, name: str) -> None:
    """Refuse what is not known.

    Raises:
        ExportError: naming the operator and the functions that are known.
    """
    if not is_known(function):
        known = ", ".join(sorted({*functions.KNOWN, SLOPES, SOFTMAX} - {functions.LINEAR}))
        raise ExportError(f"{name!r} ends in {function!r}, which cannot be written; {known} can")


def apply(function: str, values: Reals, terms: Terms = (), slopes: Reals | None = None) -> Reals:
    """Apply a known function to real values, (images, channels, height, width); slopes by channel are of shape (channels, 1, 1)."""
    if function == SLOPES:
        return np.where(values < 0, values * (0.0 if slopes is None else slopes), values)
    if function == SOFTMAX:
        return real_softmax(values, axis_of(terms))
    return functions.apply(function, values, terms)
