"""Files of the MNIST family: `train-images-idx3-ubyte`, packed or not. Debian's `dataset-fashion-mnist` has Fashion-MNIST."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qeopt.training.data.dataset import Dataset, Split
from qeopt.training.errors import TrainingError

CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
UNSIGNED_BYTES = 8
"""The third byte of a file, where its values are bytes."""


def is_idx_folder(folder: Path) -> bool:
    """Whether a folder holds such files."""
    return _file(folder, NAMES["train"][0]) is not None


def read_idx_folder(folder: Path) -> Dataset:
    """Read the four files of a folder.

    Raises:
        TrainingError: when one is missing or damaged.
    """
    splits = {name: Split(*_pair(folder, *files)) for name, files in NAMES.items()}
    count = 1 + max(int(split.labels.max(initial=0)) for split in splits.values())
    is_clothes = "fashion" in folder.resolve().name and count == len(CLOTHES)
    return Dataset(str(folder), CLOTHES if is_clothes else tuple(map(str, range(count))), **splits)


def _pair(folder: Path, images: str, labels: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pixels, classes = _read(folder, images, 3), _read(folder, labels, 1)
    if len(pixels) != len(classes):
        raise TrainingError(f"{folder}: {images} has {len(pixels)} images and {labels} {len(classes)} labels")
    return pixels[:, None], classes.astype(np.int64)


def _read(folder: Path, name: str, sides: int) -> NDArray[np.uint8]:
    path = _file(folder, name)
    if path is None:
        raise TrainingError(f"{folder}: {name} (or {name}.gz) is missing")
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise TrainingError(f"{path}: cannot be read: {error}") from None
    if content[:4] != bytes((0, 0, UNSIGNED_BYTES, sides)):
        raise TrainingError(f"{path}: is no file of the MNIST family with {sides} dimension{'s' * (sides > 1)}")
    shape = np.frombuffer(content, ">u4", sides, 4)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * sides)
    if len(values) != np.prod(shape, dtype=np.int64):
        raise TrainingError(f"{path}: holds {len(values):,} values, its head says {np.prod(shape, dtype=np.int64):,}")
    return values.reshape(shape)


def _file(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
