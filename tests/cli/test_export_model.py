"""`qeopt export MODEL`: a model file at 8 bits, by one command, with its own weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from qeopt.design import load_design

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper

Run = Callable[..., Result]
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((16, 3, 16, 16)).astype(np.float32)


@pytest.fixture
def model(run: Run, tmp_path: Path) -> Path:
    """A convolution with open sides, a mean and a matrix, in the folder that verbs run in."""
    values = {"w": RANDOM.normal(0, 0.2, (8, 3, 3, 3)), "b": RANDOM.normal(0, 0.1, 8), "m": RANDOM.normal(0, 0.5, (8, 4))}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", strides=[2, 2], pads=[0, 0, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "m"], ["y"], name="matrix"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in values.items()],
    )
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    np.savez(tmp_path / "images.npz", images=IMAGES)
    return path


def answers(path: Path) -> np.ndarray:
    session = ort.InferenceSession(path.read_bytes())
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: image[None]})[0].reshape(1, -1) for image in IMAGES])


def test_what_is_no_model_or_design_is_told(run: Run) -> None:
    assert run("export", "nosuch.onnx", "--format", "csv").stderr == "nosuch.onnx: there is no such file\n"
    assert run("export", "nosuch", "--format", "csv").stderr.startswith(
        "nosuch: no such design or model: a model file, a design.json"
    )
    said = "--calibration-method entropy: calibration is 'entropy'; 'min-max', 'percentile' or 'mse' was expected\n"
    assert run("export", "nosuch.json", "--format", "onnx-qdq", "--calibration-method", "entropy").stderr == said


def test_a_model_is_written_at_eight_bits_with_its_own_weights(run: Run, model: Path, tmp_path: Path) -> None:
    before = model.read_bytes()
    result = run("export", "small.onnx", "--format", "onnx-qdq", "--data", "images.npz", "--json")
    assert result.exit_code == 0, result.stderr
    assert "random" not in result.stderr
    [file] = json.loads(result.stdout)["files"]
    assert file == "runs/small/1/small.onnx"
    expected, found = answers(model), answers(tmp_path / file)
    assert np.abs(expected - found).max() < 0.02 * np.abs(expected).max()
    assert not np.array_equal(expected, found)
    assert model.read_bytes() == before
    assert run("verify", "small").exit_code == 0
    origins = {entry.key: entry.value for entry in onnx.load(tmp_path / file).metadata_props}
    assert "small.onnx" in json.dumps(origins)
    assert "images.npz" in json.dumps(origins)


@pytest.mark.parametrize(
    ("format_", "runtime", "file"), [("c", "qeopt-c", "small/src/qeopt_small.c"), ("tflite", "tflm", "small.tflite")]
)
def test_the_kernels_are_those_of_the_format(run: Run, model: Path, tmp_path: Path, format_: str, runtime: str, file: str) -> None:
    result = run("export", model.name, "--format", format_, "--data", "images.npz")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "runs" / "small" / "1" / file).is_file()
    assert load_design(tmp_path / "runs" / "small" / "1" / "design.json").load_study().runtime.name == runtime


def test_a_file_that_is_no_model_is_refused_as_one(run: Run, model: Path, tmp_path: Path) -> None:
    model.write_bytes(b"nothing")
    result = run("export", "small.onnx", "--format", "onnx-qdq")
    assert result.exit_code == 2
    assert result.stderr.startswith("small.onnx: ")
    assert not (tmp_path / "runs").exists()


def test_a_model_that_no_kernel_runs_is_told_as_a_document(run: Run, model: Path) -> None:
    graph = onnx.load(model)
    graph.graph.node[1].op_type = "Softplus"
    onnx.save(graph, model)
    result = run("export", "small.onnx", "--format", "tflite", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["status"] == "infeasible"
    assert "softplus" in told["reason"]
    assert "Traceback" not in result.stderr
