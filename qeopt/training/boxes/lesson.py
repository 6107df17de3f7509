"""What a step learns from pictures with boxes: the loss of the exported `Detector`."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.training.boxes.objects import BoxSplit, Corners, Objects
from qeopt.training.data.augment import moved, moves
from qeopt.training.data.dataset import Pixels
from qeopt.training.errors import torch
from qeopt.training.recipe import Recipe

LEAST_LEFT = 0.5
"""Share of a box below which it is ignored after a move: what is left of it may be anything."""


@dataclass(frozen=True)
class ByBox:
    """Learns boxes and their classes, by matched anchors and the hardest of the others."""

    images: BoxSplit
    recipe: Recipe
    module: ModuleType
    """The exported module, for its `Detector`."""

    def batch(self, chosen: NDArray[np.int64], rng: np.random.Generator, device: str) -> tuple[Pixels, Any]:
        """See `Lesson`; boxes, labels and boxes to be ignored of each image, moved as it is."""
        made, sides = moves(len(chosen), self.recipe, rng), self.images.pixels.shape[2:]
        found = [
            objects_moved(self.images.objects[place], bool(mirrored), shift, (sides[0], sides[1]))
            for place, mirrored, shift in zip(chosen, *made, strict=True)
        ]
        return moved(self.images.pixels[chosen], made), [_tensors(one, device) for one in found]

    def loss(self, network: Any, images: Any, targets: Any) -> tuple[Any, float]:
        """See `Lesson`; right is the share of matched anchors whose class is told right, as so many images."""
        loss, right = self.module.Detector(network).learn(images, targets)
        return loss, float(right) * len(images)


def objects_moved(found: Objects, mirrored: bool, shift: NDArray[np.int64], sides: tuple[int, int]) -> Objects:
    """Boxes after their image is mirrored and shifted (down, right); those of which less than half is left are ignored."""
    boxes, ignored = (_moved(corners, mirrored, shift, sides) for corners in (found.boxes, found.ignored))
    inside = [np.clip(corners, 0, (sides[1], sides[0]) * 2).astype(np.float32) for corners in (boxes, ignored)]
    stays = _area(inside[0]) >= LEAST_LEFT * _area(boxes)
    gone = np.concatenate([inside[1], inside[0][~stays]])
    return Objects(inside[0][stays], found.labels[stays], gone[_area(gone) > 0])


def _moved(corners: Corners, mirrored: bool, shift: NDArray[np.int64], sides: tuple[int, int]) -> Corners:
    left, top, right, bottom = corners.T
    if mirrored:
        left, right = sides[1] - right, sides[1] - left
    down, along = map(float, shift)
    return np.stack([left + along, top + down, right + along, bottom + down], axis=1).astype(np.float32)


def _area(corners: Corners) -> NDArray[np.float32]:
    return np.asarray((corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]))


def _tensors(found: Objects, device: str) -> dict[str, Any]:
    arrays = {"boxes": found.boxes, "labels": found.labels, "ignored": found.ignored}
    return {name: torch().from_numpy(values).to(device) for name, values in arrays.items()}
