"""Networks imported from files that read integers: what pixels stand for goes with the network to whatever reads images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save
from PIL import Image

from qeopt.design import Design
from qeopt.export import export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.c.picture import picture_of
from qeopt.network.document import GraphBlock, document
from qeopt.network.importers import import_model
from qeopt.spec.model import build
from qeopt.training.data.dataset import Split
from qeopt.verbs.bits import UNLIMITED, bits

KINDS = {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8, "int32": TensorProto.INT32, "float": TensorProto.FLOAT}
NORMALISED = {
    "div": [("Div", 255.0)],
    "mul": [("Mul", 1 / 255)],
    "sub and div": [("Sub", 127.5), ("Div", 58.0)],
    "nothing": [],
}


def _model(path: Path, kind: str, steps: list[tuple[str, float]], scale: tuple[float, int] | None = None) -> Path:
    """An image with its channels last, turned into reals, normalised, and told apart by one convolution."""
    rng = np.random.default_rng(3)
    constants = {
        "w": rng.normal(size=(8, 3, 3, 3)).astype("f") / 5,
        "b": rng.normal(size=8).astype("f") / 10,
        "v": rng.normal(size=(5, 8)).astype("f"),
        "s": np.float32(scale[0] if scale else 1),
        "z": np.array(scale[1] if scale else 0, helper.tensor_dtype_to_np_dtype(KINDS[kind])),
    }
    nodes: list[Any] = []
    value = "x"

    def add(op: str, *more: str, **attributes: Any) -> None:
        nonlocal value
        nodes.append(helper.make_node(op, [value, *more], [f"{value}{len(nodes)}"], **attributes))
        value = nodes[-1].output[0]

    if scale:
        add("DequantizeLinear", "s", "z")
    elif kind != "float":
        add("Cast", to=TensorProto.FLOAT)
    add("Transpose", perm=[0, 3, 1, 2])
    for number, (op, constant) in enumerate(steps):
        constants[f"c{number}"] = np.float32(constant)
        add(op, f"c{number}")
    add("Conv", "w", "b", pads=[1, 1, 1, 1])
    add("Relu")
    add("GlobalAveragePool")
    add("Flatten")
    add("Gemm", "v", transB=1)
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    ends = [
        helper.make_tensor_value_info(name, kind_, shape)
        for name, kind_, shape in (("x", KINDS[kind], [1, 8, 8, 3]), (value, TensorProto.FLOAT, [1, 5]))
    ]
    graph = helper.make_graph(nodes, "model", ends[:1], ends[1:], held)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def _design(path: Path) -> Design:
    found = bits(path, runtime="ideal", budgets=UNLIMITED, weights=(8,), activations=(8,)).solution.design
    assert found is not None
    return found


def _pictures(folder: Path) -> list[np.ndarray[Any, Any]]:
    folder.mkdir()
    pixels = list(np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8))
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return pixels


def _run(path: Path, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    session = pytest.importorskip("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: image})[0]).reshape(-1)


@pytest.mark.parametrize("by", ["pictures", "nothing"])
@pytest.mark.parametrize("normalised", ["div", "mul", "sub and div"])
def test_the_integer_network_of_a_file_of_bytes_computes_what_the_file_does(normalised: str, by: str, tmp_path: Path) -> None:
    model = _model(tmp_path / "model.onnx", "uint8", NORMALISED[normalised])
    pixels = _pictures(tmp_path / "pictures")
    options = {"weights": str(model)} | ({"data": str(tmp_path / "pictures")} if by == "pictures" else {})
    (out,) = export(_design(model), "onnx-qdq", tmp_path / "out.onnx", options)
    for picture in pixels:
        wanted = _run(model, picture[None])
        found = _run(out, picture.transpose(2, 0, 1)[None].astype(np.float32))
        assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("kind", "scale", "held", "step"),
    [
        ("uint8", None, (0, 255), 1),
        ("int32", None, (0, 255), 1),
        ("int8", None, (-128, 127), 1),
        ("float", None, (0, 1), 1 / 255),
        ("uint8", (0.5, 128), (-64, 63.5), 0.5),
        ("uint8", (1 / 256, 0), (0, 255 / 256), 1 / 256),
        ("int8", (1 / 256, -128), (0, 255 / 256), 1 / 256),
    ],
)
def test_the_type_of_the_input_says_what_pixels_stand_for(
    kind: str, scale: tuple[float, int] | None, held: tuple[float, float], step: float, tmp_path: Path
) -> None:
    model = _model(tmp_path / "model.onnx", kind, [], scale)
    read = import_model(model).network
    image = next(tensor for tensor in read.tensors if tensor.is_image)
    assert image.pixel_range == pytest.approx(held)
    written = build(GraphBlock, json.loads(json.dumps(document(read)))).network("again")
    assert next(tensor for tensor in written.tensors if tensor.is_image) == image
    assert ("pixel_range" in document(read)["image"]) == (held != (0, 1))

    (pixels, *_) = _pictures(tmp_path / "pictures")
    low, high = held
    wanted = low + (high - low) * (pixels.transpose(2, 0, 1) / 255)
    assert np.allclose(picture_of(tmp_path / "pictures" / "0.png", image)[0], wanted)
    split = Split(pixels.transpose(2, 0, 1)[None], np.zeros(1, np.int64), image.pixel_range)
    assert np.allclose(split.part(slice(0, 1)).reals()[0], wanted)
    grid = quantised(_design(model), Numbers(weights=model, data=tmp_path / "pictures")).grids[image.name]
    assert grid.scale == pytest.approx(step)
    assert grid.is_signed == (low < 0)


def test_a_range_that_does_not_rise_is_refused(tmp_path: Path) -> None:
    data = document(import_model(_model(tmp_path / "model.onnx", "uint8", [])).network)
    data["image"]["pixel_range"] = [1, 1]
    with pytest.raises(ValueError, match="a larger one for pixels of 255"):
        build(GraphBlock, json.loads(json.dumps(data)))
