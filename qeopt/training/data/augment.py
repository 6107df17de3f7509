"""Images moved and mirrored, each in its own way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qeopt.training.data.dataset import Pixels
from qeopt.training.recipe import Recipe


class Moves(NamedTuple):
    """What is done to each image."""

    mirrored: NDArray[np.bool_]
    """Whether it is mirrored, left to right, first."""
    shifts: NDArray[np.int64]
    """Shape (images, 2): pixels down and to the right."""


def moves(count: int, recipe: Recipe, rng: np.random.Generator) -> Moves:
    """Draw what to do to so many images."""
    mirrored = rng.random(count) < 0.5 if recipe.flip else np.zeros(count, bool)
    reach = recipe.shift
    shifts = reach - rng.integers(0, 2 * reach + 1, (count, 2)) if reach else np.zeros((count, 2), np.int64)
    return Moves(mirrored, shifts)


def moved(pixels: Pixels, made: Moves) -> Pixels:
    """Return the images after their moves; what moves in is black.

    Args:
        pixels: Shape (images, channels, height, width).
        made: What is done to each.
    """
    if not made.mirrored.any() and not made.shifts.any():
        return np.ascontiguousarray(pixels)
    found = pixels.copy()
    found[made.mirrored] = found[made.mirrored][..., ::-1]
    reach, (height, width) = int(np.abs(made.shifts).max()), pixels.shape[2:]
    if reach:
        padded = np.pad(found, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        for number, (y, x) in enumerate(reach - made.shifts):
            found[number] = padded[number, :, y : y + height, x : x + width]
    return found


def augmented(pixels: Pixels, recipe: Recipe, rng: np.random.Generator) -> Pixels:
    """Move and mirror images as far as a recipe allows; `rng` decides how far exactly."""
    return moved(pixels, moves(len(pixels), recipe, rng))
