"""How a network's answers are marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.training.data.dataset import Split

CHUNK = 200
"""Images in one go: every tensor of a network is held for so many."""


@dataclass(frozen=True)
class Marks:
    """How many images of each class were taken for each class."""

    confusion: NDArray[np.int64]
    """Shape (classes, classes): true class, class told."""
    picks: NDArray[np.int64]
    """The class told, by image."""

    @property
    def accuracy(self) -> float:
        """Share of the images that were told right."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def by_class(self) -> NDArray[np.float64]:
        """The same by true class; not a number for a class without images."""
        totals = self.confusion.sum(axis=1)
        shares = np.full(len(totals), np.nan)
        np.divide(np.diag(self.confusion), totals, out=shares, where=totals > 0)
        return shares


def marked(outputs: Callable[[NDArray[np.float64]], NDArray[Any]], images: Split, classes: int, chunk: int = CHUNK) -> Marks:
    """Mark what a network tells of images.

    Args:
        outputs: What the network reads, shape (images, channels, height, width), to outputs, shape (images, classes).
        images: What is told.
        classes: Number of classes.
        chunk: Images in one go.
    """
    picks = [outputs(images.reals(slice(at, at + chunk))).argmax(axis=1) for at in range(0, len(images), chunk)]
    told = np.concatenate(picks).astype(np.int64)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (images.labels, told), 1)
    return Marks(confusion, told)
