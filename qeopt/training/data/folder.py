"""Folders of pictures: a subfolder for every class, all of it under `train` and `test` where the test is set aside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from qeopt.space import Task
from qeopt.training.data.dataset import Dataset, Pixels, Split
from qeopt.training.data.share import parted
from qeopt.training.errors import TrainingError
from qeopt.training.memory import refuse_more_than_there_is

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".webp", ".tif", ".tiff"})
TESTS = ("test", "val", "valid", "validation")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""What pictures are turned into, by channels that the design reads."""


def read_folder(folder: Path, task: Task, *, resize: bool = False) -> Dataset:
    """Read a folder of pictures, in grey or colour as the design reads them.

    Args:
        folder: Holds a subfolder for every class, or `train` and `test` that do.
        task: Says what size pictures have.
        resize: Scale those of another size, instead of refusing them.

    Raises:
        TrainingError: when there are no classes, one is empty, a picture is damaged or has another size, or all are too many.
    """
    test = next((folder / name for name in TESTS if (folder / name).is_dir()), None)
    top = folder / "train" if test is not None and (folder / "train").is_dir() else folder
    classes = _classes(top)
    train_files, test_files = _files(top, classes), [] if top == folder or test is None else _files(test, classes)
    count, (height, width, channels) = len(train_files) + len(test_files), task.input
    refuse_more_than_there_is(count * height * width * channels, f"{folder}: {count:,} pictures", "--limit takes fewer")
    reader = PictureReader(task, resize=resize)
    train = reader.split(train_files)
    if not test_files:
        return Dataset(str(folder), classes, *parted(train))
    return Dataset(str(folder), classes, train, reader.split(test_files))


def _classes(folder: Path) -> tuple[str, ...]:
    found = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if not found:
        raise TrainingError(f"{folder}: has no subfolders; one for every class was expected")
    return found


def _files(folder: Path, classes: Sequence[str]) -> list[tuple[Path, int]]:
    """Pictures with the number of their class.

    Raises:
        TrainingError: when a class has none.
    """
    found: list[tuple[Path, int]] = []
    for number, name in enumerate(classes):
        place = folder / name
        files = sorted(path for path in place.rglob("*") if path.suffix.lower() in ENDINGS) if place.is_dir() else []
        if not files:
            raise TrainingError(f"{place}: the class {name!r} has no pictures ({', '.join(sorted(ENDINGS))})")
        found += [(path, number) for path in files]
    return found


class PictureReader:
    """Reads pictures of one size."""

    def __init__(self, task: Task, *, resize: bool) -> None:
        self.height, self.width, self.channels = task.input
        self.resize = resize

    def split(self, files: Sequence[tuple[Path, int]]) -> Split:
        """Read all pictures."""
        pixels = np.empty((len(files), self.channels, self.height, self.width), np.uint8)
        for place, (path, _) in enumerate(files):
            pixels[place] = self.picture(path)
        return Split(pixels, np.array([label for _, label in files], np.int64))

    def picture(self, path: Path) -> Pixels:
        """Read one, shape (channels, height, width).

        Raises:
            TrainingError: when it is damaged, or of another size than it may have.
        """
        return self.scaled(path)[0]

    def scaled(self, path: Path) -> tuple[Pixels, tuple[int, int]]:
        """Read one, and say what height and width it has in its file."""
        if self.channels not in MODES:
            raise TrainingError(f"{path}: pictures have 1, 3 or 4 channels; the design reads {self.channels}")
        try:
            with Image.open(path) as opened:
                found = opened.convert(MODES[self.channels])
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise TrainingError(f"{path}: is no picture, or a damaged one: {_one_line(error)}") from None
        sides = found.height, found.width
        if found.size != (self.width, self.height):
            if not self.resize:
                said = (
                    f"is {found.height} x {found.width}; the design reads {self.height} x {self.width} (--resize scales pictures)"
                )
                raise TrainingError(f"{path}: {said}")
            found = found.resize((self.width, self.height), Image.Resampling.BILINEAR)
        values = np.asarray(found, np.uint8).reshape(self.height, self.width, self.channels)
        return np.moveaxis(values, 2, 0), sides


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
