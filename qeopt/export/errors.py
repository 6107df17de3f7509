"""What can go wrong on the way out, and packages that only some formats need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from qeopt.spec.errors import QeoptError


class ExportError(QeoptError):
    """A format cannot express the design, or what it needs is missing."""


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
