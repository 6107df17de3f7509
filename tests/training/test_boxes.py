"""Pictures with boxes in the text format of WIDER FACE: what is read, what is wrong in which line, what moves with an image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from qeopt.space import Task
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build
from qeopt.training import network
from qeopt.training.boxes.annotations import Annotated, read_annotations
from qeopt.training.boxes.lesson import objects_moved
from qeopt.training.boxes.objects import Objects
from qeopt.training.boxes.open import open_boxes
from qeopt.training.data.augment import moved, moves
from qeopt.training.errors import TrainingError
from qeopt.training.recipe import Recipe

TASK = build(Task, {"input": [16, 24, 1], "classes": 1})
GOOD = """\
0--Parade/a.png
2
4 2 8 6 0 0 0 0 0 0
10 3 6 6 2 0 0 1 2 0 \n\
b.png
0
0 0 0 0 0 0 0 0 0 0
c.png
1
-4 8 8 20 1 0 0 0 0 1
"""

Writes = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Writes:
    """Writes a data set of pictures of 24 x 16 pixels."""

    def written(train: str, test: str | None = None, names: tuple[str, ...] = ("0--Parade/a.png", "b.png", "c.png")) -> Path:
        for split, text in (("train", train), ("val", test)):
            if text is None:
                continue
            (tmp_path / f"wider_face_{split}_bbx_gt.txt").write_text(text)
            for number, name in enumerate(names):
                path = tmp_path / f"WIDER_{split}" / "images" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (24, 16), 10 * (number + 1)).save(path)
        return tmp_path

    return written


def test_pictures_and_boxes_are_read(write: Writes) -> None:
    found = open_boxes(str(write(GOOD, GOOD)), TASK)
    assert (len(found.train), len(found.test), found.classes, found.left_out) == (3, 3, ("face",), 0)
    assert found.train.pixels.shape == (3, 1, 16, 24)
    assert [int(image.max()) for image in found.train.pixels] == [10, 20, 30]
    first, second, third = found.train.objects
    assert first.boxes.tolist() == [[4, 2, 12, 8]]
    assert first.ignored.tolist() == [[10, 3, 16, 9]]
    assert (first.labels.tolist(), len(second.boxes), second.boxes.shape) == ([1], 0, (0, 4))
    assert third.boxes.tolist() == [[0, 8, 4, 16]]  # ends at the border of the picture


def test_boxes_are_scaled_with_their_pictures(write: Writes) -> None:
    folder = write(GOOD, GOOD)
    task = build(Task, {"input": [32, 12, 3], "classes": 1})
    with pytest.raises(TrainingError, match=r"a.png: is 16 x 24; the design reads 32 x 12 \(--resize scales pictures\)"):
        open_boxes(str(folder), task)
    found = open_boxes(str(folder), task, resize=True)
    assert found.train.pixels.shape == (3, 3, 32, 12)
    assert found.train.objects[0].boxes.tolist() == [[2, 4, 6, 16]]


def test_the_file_itself_may_be_given_and_a_fifth_is_for_testing(write: Writes) -> None:
    names = tuple(f"{number}.png" for number in range(10))
    folder = write("".join(f"{name}\n1\n1 1 4 4 0 0 0 0 0 0\n" for name in names), names=names)
    (folder / "WIDER_train" / "images").rename(folder / "images")
    (folder / "wider_face_train_bbx_gt.txt").rename(folder / "mine.txt")
    (folder / "WIDER_train").rmdir()
    found = open_boxes(str(folder / "mine.txt"), TASK)
    tones = [set(split.pixels.max(axis=(1, 2, 3)).tolist()) for split in (found.train, found.test)]
    assert (len(tones[0]), len(tones[1]), tones[0] & tones[1]) == (8, 2, set())
    again = open_boxes(str(folder / "mine.txt"), TASK, limit=3, test_limit=1)
    assert (len(again.train), len(again.test)) == (3, 1)
    assert set(again.train.pixels.max(axis=(1, 2, 3)).tolist()) < tones[0]


def test_boxes_of_no_size_are_left_out_and_counted(write: Writes) -> None:
    found = open_boxes(
        str(write("a.png\n2\n1 1 0 4 0 0 0 0 0 0\n1 1 4 4 0 0 0 0 0 0\n", GOOD, ("a.png", "b.png", "0--Parade/a.png", "c.png"))),
        TASK,
    )
    assert (found.left_out, found.train.boxes) == (1, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.png\n1\n1 2 3\n", ":3: '1 2 3' is no box; 10 numbers were expected: x y w h blur expression illumination invalid"),
        ("a.png\n1\n1 2 x 4 0 0 0 0 0 0\n", ":3: '1 2 x 4 0 0 0 0 0 0' is no box; 10 numbers"),
        ("a.png\n1\n1 2 nan 4 0 0 0 0 0 0\n", ":3: '1 2 nan 4 0 0 0 0 0 0' is no box"),
        ("a.png\n1\n1 2 -3 4 0 0 0 0 0 0\n", ":3: the box is -3 wide and 4 high; at least 0 was expected"),
        ("a.png\n1\n1 2 3 4 0 0 0 7 0 0\n", ":3: `invalid` is 7; 0 or 1 was expected"),
        ("a.png\n0\n1 2 3 4 0 0 0 0 0 0\n", ":3: a box, but none were counted; a line of zeros was expected"),
        ("a.png\n2\n1 2 3 4 0 0 0 0 0 0\n", ":3: the file ends before the boxes of 'a.png' do: there should be 2"),
        ("a.png\n", ":1: the file ends after the picture 'a.png'; its number of boxes was expected"),
        ("a.png\nb.png\n0\n0 0 0 0 0 0 0 0 0 0\n", ":2: 'b.png' is no number of boxes of 'a.png'"),
        (
            "a.png\n1\n1 2 3 4 0 0 0 0 0 0\n5 6 7 8 0 0 0 0 0 0\nb.png\n0\n0 0 0 0 0 0 0 0 0 0\n",
            ":4: '5 6 7 8 0 0 0 0 0 0' is no picture's name; are there more boxes than were counted?",
        ),
        ("a.png\n0\n0 0 0 0 0 0 0 0 0 0\n" * 2, ":4: the picture 'a.png' is listed twice; first in line 1"),
        ("../a.png\n0\n0 0 0 0 0 0 0 0 0 0\n", ":1: '../a.png' leads out of the folder of pictures"),
        ("", ": is empty; a picture's name"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "boxes.txt"
    path.write_text(text)
    with pytest.raises(SpecError) as found:
        read_annotations(path)
    assert str(found.value).startswith(f"{path}{expected}")
    assert len(found.value.problems) == 1


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "boxes.txt"
    path.write_text("a.png\n1\nnothing\nb.png\n1\n1 1 1 1 0 0 0 2 0 0\n")
    with pytest.raises(SpecError) as found:
        read_annotations(path)
    assert [problem.location.line for problem in found.value.problems if problem.location] == [3, 6]


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        (
            "gone.png\n1\n1 1 4 4 0 0 0 0 0 0\n",
            "",
            r"wider_face_train_bbx_gt.txt:1: there is no picture .*WIDER_train/images/gone.png",
        ),
        ("b.png\n1\n24 1 4 4 0 0 0 0 0 0\n", "", r"gt.txt:3: the box lies outside of its picture of 24 x 16 pixels"),
        (GOOD, "nowhere", r"nowhere: there is no such file or folder; a folder with wider_face_train_bbx_gt.txt"),
        (GOOD, "WIDER_train", r"WIDER_train: holds no wider_face_train_bbx_gt.txt"),
        (GOOD, "WIDER_train/images/b.png", r"b.png: is no such file"),
    ],
)
def test_a_data_set_that_does_not_hold_together_is_refused(text: str, given: str, expected: str, write: Writes) -> None:
    folder = write(text, GOOD)
    with pytest.raises((SpecError, TrainingError), match=expected):
        open_boxes(str(folder / given), TASK)


def test_other_misfits_are_refused(write: Writes) -> None:
    folder = write(GOOD, "b.png\n0\n0 0 0 0 0 0 0 0 0 0\n")
    with pytest.raises(TrainingError, match=r"boxes in this format are of one class; the design finds 2$"):
        open_boxes(str(folder), build(Task, {"input": [16, 24, 1], "classes": 2}))
    with pytest.raises(TrainingError, match=r"no test picture has a box to be found$"):
        open_boxes(str(folder), TASK)
    (folder / "WIDER_val" / "images").rename(folder / "elsewhere")
    (folder / "WIDER_val").rmdir()
    with pytest.raises(
        TrainingError, match=r"val_bbx_gt.txt: has no folder of pictures beside it; WIDER_val/images or WIDER_val or"
    ):
        open_boxes(str(folder), TASK)


NUMBERS = st.integers(0, 500)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    pictures=st.lists(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans()), max_size=4), min_size=1, max_size=5)
)
def test_what_is_written_is_read(
    pictures: list[list[tuple[int, int, int, int, bool]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = []
    for number, boxes in enumerate(pictures):
        lines += [f"{number}.jpg", str(len(boxes)), *(f"{x} {y} {w} {h} 0 1 0 {int(bad)} 2 0 " for x, y, w, h, bad in boxes)]
        lines += [] if boxes else ["0 0 0 0 0 0 0 0 0 0 "]
    path = tmp_path_factory.getbasetemp() / "written.txt"
    path.write_text("\n".join(lines) + "\n")
    found = read_annotations(path)
    assert [one.name for one in found] == [f"{number}.jpg" for number in range(len(pictures))]
    assert [_plain(one) for one in found] == pictures


def _plain(one: Annotated) -> list[tuple[int, int, int, int, bool]]:
    return [(int(box.left), int(box.top), int(box.width), int(box.height), box.invalid) for box in one.boxes]


def test_boxes_move_as_what_is_painted_in_them() -> None:
    """Painted boxes, moved as images are, are found by looking."""
    rng, recipe = np.random.default_rng(0), Recipe(shift=5, flip=True)
    sides, kept = (16, 24), 0
    for _ in range(60):
        left, top = int(rng.integers(0, 18)), int(rng.integers(0, 10))
        box = np.array([[left, top, left + int(rng.integers(3, 7)), top + int(rng.integers(3, 7))]], np.float32)
        image = np.zeros((1, 1, *sides), np.uint8)
        x0, y0, x1, y1 = map(int, box[0])
        image[0, 0, y0:y1, x0:x1] = 1
        made = moves(1, recipe, rng)
        seen = moved(image, made)[0, 0]
        found = objects_moved(Objects(box, np.array([1]), box[:0]), bool(made.mirrored[0]), made.shifts[0], sides)
        left_over = np.concatenate([found.boxes, found.ignored])
        rows, columns = np.nonzero(seen)
        expected = [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]] if len(rows) else []
        assert left_over.tolist() == expected
        assert bool(len(found.boxes)) == (2 * seen.sum() >= image.sum())
        kept += len(found.boxes)
    assert 30 < kept < 60


def test_a_torchvision_of_another_pytorch_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist\nmore")

    monkeypatch.setattr(network, "require", fails)
    with pytest.raises(
        TrainingError, match=r"^torchvision does not fit this PyTorch \(operator torchvision::nms does not exist\); both"
    ):
        network._torchvision()
