"""Pictures in memory, and the boxes in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qeopt.training.data.dataset import Pixels

Corners = NDArray[np.float32]
"""Shape (boxes, 4): left, top, right and bottom, in pixels of the image."""


@dataclass(frozen=True)
class Objects:
    """What is to be found in an image."""

    boxes: Corners
    labels: NDArray[np.int64]
    """Number of the class, by box; 0 is the background."""
    ignored: Corners
    """Boxes that nobody has to find, and nobody is blamed for finding."""


@dataclass(frozen=True)
class BoxSplit:
    """Images and the objects in them."""

    pixels: Pixels
    """Shape (images, channels, height, width); 255 is the 1.0 of the network."""
    objects: tuple[Objects, ...]
    """By image."""
    pixel_range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def boxes(self) -> int:
        """Objects in all images together."""
        return sum(len(one.boxes) for one in self.objects)

    def part(self, chosen: Sequence[int] | NDArray[np.int64]) -> BoxSplit:
        """Some of the images."""
        places = np.asarray(chosen, np.int64)
        return BoxSplit(self.pixels[places], tuple(self.objects[place] for place in places))


@dataclass(frozen=True)
class BoxDataset:
    """Images to train by and images to test by."""

    name: str
    """What it was read from."""
    classes: tuple[str, ...]
    """Names, by number less one."""
    train: BoxSplit
    test: BoxSplit
    left_out: int = 0
    """Boxes of no width or height, which nobody can find."""
