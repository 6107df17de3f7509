"""From what a person writes after `--data` to pictures with boxes that fit a task."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qeopt.space import Task
from qeopt.spec.errors import Location, Problem, SpecError
from qeopt.training.boxes.annotations import Annotated, Box, read_annotations
from qeopt.training.boxes.objects import BoxDataset, BoxSplit, Corners, Objects
from qeopt.training.data.folder import PictureReader
from qeopt.training.data.share import FIFTH
from qeopt.training.errors import TrainingError
from qeopt.training.memory import refuse_more_than_there_is

FILES = {"train": "wider_face_train_bbx_gt.txt", "test": "wider_face_val_bbx_gt.txt"}
FOLDERS = {"train": ("WIDER_train/images", "WIDER_train", "images"), "test": ("WIDER_val/images", "WIDER_val", "images")}
CLASSES = ("face",)
WANTED = f"a folder with {FILES['train']} and its pictures under {', '.join(FOLDERS['train'])}, or that file, was expected"


class Listed(NamedTuple):
    """The pictures of one file."""

    file: Path
    folder: Path
    pictures: tuple[Annotated, ...]


def open_boxes(
    text: str, task: Task, *, resize: bool = False, limit: int | None = None, test_limit: int | None = None
) -> BoxDataset:
    """Read pictures with boxes in the text format of WIDER FACE. Where there is no file for testing, a fifth is set aside.

    Args:
        text: The folder of the data set, or the file of the boxes to train by.
        task: What the design reads and finds.
        resize: Scale pictures of another size, each side by itself, and boxes with them.
        limit: Training images at most: the first of a fixed shuffle.
        test_limit: Test images at most.

    Raises:
        SpecError: with file and line of every box or picture that is wrong.
        TrainingError: in one line, when there is no such thing, it does not fit the task, or memory does not hold it.
    """
    if task.classes != len(CLASSES):
        raise TrainingError(f"{text}: boxes in this format are of one class; the design finds {task.classes}")
    train = _listed(_file(text, "train"), "train")
    other = train.file.with_name(FILES["test"])
    if other.is_file() and train.file.name == FILES["train"]:
        parts = train, _listed(other, "test")
    else:
        order = np.random.default_rng(0).permutation(len(train.pictures))
        count = -(-len(order) // FIFTH) if len(order) > 1 else 0
        parts = train._replace(pictures=_chosen(train, order[count:])), train._replace(pictures=_chosen(train, order[:count]))
    taken = [_first(part, most) for part, most in zip(parts, (limit, test_limit), strict=True)]
    count, (height, width, channels) = sum(len(part.pictures) for part in taken), task.input
    refuse_more_than_there_is(count * height * width * channels, f"{text}: {count:,} pictures", "--limit takes fewer")
    for said, part in zip(("training", "test"), taken, strict=True):
        if not part.pictures:
            raise TrainingError(f"{text}: there are no {said} pictures")
    train_split, test_split = (_read(part, task, resize) for part in taken)
    if not test_split.boxes:
        raise TrainingError(f"{text}: no test picture has a box to be found")
    empty = sum(not (box.width and box.height) for part in taken for one in part.pictures for box in one.boxes)
    return BoxDataset(text, CLASSES, train_split, test_split, empty)


def _file(text: str, split: str) -> Path:
    path = Path(text)
    if path.is_file() and path.suffix.lower() == ".txt":
        return path
    places = [path / FILES[split], path / "wider_face_split" / FILES[split]] if path.is_dir() else []
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        there = "there is no such file or folder" if not path.exists() else f"holds no {FILES[split]}"
        raise TrainingError(f"{text}: {there if path.is_dir() or not path.exists() else 'is no such file'}; {WANTED}")
    return found


def _listed(file: Path, split: str) -> Listed:
    """The file's pictures, and the folder beside it (or beside its folder) that holds them."""
    tops = (file.parent, file.parent.parent) if file.parent.name == "wider_face_split" else (file.parent,)
    folder = next((top / name for top in tops for name in FOLDERS[split] if (top / name).is_dir()), None)
    if folder is None:
        raise TrainingError(f"{file}: has no folder of pictures beside it; {' or '.join(FOLDERS[split])} was expected")
    return Listed(file, folder, read_annotations(file))


def _chosen(listed: Listed, places: NDArray[np.int64]) -> tuple[Annotated, ...]:
    return tuple(listed.pictures[place] for place in np.sort(places))


def _first(listed: Listed, count: int | None) -> Listed:
    if count is None or count >= len(listed.pictures):
        return listed
    return listed._replace(pictures=_chosen(listed, np.random.default_rng(0).permutation(len(listed.pictures))[:count]))


def _read(listed: Listed, task: Task, resize: bool) -> BoxSplit:
    missing = [one for one in listed.pictures if not (listed.folder / one.name).is_file()]
    if missing:
        said = [Problem(Location(str(listed.file), one.line), f"there is no picture {listed.folder / one.name}") for one in missing]
        raise SpecError(said)
    height, width, channels = task.input
    reader, pixels = PictureReader(task, resize=resize), np.empty((len(listed.pictures), channels, height, width), np.uint8)
    objects, problems = [], list[Problem]()
    for place, one in enumerate(listed.pictures):
        pixels[place], sides = reader.scaled(listed.folder / one.name)
        objects.append(_objects(one, sides, (height, width)))
        problems += [
            Problem(Location(str(listed.file), box.line), f"the box lies outside of its picture of {sides[1]} x {sides[0]} pixels")
            for box in one.boxes
            if not _meets(box, sides)
        ]
    if problems:
        raise SpecError(problems)
    return BoxSplit(pixels, tuple(objects))


def _meets(box: Box, sides: tuple[int, int]) -> bool:
    return box.left < sides[1] and box.top < sides[0] and box.left + box.width >= 0 and box.top + box.height >= 0


def _objects(one: Annotated, sides: tuple[int, int], wanted: tuple[int, int]) -> Objects:
    """Boxes as the network sees them; those that leave the picture end at its border."""
    whole = [box for box in one.boxes if box.width and box.height]
    found = np.array([(box.left, box.top, box.left + box.width, box.top + box.height) for box in whole], np.float32).reshape(-1, 4)
    ends = np.array([wanted[1], wanted[0]] * 2, np.float32)
    found = np.clip(found * (ends / np.array([sides[1], sides[0]] * 2, np.float32)), 0, ends)
    ignored = np.array([box.invalid for box in whole], bool)
    boxes: Corners = found[~ignored]
    return Objects(boxes, np.ones(len(boxes), np.int64), found[ignored])
