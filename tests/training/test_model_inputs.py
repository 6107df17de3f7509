"""What a model file reads and writes, as `qeopt evaluate` and `qeopt export` take it; ONNX Runtime is the oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.export.design_export import export_design
from qeopt.export.errors import ExportError
from qeopt.spec.errors import SpecError
from qeopt.training.data.dataset import Split
from qeopt.training.errors import TrainingError
from qeopt.training.model_files import image_shape, score_file
from qeopt.training.verbs.evaluate import evaluate

CLASSES = 4
Side = int | str


def _model(
    path: Path, kind: int, sides: tuple[Side, ...], *, last: bool, others: tuple[str, ...] = (), inputs: tuple[str, ...] = ("x",)
) -> Path:
    """Tells classes apart by one convolution and the mean of its values; `others` are outputs beside that."""
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(CLASSES, 3, 3, 3)).astype("f")
    constants = {"w": weights, "b": -0.3 * weights.sum(axis=(1, 2, 3)), "full": np.float32(255), "minus": np.float32(-1)}
    nodes = [helper.make_node("Cast", ["x"], ["real"], to=TensorProto.FLOAT)]
    turned = [0, 3, 1, 2] if last else [0, 1, 2, 3]
    nodes.append(helper.make_node("Transpose", ["real"], ["turned"], perm=turned))
    nodes.append(
        helper.make_node("Div" if kind != TensorProto.FLOAT else "Identity", ["turned", "full"][: 1 + (kind != 1)], ["image"])
    )
    nodes.append(helper.make_node("Conv", ["image", "w", "b"], ["sums"], pads=[1, 1, 1, 1]))
    value = "sums"
    for name in inputs[1:]:
        nodes.append(helper.make_node("Add", [value, name], [f"with {name}"]))
        value = f"with {name}"
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["means"]))
    nodes.append(helper.make_node("Flatten", ["means"], ["logits"]))
    made = {
        "shares": helper.make_node("Softmax", ["logits"], ["shares"], axis=1),
        "pick": helper.make_node("ArgMax", ["logits"], ["pick"], axis=1),
        "turned round": helper.make_node("Mul", ["logits", "minus"], ["turned round"]),
    }
    nodes += [made[name] for name in others]
    ends = [helper.make_tensor_value_info("x", kind, [1, *sides])]
    ends += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, CLASSES, 8, 8]) for name in inputs[1:]]
    results = [
        helper.make_tensor_value_info(name, TensorProto.INT64 if name == "pick" else TensorProto.FLOAT, None)
        for name in (*others[:1], "logits", *others[1:])
    ]
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "model", ends, results, held)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def images() -> Split:
    rng = np.random.default_rng(6)
    tint = rng.integers(60, 256, (40, 3, 1, 1))
    return Split((rng.integers(0, 256, (40, 3, 8, 8)) * tint // 255).astype(np.uint8), rng.integers(0, CLASSES, 40))


def _picks(path: Path, pixels: np.ndarray[Any, Any]) -> list[int]:
    session = pytest.importorskip("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [int(session.run(["logits"], {"x": image[None]})[0].argmax()) for image in pixels]


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.UINT8])
@pytest.mark.parametrize("last", [True, False])
def test_a_file_is_fed_in_its_order_and_type(kind: int, last: bool, images: Split, tmp_path: Path) -> None:
    path = _model(tmp_path / "m.onnx", kind, (8, 8, 3) if last else (3, 8, 8), last=last)
    assert image_shape(path) == (8, 8, 3)
    fed = images.pixels.transpose(0, 2, 3, 1) if last else images.pixels
    wanted = _picks(path, fed if kind == TensorProto.UINT8 else (fed / 255).astype(np.float32))
    assert len(set(wanted)) > 1
    assert score_file(path, images, CLASSES).picks.tolist() == wanted


def _each_pixel(path: Path, kind: int, batch: Side) -> Path:
    """Tells the only pixel of an image as one of 256 classes."""
    first = -128 if kind == TensorProto.INT8 else 0
    pixels = np.arange(first, first + 256, dtype="f").reshape(1, 256, 1, 1)
    nodes = [
        helper.make_node("Cast", ["x"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["real", "pixels"], ["apart"]),
        helper.make_node("Abs", ["apart"], ["far"]),
        helper.make_node("Neg", ["far"], ["near"]),
        helper.make_node("Flatten", ["near"], ["logits"]),
    ]
    ends = [helper.make_tensor_value_info("x", kind, [batch, 1, 1, 1])]
    results = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "model", ends, results, [numpy_helper.from_array(pixels, "pixels")])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32])
@pytest.mark.parametrize("batch", [1, 100, "n"])
def test_every_pixel_goes_in_as_the_integer_that_it_is(kind: int, batch: Side, tmp_path: Path) -> None:
    """And images at the end that fill no batch are marked once."""
    pixels = np.arange(256, dtype=np.uint8)
    images = Split(pixels.reshape(256, 1, 1, 1), pixels.astype(np.int64))
    marks = score_file(_each_pixel(tmp_path / "m.onnx", kind, batch), images, 256)
    assert np.array_equal(marks.picks, pixels)


def test_files_that_read_other_things_are_refused(images: Split, tmp_path: Path) -> None:
    wide = _model(tmp_path / "wide.onnx", TensorProto.FLOAT, (3, 8, 12), last=False)
    with pytest.raises(TrainingError, match=r"reads images of the shape \[3, 8, 12\]; those at hand have \[3, 8, 8\]"):
        score_file(wide, images, CLASSES)
    truths = _model(tmp_path / "truths.onnx", TensorProto.BOOL, (3, 8, 8), last=False)
    with pytest.raises(TrainingError, match=r"reads tensor\(bool\); an image of tensor\(float\), .* was expected"):
        score_file(truths, images, CLASSES)


def test_evaluate_takes_the_sides_that_a_file_leaves_open(images: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _model(tmp_path / "m.onnx", TensorProto.FLOAT, (3, "h", "w"), last=False)
    np.savez("data.npz", images=images.pixels, labels=images.labels)
    given = ["evaluate", "m.onnx", "--data", "data.npz", "--no-pictures"]
    told = CliRunner().invoke(app, [*given, "--input", "8,8,3"])
    assert told.exit_code == 0, told.output
    with pytest.raises(TrainingError, match="leaves the size of its images open; --input H,W,C says it"):
        evaluate("m.onnx", "data.npz")
    assert evaluate("m.onnx", "data.npz", sides=(8, 8, 3)).marks is not None


@pytest.mark.parametrize("verb", [("export", "--format", "csv"), ("evaluate", "--data", "digits")], ids=lambda verb: verb[0])
def test_designs_say_themselves_what_they_read(verb: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "design.json").write_text("{}", encoding="utf-8")
    told = CliRunner().invoke(app, [verb[0], "design.json", *verb[1:], "--input", "8,8,3"])
    assert "--input: a design says what it reads; this is for model files" in told.output + str(told.exception)


def test_open_sides_are_stated_in_an_order(tmp_path: Path) -> None:
    path = _model(tmp_path / "m.onnx", TensorProto.FLOAT, (3, "h", "w"), last=False)
    assert image_shape(path, (8, 12, 3)) == (8, 12, 3)
    with pytest.raises(TrainingError, match="leaves the size of its images open; --input H,W,C says it"):
        image_shape(path)
    with pytest.raises(TrainingError, match=r"--input 3,8,8: .* reads \? x \? x 3 \(height x width x channels\)"):
        image_shape(path, (3, 8, 8))


@pytest.mark.parametrize("others", [("shares",), ("pick",), ("pick", "shares")])
def test_outputs_beside_a_value_for_each_class_do_not_matter(others: tuple[str, ...], images: Split, tmp_path: Path) -> None:
    path = _model(tmp_path / "m.onnx", TensorProto.UINT8, (3, 8, 8), last=False, others=others)
    assert score_file(path, images, CLASSES).picks.tolist() == _picks(path, images.pixels)


def test_outputs_that_contradict_each_other_or_fit_no_classes_are_named(images: Split, tmp_path: Path) -> None:
    path = _model(tmp_path / "m.onnx", TensorProto.UINT8, (3, 8, 8), last=False, others=("turned round",))
    with pytest.raises(TrainingError, match="the outputs 'turned round', 'logits' have a value for each class and tell different"):
        score_file(path, images, CLASSES)
    with pytest.raises(
        TrainingError, match="has the outputs 'turned round' of 4, 'logits' of 4 values; one with a value for each of"
    ):
        score_file(path, images, 7)


def test_export_takes_the_sides_that_a_file_leaves_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = _model(tmp_path / "m.onnx", TensorProto.FLOAT, (3, "h", "w"), last=False)
    told = CliRunner().invoke(app, ["export", str(path), "--format", "onnx", "--input", "8,8,3", "--out", "made.onnx"])
    assert told.exit_code == 0, told.output
    runtime = pytest.importorskip("onnxruntime")
    assert runtime.InferenceSession("made.onnx", providers=["CPUExecutionProvider"]).get_inputs()[0].shape[1:] == [3, 8, 8]


def test_python_takes_the_sides_that_a_file_leaves_open(tmp_path: Path) -> None:
    path = _model(tmp_path / "m.onnx", TensorProto.FLOAT, (3, "h", "w"), last=False)
    (made,) = export_design(path, "onnx", out=tmp_path / "made.onnx", sides=(8, 12, 3))
    assert image_shape(made) == (8, 12, 3)
    with pytest.raises(SpecError, match="leaves dimension 2 open"):
        export_design(path, "onnx", out=tmp_path / "no.onnx")
    with pytest.raises(ExportError, match=r"sides \(8, 0, 3\): input should be greater than or equal to 1"):
        export_design(path, "onnx", out=tmp_path / "no.onnx", sides=(8, 0, 3))
    with pytest.raises(ExportError, match="sides: a design says what it reads; this is for model files"):
        export_design(tmp_path, "onnx", sides=(8, 12, 3))


def test_a_network_of_two_images_is_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = _model(tmp_path / "m.onnx", TensorProto.FLOAT, (3, 8, 8), last=False, inputs=("x", "y"))
    told = CliRunner().invoke(app, ["export", str(path), "--format", "onnx-qdq", "--out", "made.onnx"])
    said = "exports with numbers cannot compute a network that reads or keeps 2 tensors (x, y) instead of one image"
    assert said in str(told.exception) + told.output
