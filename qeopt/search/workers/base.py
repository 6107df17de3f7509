"""What workers are to the search, and the simplest of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from qeopt.spec.errors import QeoptError

T = TypeVar("T")


class WorkersError(QeoptError):
    """The workers that were asked for cannot be had."""


class Workers(Protocol):
    """Something that makes calls, in any order and anywhere, and returns their results in the order of the calls."""

    def map(self, function: Callable[..., T], calls: Sequence[tuple[Any, ...]]) -> list[T]:
        """Call a pure function once with each tuple of arguments."""
        ...


class InProcess:
    """Makes one call after the other, here."""

    def map(self, function: Callable[..., T], calls: Sequence[tuple[Any, ...]]) -> list[T]:
        """Call a pure function once with each tuple of arguments."""
        return [function(*call) for call in calls]
