"""The functions at the ends of operators, as functions of real values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from qeopt.export.errors import ExportError
from qeopt.export.functions import LINEAR
from qeopt.export.quantised import Reals

Bounds = tuple[float, float]

BOUNDS: Mapping[str, Bounds] = {LINEAR: (-np.inf, np.inf), "relu": (0.0, np.inf), "relu6": (0.0, 6.0)}
"""Functions that clip, by what they clip to; any operator can end in one of them."""

CURVES: Mapping[str, Callable[[Reals], Reals]] = {}
"""Functions of other shapes; only an operator by itself computes them, by a table of integers."""


def check(function: str, name: str) -> None:
    """Refuse what is not known.

    Raises:
        ExportError: naming the operator and the functions that are known.
    """
    if function not in BOUNDS and function not in CURVES:
        known = ", ".join(sorted({*BOUNDS, *CURVES} - {LINEAR}))
        raise ExportError(f"{name!r} ends in {function!r}, which cannot be written; {known} can")


def apply(function: str, values: Reals) -> Reals:
    """Apply a known function to real values."""
    if function in CURVES:
        return CURVES[function](values)
    low, high = BOUNDS[function]
    return np.clip(values, low, high)
