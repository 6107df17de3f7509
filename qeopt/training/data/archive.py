"""An .npz of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qeopt.export.arrays import ArraysError, read_arrays
from qeopt.training.data.dataset import Dataset, Labels, Pixels, Split
from qeopt.training.data.share import parted
from qeopt.training.errors import TrainingError

WANTED = "x_train, y_train, x_test and y_test, or images and labels, were expected"
MOST_CHANNELS = 4
"""Sides of at most so many values at the end of a shape are channels."""


def read_archive(path: Path) -> Dataset:
    """Read images and labels from an .npz.

    Images have the shape (images, height, width), (images, height, width, channels) or (images, channels, height, width); they
    are bytes, or numbers from 0 to 1. Labels are numbers from 0. `classes` may name them. Without test images a fifth of each class
    is set aside.

    Raises:
        TrainingError: when it cannot be read, or arrays are missing or do not fit each other.
    """
    arrays = _arrays(path)
    names = ("x_train", "y_train") if "x_train" in arrays else ("images", "labels")
    train = _split(path, arrays, *names)
    test = _split(path, arrays, "x_test", "y_test") if "x_test" in arrays else None
    count = 1 + int(max(split.labels.max(initial=-1) for split in (train, test) if split is not None))
    named = tuple(map(str, arrays.get("classes", np.arange(count)).tolist()))
    if len(named) < count:
        raise TrainingError(f"{path}: `classes` names {len(named)} classes; labels go up to {count - 1}")
    train, test = parted(train) if test is None else (train, test)
    if train.pixels.shape[1:] != test.pixels.shape[1:]:
        raise TrainingError(f"{path}: training images are {train.pixels.shape[1:]}, test images {test.pixels.shape[1:]}")
    return Dataset(str(path), named, train, test)


def _arrays(path: Path) -> Mapping[str, NDArray[np.generic]]:
    try:
        found = read_arrays(path, texts=True)
    except ArraysError as error:
        raise TrainingError(f"{path}: {error}") from None
    if not isinstance(found, Mapping):
        raise TrainingError(f"{path}: holds one array without a name; {WANTED}")
    return found


def _split(path: Path, arrays: Mapping[str, NDArray[np.generic]], images: str, labels: str) -> Split:
    for name in (images, labels):
        if name not in arrays:
            raise TrainingError(f"{path}: {name} is missing; {WANTED}")
    pixels, classes = _pixels(path, images, arrays[images]), _labels(path, labels, arrays[labels])
    if len(pixels) != len(classes):
        raise TrainingError(f"{path}: {images} has {len(pixels)} images and {labels} {len(classes)} labels")
    return Split(pixels, classes)


def _pixels(path: Path, name: str, values: NDArray[np.generic]) -> Pixels:
    if values.ndim == 3:
        values = values[:, None]
    elif values.ndim == 4 and values.shape[3] <= MOST_CHANNELS < values.shape[1]:
        values = np.moveaxis(values, 3, 1)
    elif values.ndim != 4:
        raise TrainingError(f"{path}: {name} has the shape {values.shape}; (images, height, width, channels) was expected")
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values).astype(np.uint8)
    if not np.issubdtype(values.dtype, np.floating) or not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise TrainingError(f"{path}: {name} holds {values.dtype}; bytes, or numbers from 0 to 1, were expected")
    return np.asarray(np.rint(values * 255), np.uint8)


def _labels(path: Path, name: str, values: NDArray[np.generic]) -> Labels:
    flat = values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values
    if flat.ndim != 1 or not np.issubdtype(flat.dtype, np.integer) or (flat.size and int(flat.min()) < 0):
        raise TrainingError(
            f"{path}: {name} holds {values.dtype} of the shape {values.shape}; one number from 0 an image was expected"
        )
    return flat.astype(np.int64)
