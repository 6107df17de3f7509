"""Genes: the structural choices a block declares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator

from qeopt.network import Dim

Value: TypeAlias = int | float
"""What one gene takes in one structure."""
Values: TypeAlias = Value | NDArray[np.int64] | NDArray[np.float64]
"""The same for many structures at once."""
MAX_VALUES = 4096
LARGEST_VALUE = (1 << 24) - 1
"""No width, kernel, ratio or number of units is larger; products of two are exact in floats."""


@dataclass(frozen=True, slots=True)
class Gene:
    """One structural choice: ascending values, at least one."""

    name: str
    values: tuple[Value, ...]


def whole(values: Values) -> Dim:
    """Values as whole numbers: an int for a number, an integer array for an array."""
    return values.astype(np.int64) if isinstance(values, np.ndarray) else int(values)


def _spread(declared: object) -> object:
    """Turn `5`, `[3, 5]` or `{from: 8, to: 64, step: 8}` into the list of values."""
    if isinstance(declared, Mapping):
        if set(declared) != {"from", "to", "step"}:
            raise ValueError("a range needs exactly `from`, `to` and `step`")
        low, high, step = (declared[key] for key in ("from", "to", "step"))
        if not all(isinstance(bound, int) and not isinstance(bound, bool) for bound in (low, high, step)) or step < 1:
            raise ValueError("a range needs integers, and a step of at least 1")
        if low > high:
            raise ValueError(f"the range from {low} to {high} is empty")
        if (high - low) // step >= MAX_VALUES:
            raise ValueError(f"a range may hold {MAX_VALUES} values at most")
        return tuple(range(low, high + 1, step))
    if isinstance(declared, list):
        return tuple(declared)
    return (declared,) if isinstance(declared, int | float) else declared


def _sorted_positive(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("at least one value is needed")
    if any(isinstance(value, bool) or not math.isfinite(value) or value <= 0 for value in values):
        raise ValueError("values must be positive numbers")
    if max(values) > LARGEST_VALUE:
        raise ValueError(f"a value is {max(values):,}; at most {LARGEST_VALUE:,} was expected")
    if len(set(values)) != len(values):
        raise ValueError("a value is listed twice")
    return tuple(sorted(values))


Whole = Annotated[
    tuple[int, ...],
    BeforeValidator(_spread, json_schema_input_type=int | list[int] | dict[str, int]),
    AfterValidator(_sorted_positive),
]
"""Positive integers to choose from: one, a list, or a range."""
Ratios = Annotated[
    tuple[float, ...], BeforeValidator(_spread, json_schema_input_type=float | list[float]), AfterValidator(_sorted_positive)
]
"""Positive numbers to choose from: one or a list."""
