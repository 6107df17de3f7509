"""Labelled images in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qeopt.export.images import from_pixels
from qeopt.space import Task
from qeopt.training.errors import TrainingError

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Images and what is in them."""

    pixels: Pixels
    """Shape (images, channels, height, width)."""
    labels: Labels
    """Number of the class, by image."""
    pixel_range: tuple[float, float] = (0.0, 1.0)
    """What pixels of 0 and of 255 are for the network."""

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, chosen: NDArray[np.int64] | slice) -> Split:
        """Some of the images."""
        return replace(self, pixels=self.pixels[chosen], labels=self.labels[chosen])

    def reals(self, chosen: slice = slice(None)) -> NDArray[np.float64]:
        """What the network reads for some of the images, shape (images, channels, height, width)."""
        return from_pixels(self.pixels[chosen], self.pixel_range)


@dataclass(frozen=True)
class Dataset:
    """Images to train by and images to test by."""

    name: str
    """What it was read from."""
    classes: tuple[str, ...]
    """Names, by number."""
    train: Split
    test: Split

    def with_held_out(self, count: int) -> tuple[Split, Split]:
        """The training images without the last `count` of a fixed shuffle, and these: rates are chosen by them, not by the test."""
        order = np.random.default_rng(0).permutation(len(self.train))
        return self.train.part(order[: len(order) - count]), self.train.part(order[len(order) - count :])

    def limited(self, train: int | None, test: int | None) -> Dataset:
        """The same with the first of a fixed shuffle only."""
        return replace(self, train=_first(self.train, train), test=_first(self.test, test))

    def read_as(self, pixel_range: tuple[float, float]) -> Dataset:
        """The same for a network that reads other values than 0 to 1."""
        return replace(self, train=replace(self.train, pixel_range=pixel_range), test=replace(self.test, pixel_range=pixel_range))


def check(data: Dataset, task: Task) -> Dataset:
    """Return the data if a network for `task` can be trained by it.

    Raises:
        TrainingError: when size, channels or classes are others, or a class or a split is empty.
    """
    height, width, channels = task.input
    found = data.train.pixels.shape[1:]
    if found != (channels, height, width):
        raise TrainingError(
            f"{data.name}: images are {found[1]} x {found[2]} with {_channels(found[0])}; the design reads "
            f"{height} x {width} with {_channels(channels)}"
        )
    if len(data.classes) != task.classes:
        raise TrainingError(f"{data.name}: there are {len(data.classes)} classes; the design tells {task.classes} apart")
    for said, split in (("training", data.train), ("test", data.test)):
        if not len(split):
            raise TrainingError(f"{data.name}: there are no {said} images")
        counts = np.bincount(split.labels, minlength=len(data.classes))
        if said == "training" and not counts.all():
            raise TrainingError(f"{data.name}: the class {data.classes[int(counts.argmin())]!r} has no training image")
    return data


def _channels(count: int) -> str:
    return f"{count} channel{'s' * (count != 1)}"


def _first(split: Split, count: int | None) -> Split:
    if count is None or count >= len(split):
        return split
    return split.part(np.sort(np.random.default_rng(0).permutation(len(split))[:count]))
