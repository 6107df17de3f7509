"""From what a person writes after `--data` to labelled images that fit a task."""

from __future__ import annotations

from pathlib import Path

from qeopt.design import Design
from qeopt.export.arithmetic.geometry import image_of
from qeopt.space import Task
from qeopt.spec.errors import did_you_mean, one_of
from qeopt.training.data.archive import read_archive
from qeopt.training.data.dataset import Dataset, check
from qeopt.training.data.digits import read_digits
from qeopt.training.data.folder import read_folder
from qeopt.training.data.idx import is_idx_folder, read_idx_folder
from qeopt.training.errors import TrainingError
from qeopt.training.model_files import image_shape

DIGITS = "digits"
INSTALLED = {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist")}
"""Where packages of Debian put data sets, by the name that stands for the folder."""


def open_data(text: str, task: Task, *, resize: bool = False, limit: int | None = None, test_limit: int | None = None) -> Dataset:
    """Read labelled images and check that a network for `task` can be trained by them.

    Args:
        text: `digits`, `fashion-mnist`, an .npz, or a folder: of files of the MNIST family, or a subfolder of pictures a class.
        task: What the design reads and tells apart.
        resize: Scale pictures of another size.
        limit: Training images at most.
        test_limit: Test images at most.

    Raises:
        TrainingError: in one line, when there is no such thing, it is damaged, or it does not fit.
    """
    return check(_read(text, task, resize).limited(limit, test_limit), task)


def open_for_design(
    text: str, design: Design, *, resize: bool = False, limit: int | None = None, test_limit: int | None = None
) -> Dataset:
    """Read labelled images as `open_data` does, with pixels that are what the network of a design reads."""
    found = open_data(text, design.load_study().task, resize=resize, limit=limit, test_limit=test_limit)
    return found.read_as(image_of(design.network()).pixel_range)


def open_for_model(
    text: str, path: Path, *, sides: tuple[int, int, int] | None = None, resize: bool = False, limit: int | None = None
) -> Dataset:
    """Read labelled images for a model in a file, which says how large its images are but not what it tells apart.

    Args:
        text: As for `open_data`.
        path: The model.
        sides: Height, width and channels of its images, where it leaves them open.
        resize: Scale pictures of another size.
        limit: Test images at most.

    Raises:
        TrainingError: in one line, when either cannot be read.
    """
    read = _read(text, Task(input=image_shape(path, sides), classes=1), resize)
    return read.limited(None, limit)


def _read(text: str, task: Task, resize: bool) -> Dataset:
    if text == DIGITS:
        return read_digits()
    path = INSTALLED.get(text, Path(text))
    if not path.exists():
        if text in INSTALLED:
            raise TrainingError(
                f"{text}: {path} is missing; install Debian's package dataset-{text}, or give the folder of its files"
            )
        known = [DIGITS, *INSTALLED]
        raise TrainingError(
            f"{text}: there is no such file or folder; an .npz, a folder, {one_of(known)} was expected{did_you_mean(text, known)}"
        )
    if path.is_file():
        if path.suffix.lower() != ".npz":
            raise TrainingError(f"{text}: is a file but no .npz; an .npz, a folder of pictures or `digits` was expected")
        return read_archive(path)
    return read_idx_folder(path) if is_idx_folder(path) else read_folder(path, task, resize=resize)
