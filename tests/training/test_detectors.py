"""Detectors learn boxes: average precision rises, all runtimes agree, and a run that is cut off ends alike."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.design import Design
from qeopt.training.boxes.objects import BoxDataset, BoxSplit, Objects
from qeopt.training.boxes.open import FILES, FOLDERS, open_boxes
from qeopt.training.boxes.precision import Found, average_precision
from qeopt.training.boxes.train import train_boxes
from qeopt.training.recipe import Recipe
from qeopt.training.train import Options
from qeopt.verbs.solve import solve

pytestmark = pytest.mark.slow
STUDY = """\
kind: study
task: {input: [32, 32, 1], classes: 1}
network:
  blocks:
    - {kind: conv, name: stem, width: 8, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 2, width: 16, kernel: 3, ratio: 2, units: 1}
    - {kind: detection, name: near, anchors: 2}
    - {kind: k1dwk1, name: b2, stride: 2, width: 24, kernel: 3, ratio: 2, units: 1}
    - {kind: detection, name: far}
runtime: ideal
budgets: {sram: 12 KiB, flash: 6 KiB}
bits: {weights: [4, 8], activations: [4, 8]}
objective: {kind: qe}
search: {baselines: []}
"""
RECIPE = Recipe(epochs=20, batch=16, rate=1e-2)


@pytest.fixture(autouse=True)
def torch() -> Any:
    found = pytest.importorskip("torch")
    pytest.importorskip("pycocotools")
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):  # RuntimeError: built for another PyTorch
        pytest.skip("no torchvision that fits this PyTorch")
    found.set_num_threads(1)
    return found


@pytest.fixture(scope="module")
def detecting(tmp_path_factory: pytest.TempPathFactory) -> Design:
    """A network of two heads."""
    path = tmp_path_factory.mktemp("detecting") / "detecting.yaml"
    path.write_text(STUDY)
    design = solve(path).design
    assert design is not None
    return design


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 training and 24 test pictures of a bright square in noise, every twelfth of nothing."""
    top, rng = tmp_path_factory.mktemp("squares"), np.random.default_rng(0)
    for split, count in (("train", 96), ("test", 24)):
        pictures, lines = top / FOLDERS[split][0], list[str]()
        pictures.mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 90, (32, 32), dtype=np.uint8)
            side = int(rng.integers(8, 18))
            left, top_ = (int(place) for place in rng.integers(0, 32 - side, 2))
            lines += [f"{number}.png", str(int(number % 12 > 0))]
            if number % 12:
                pixels[top_ : top_ + side, left : left + side] = rng.integers(180, 255)
                lines.append(f"{left} {top_} {side} {side} 0 0 0 0 0 0")
            else:
                lines.append("0 0 0 0 0 0 0 0 0 0")
            Image.fromarray(pixels).save(pictures / f"{number}.png")
        (top / FILES[split]).write_text("\n".join(lines) + "\n")
    return top


@pytest.fixture(scope="module")
def squares(detecting: Design, folder: Path) -> BoxDataset:
    return open_boxes(str(folder), detecting.load_study().task)


def test_squares_are_found_and_all_runtimes_agree(detecting: Design, squares: BoxDataset, tmp_path: Path) -> None:
    before = train_boxes(detecting, "tiny", squares, RECIPE.model_copy(update={"epochs": 0.1}), tmp_path / "before")
    found = train_boxes(detecting, "tiny", squares, RECIPE, tmp_path / "after")
    assert before is not None
    assert found is not None
    assert before.average_precision < 0.2
    assert found.average_precision > before.average_precision + 0.4
    assert found.onnxruntime.half == pytest.approx(found.integers.half, abs=0.02)
    assert found.simulated.half == pytest.approx(found.integers.half, abs=0.02)
    record = json.loads((tmp_path / "after" / "train.json").read_text())
    assert record["average_precision_at_half"] == found.average_precision
    assert record["data"]["test"] == {"images": 24, "boxes": 22}
    assert record["curve"][-1]["loss"] < 0.5 * record["curve"][0]["loss"]


def learnt(folder: Path) -> dict[str, bytes]:
    with np.load(folder / "weights.npz") as held:
        return {name: held[name].tobytes() for name in held.files}


def test_a_run_that_is_stopped_anywhere_ends_with_the_same_weights(detecting: Design, squares: BoxDataset, tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"epochs": 3.0, "shift": 3, "flip": True, "eight_bits_first": 0.4})
    train_boxes(detecting, "tiny", squares, recipe, tmp_path / "whole")
    for stop in (1, 7, 9):
        assert train_boxes(detecting, "tiny", squares, recipe, tmp_path / "parts", Options(stop_at=stop)) is None
    assert train_boxes(detecting, "tiny", squares, recipe, tmp_path / "parts") is not None
    assert learnt(tmp_path / "parts") == learnt(tmp_path / "whole")


@pytest.fixture
def verb(detecting: Design, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a verb on the design in the folder `tiny`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    detecting.save(tmp_path / "tiny" / "design.json")
    return lambda name, *given: CliRunner().invoke(app, [name, "tiny", "--data", str(folder), *given])


def test_the_verbs(verb: Callable[..., Any], tmp_path: Path) -> None:
    said = verb("train", "--epochs", "1", "--batch", "16", "--seeds", "2", "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    runs = json.loads(said.stdout)["runs"]
    assert [run["seed"] for run in runs] == [0, 1]
    top = tmp_path / "tiny" / "train" / "seed-1"
    assert sorted(path.name for path in top.iterdir()) == [
        "checkpoint.pt",
        "curve.png",
        "precision.png",
        "train.json",
        "weights.npz",
    ]
    for options in ((), ("--onnxruntime",)):
        again = json.loads(verb("evaluate", "--weights", str(top / "weights.npz"), "--json", *options).stdout)
        assert again["average_precision_at_half"] == pytest.approx(runs[1]["average_precision_at_half"], abs=0.02)
        assert again["objects"] == 22
    text = verb("train", "--epochs", "1", "--batch", "16", "--out", "told").stdout
    assert "seed 0: average precision " in text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("--label-smoothing", "0.1"), "--label-smoothing: the design finds boxes"),
        (("--batch", "97"), "a batch of 97 is more than the 96 training images"),
    ],
)
def test_what_cannot_be_trained_is_told(verb: Callable[..., Any], given: tuple[str, ...], expected: str) -> None:
    said = verb("train", *given)
    assert (said.exit_code, said.stdout) == (2, "")
    assert expected in said.stderr


def marked(found: list[list[tuple[list[float], float]]], truth: list[list[list[float]]], ignored: list[list[list[float]]]) -> Any:
    """Average precision of what is said of images, one class."""
    objects = tuple(
        Objects(np.array(boxes, np.float32).reshape(-1, 4), np.ones(len(boxes), np.int64), np.array(no, np.float32).reshape(-1, 4))
        for boxes, no in zip(truth, ignored, strict=True)
    )
    said = [
        Found(
            np.array([box for box, _ in one], np.float32).reshape(-1, 4),
            np.ones(len(one), np.int64),
            np.array([score for _, score in one]),
        )
        for one in found
    ]
    images = BoxSplit(np.zeros((len(truth), 1, 32, 32), np.uint8), objects)
    places = iter(range(len(truth)))
    return average_precision(lambda pixels: [said[next(places)] for _ in pixels], images, 1, 2)


def test_average_precision_is_what_it_is_by_hand() -> None:
    box, other, far = [0.0, 0, 10, 10], [20.0, 20, 30, 30], [0.0, 20, 10, 30]
    empty: list[list[list[float]]] = [[], [], []]
    truth = [[box], [other], []]
    assert marked([[(box, 0.9)], [(other, 0.8)], []], truth, empty).whole == pytest.approx(1.0)
    assert marked([[], [], []], truth, empty).whole == 0.0
    # the surest is wrong: precision is 1/2, then 2/3, at any recall
    wrong = marked([[(box, 0.8)], [(other, 0.7)], [(far, 0.9)]], truth, empty)
    assert wrong.half == pytest.approx(2 / 3)
    assert wrong.recall == 1.0
    assert wrong.objects == 2
    half = marked([[(box, 0.8)], [], []], truth, empty)
    assert half.half == pytest.approx(51 / 101)
    # what is to be ignored is no mistake
    assert marked([[(box, 0.8)], [(other, 0.7)], [(far, 0.9)]], truth, [[], [], [far]]).half == pytest.approx(1.0)
    # 6 of 10 rows of the box: right at an overlap of 0.5 and 0.55 and 0.6
    loose = marked([[([0.0, 0, 10, 6.2], 0.9)], [(other, 0.8)], []], truth, empty)
    assert loose.half == pytest.approx(1.0)
    assert loose.whole == pytest.approx((3 * 1.0 + 7 * (0.5 * 51 / 101)) / 10)
