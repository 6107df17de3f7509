"""Constants of a file: their shapes at once, their values when they are wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class UnreadableError(ValueError):
    """A constant's values are not what its type and dimensions say."""


@dataclass(frozen=True)
class Constant:
    """A constant: its shape, how to get its values, and the bits that a quantiser gave it."""

    dims: tuple[int, ...]
    load: Callable[[], Array] | None = None
    bits: int | None = None
    key: str = ""
    """What it is made of, the same for constants of the same values; empty where that is not known."""

    @property
    def size(self) -> int:
        """Number of values."""
        return prod(self.dims)

    def values(self) -> Array | None:
        """Its values; None where they are not at hand.

        Raises:
            UnreadableError: the file's values, or what its nodes make of them, do not fit their shape or type.
        """
        if self.load is None:
            return None
        try:
            with np.errstate(all="ignore"):
                return self.load()
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise UnreadableError(f"a constant of {' x '.join(map(str, self.dims))} values cannot be read: {error}") from error

    def then(self, dims: tuple[int, ...], change: Callable[[Array], Array], bits: int | None = None, key: str = "") -> Constant:
        """The constant after a change of its values, made when they are asked for; `key` names the change."""
        load = self.load
        made_of = f"{self.key}>{key}" if self.key and key else ""
        return Constant(dims, None if load is None else lambda: change(load()), bits or self.bits, made_of)

    def seen_as(self, dims: tuple[int, ...]) -> Constant:
        """The constant in other dimensions of as many values."""
        if dims == self.dims:
            return self
        return self.then(dims, lambda values: np.asarray(values).reshape(dims), key=str(dims))

    def named(self, key: str) -> Constant:
        """The constant under another key."""
        return replace(self, key=key)


def given(values: Array) -> Constant:
    """A constant whose values are at hand."""
    return Constant(values.shape, lambda: values)


def combined(change: Callable[..., Array], dims: tuple[int, ...], *parts: Constant | None) -> Constant:
    """A constant made of several, None for one that is not there; its values are not at hand where those of a part are not."""
    present = [part for part in parts if part is not None]
    if any(part.load is None for part in present):
        return Constant(dims)
    return Constant(dims, lambda: np.asarray(change(*(None if part is None else part.values() for part in parts))))
