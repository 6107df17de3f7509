"""Marks count what a network tells, whichever runtime it is run by; models in files are run as they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.design import Design
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.reference import run
from qeopt.training.data.dataset import Dataset, Split
from qeopt.training.evaluation import score_onnx, score_reference
from qeopt.training.marks import marked
from qeopt.training.recipe import Recipe


@pytest.fixture(scope="module")
def weights(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the tiny design, as if they had been trained."""
    model = quantised(design.model_copy(update={"study_name": "fourth"}), Numbers())
    arrays: dict[str, Any] = {f"{name}.scale": np.array(grid.scale) for name, grid in model.grids.items()}
    for name, found in model.weights.items():
        scale = found.scales.reshape(-1, *(1,) * (found.values.ndim - 1))
        op = model.network.op_by_name[name]
        arrays |= {name: found.values * scale, f"{name}.weight_scale": found.scales}
        arrays[f"{name}.bias"] = found.bias * found.scales * model.grids[op.inputs[0].name].scale
    path = tmp_path_factory.mktemp("weights") / "weights.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_marks_are_counted_by_class(chunk: int) -> None:
    rng = np.random.default_rng(0)
    labels, told = rng.integers(0, 4, 60), rng.integers(0, 5, 60)
    labels[labels == 3] = 2
    images = Split(told.astype(np.uint8)[:, None, None, None], labels)

    def outputs(pixels: NDArray[np.float64]) -> NDArray[Any]:
        assert len(pixels) <= chunk
        return np.asarray(np.eye(5)[np.rint(pixels[:, 0, 0, 0] * 255).astype(int)])

    marks = marked(outputs, images, 5, chunk)
    assert marks.accuracy == (labels == told).mean()
    assert marks.picks.tolist() == told.tolist()
    for true in range(5):
        for seen in range(5):
            assert marks.confusion[true, seen] == ((labels == true) & (told == seen)).sum()
        share = marks.by_class[true]
        assert np.isnan(share) if true >= 3 else share == (told[labels == true] == true).mean()


def test_reference_and_onnxruntime_tell_what_the_integers_say(design: Design, weights: Path, data: Dataset) -> None:
    pytest.importorskip("onnxruntime")
    model = quantised(design, Numbers(weights=weights))
    integers = run(model, data.test.pixels / 255.0)[model.network.outputs[0].name].reshape(60, -1)
    marks = score_reference(design, weights, data.test)
    assert marks.picks.tolist() == integers.argmax(axis=1).tolist()
    deployed = score_onnx(design, weights, data.test)
    ties = (np.sort(integers, axis=1)[:, -1] - np.sort(integers, axis=1)[:, -2]) <= 1
    assert ((deployed.picks == marks.picks) | ties).all()
    assert len(set(marks.picks.tolist())) > 1


@pytest.fixture
def verb(design: Design, weights: Path, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `qeopt evaluate` in a folder with a design, its weights, and data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    design.save(tmp_path / "tiny" / "design.json")
    (tmp_path / "w.npz").write_bytes(weights.read_bytes())
    np.savez(
        tmp_path / "data.npz",
        x_train=data.train.pixels,
        y_train=data.train.labels,
        x_test=data.test.pixels,
        y_test=data.test.labels,
    )
    return lambda *given: CliRunner().invoke(app, ["evaluate", *given])


def test_a_design_is_evaluated(verb: Callable[..., Any], design: Design, weights: Path, data: Dataset, tmp_path: Path) -> None:
    result = verb("tiny", "--weights", "w.npz", "--data", "data.npz", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    expected = score_reference(design, weights, data.test)
    assert found["confusion"] == expected.confusion.tolist()
    assert (found["accuracy"], found["images"], found["classes"]) == (expected.accuracy, 60, ["0", "1", "2"])
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
    text = verb("tiny", "--weights", "w.npz", "--data", "data.npz", "--onnxruntime").stdout
    assert "of 60 test images right" in text
    assert (
        verb("tiny", "--weights", "w.npz", "--data", "data.npz", "--limit", "7")
        .stdout.splitlines()[0]
        .endswith("of 7 test images right")
    )


def test_an_onnx_file_is_evaluated(verb: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    CliRunner().invoke(app, ["export", "tiny", "--format", "onnx-qdq", "--out", "m.onnx", "--set", "weights=w.npz"])
    found = json.loads(verb("m.onnx", "--data", "data.npz", "--json").stdout)
    design = json.loads(verb("tiny", "--weights", "w.npz", "--data", "data.npz", "--json", "--onnxruntime").stdout)
    assert found["confusion"] == design["confusion"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("tiny", "--weights", "no.npz", "--data", "data.npz"), "no.npz: there is no such file"),
        (
            ("tiny", "--weights", "data.npz", "--data", "data.npz"),
            "data.npz: holds 'x_train', 'y_train', 'x_test', 'y_test' and no weights of this network; "
            "arrays named 'stem', ... were expected\n",
        ),
        (("tiny", "--weights", "w.npz", "--data", "digits.npz"), "digits.npz: there is no such file or folder"),
        (("broken.onnx", "--data", "data.npz"), "broken.onnx: ONNX Runtime cannot run it: "),
    ],
)
def test_what_cannot_be_evaluated_is_told_in_one_line(
    verb: Callable[..., Any], given: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    result = verb(*given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_training_without_torch_names_the_extra(verb: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    result = CliRunner().invoke(app, ["train", "tiny", "--data", "data.npz"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == ['training needs the package "torch": pip install "qeopt[train]"']


def test_the_recipe_is_that_of_the_study() -> None:
    recipe = Recipe()
    assert (recipe.optimiser, recipe.rate, recipe.batch, recipe.warm_up) == ("adam", 1e-2, 64, 0.05)
