"""What can go wrong on the way out, and packages that only some formats need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, TypeVar

from qeopt.spec.errors import QeoptError


class ExportError(QeoptError):
    """A format cannot express the design, or what it needs is missing."""


Item = TypeVar("Item")
Made = TypeVar("Made")


def all_of(items: Iterable[Item], make: Callable[[Item], Made]) -> tuple[Made, ...]:
    """Make something of every item.

    Raises:
        ExportError: naming everything that stands in the way, not the first alone.
    """
    found, obstacles = list[Made](), list[str]()
    for item in items:
        try:
            found.append(make(item))
        except ExportError as error:
            obstacles.append(str(error))
    if obstacles:
        raise ExportError("; ".join(dict.fromkeys(obstacles)))
    return tuple(found)


def require(module: str, extra: str, purpose: str) -> Any:
    """Import a package that only some formats need.

    Raises:
        ExportError: naming the extra that brings it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise ExportError(f'{purpose} needs the package "{module}": pip install "qeopt[{extra}]"') from None
