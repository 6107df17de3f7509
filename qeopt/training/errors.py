"""What can go wrong in training, and the package that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qeopt.export.errors import require
from qeopt.spec.errors import QeoptError


class TrainingError(QeoptError):
    """Data, weights or options do not fit, or what training needs is missing."""


class DivergedError(TrainingError):
    """The loss is no longer a number."""


def torch() -> Any:
    """Import PyTorch.

    Raises:
        ExportError: naming the extra that brings it.
    """
    return require("torch", "train", "training")


@contextmanager
def memory_told(what: str, remedy: str) -> Iterator[None]:
    """Turn running out of memory, on whichever device, into one line.

    Raises:
        TrainingError: saying what needed it and what helps.
    """
    try:
        yield
    except MemoryError:
        raise TrainingError(f"{what} needs more memory than there is; {remedy}") from None
    except RuntimeError as error:
        text = str(error)
        if type(error).__name__ != "OutOfMemoryError" and "memory" not in text.lower():
            raise
        raise TrainingError(f"{what} needs more memory than there is; {remedy}") from None
