"""What integers of a TFLite file's input stand for, as the importer, exports and `qeopt evaluate` take it; LiteRT is the oracle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.design_export import at_eight_bits
from qeopt.export.exporter import configured
from qeopt.network.importers import import_model
from qeopt.network.importers.tflite.images import pixel_range_of
from qeopt.training.data.dataset import Split
from qeopt.training.model_files import score_file

sys.path[:0] = [str(Path(__file__).parents[1] / "network" / "importers")]
from tflite_author import Author  # type: ignore[import-not-found]

CLASSES = 4
FLOAT, UINT8 = 0, 3


def model(path: Path, scale: float, zero: int, *, kind: str = "int8") -> Path:
    """Tells classes apart by one convolution; the image comes as integers, or as floats that are made integers first."""
    net = Author((8, 8, 3))
    image = net.tensors[net.image]
    _, told = image[4]
    told[2], told[3] = ("vector:f", [scale]), ("vector:q", [zero])
    source = net.image
    if kind == "float":
        net.image = net.tensor("pixels", (1, 8, 8, 3), kind=FLOAT)
        net.op("QUANTIZE", (net.image,), source)
    elif kind == "uint8":
        image[1] = ("b", UINT8)
        source = net.op("QUANTIZE", (net.image,), net.tensor("signed", (1, 8, 8, 3), scale=scale, zero=zero - 128))
    made = net.conv("stem", source, 8, 3, 2, act=0)
    _, written = net.tensors[made][4]
    written[2] = ("vector:f", [scale * 150])
    pooled = net.mean("mean", made)
    net.tensors[pooled][4][1][2] = ("vector:f", [scale * 60])
    last = net.dense("classifier", pooled, CLASSES)
    net.tensors[last][4][1][2] = ("vector:f", [scale * 3000])
    return Path(net.save(path, last))


@pytest.fixture
def images() -> Split:
    rng = np.random.default_rng(6)
    tint = rng.integers(10, 256, (40, 3, 1, 1))
    return Split((rng.integers(0, 256, (40, 3, 8, 8)) * tint // 255).astype(np.uint8), rng.integers(0, CLASSES, 40))


def picks(path: Path, images: Split, *, real: Any = None) -> list[int]:
    """What LiteRT tells of bytes as they are, or of real values."""
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for pixels in images.pixels:
        values = np.moveaxis(pixels, 0, 2)[None].astype(np.float64)
        values = real(values) if real else values - 128 * (entry["dtype"] == np.int8)
        interpreter.set_tensor(entry["index"], np.clip(np.rint(values), -128, 255).astype(entry["dtype"]) if not real else values)
        interpreter.invoke()
        found.append(int(interpreter.get_tensor(result["index"]).argmax()))
    return found


RANGES = [
    (1.0, -128, (0.0, 255.0)),
    (1 / 255, -128, (0.0, 1.0)),
    (1 / 127.5, 0, (-1.0, 1.0)),
    (0.98, -128, (0.0, 255.0)),
    (0.95 / 255, -128, (0.0, 1.0)),
    (0.05, -128, (0.0, 12.75)),
    (0.5, 28, (-78.0, 49.5)),
    (1.0, 0, (-128.0, 127.0)),
]


@pytest.mark.parametrize(("scale", "zero", "wanted"), RANGES)
@pytest.mark.parametrize("kind", ["int8", "uint8", "float"])
def test_an_image_says_what_pixels_stand_for(
    scale: float, zero: int, wanted: tuple[float, float], kind: str, tmp_path: Path
) -> None:
    path = model(tmp_path / "m.tflite", scale, zero + 128 * (kind == "uint8"), kind=kind)
    (image,) = import_model(path).network.sources
    assert image.pixel_range == pytest.approx(wanted, rel=1e-6)
    assert pixel_range_of(path) == image.pixel_range


def test_floats_say_nothing(tmp_path: Path) -> None:
    net = Author((8, 8, 3))
    net.tensors[net.image][1] = ("b", FLOAT)
    del net.tensors[net.image][4]
    path = net.save(tmp_path / "m.tflite", net.conv("stem", net.image, 8, 3, 2, act=0))
    assert pixel_range_of(path) is None
    assert import_model(path).network.sources[0].pixel_range == (0.0, 1.0)


@pytest.mark.parametrize(("scale", "zero"), [(0.0, 0), (-1.0, 0), (float("nan"), 0), (float("inf"), 0), (1.0, 1 << 62)])
def test_scales_that_cannot_be_say_nothing(scale: float, zero: int, tmp_path: Path) -> None:
    path = model(tmp_path / "m.tflite", scale, zero)
    assert pixel_range_of(path) is None
    assert import_model(path).network.sources[0].pixel_range == (0.0, 1.0)


@pytest.mark.parametrize(("scale", "zero"), [(1.0, -128), (1 / 255, -128), (0.05, -128)])
@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_bytes_go_in_as_they_are(scale: float, zero: int, kind: str, images: Split, tmp_path: Path) -> None:
    path = model(tmp_path / "m.tflite", scale, zero + 128 * (kind == "uint8"), kind=kind)
    wanted = picks(path, images)
    assert len(set(wanted)) > 1
    assert score_file(path, images, CLASSES).picks.tolist() == wanted


@pytest.mark.parametrize(("scale", "zero", "low", "high"), [(1.0, -128, 0, 255), (1 / 127.5, 0, -1, 1)])
def test_floats_that_become_integers_go_in_as_these_say(
    scale: float, zero: int, low: float, high: float, images: Split, tmp_path: Path
) -> None:
    path = model(tmp_path / "m.tflite", scale, zero, kind="float")
    wanted = picks(path, images, real=lambda values: (low + (high - low) * values / 255).astype(np.float32))
    assert len(set(wanted)) > 1
    assert score_file(path, images, CLASSES).picks.tolist() == wanted


@pytest.mark.parametrize(("scale", "zero"), [(1.0, -128), (1 / 255, -128), (0.05, -128)])
def test_exports_read_pixels_by_it(scale: float, zero: int, tmp_path: Path) -> None:
    path = model(tmp_path / "m.tflite", scale, zero)
    design = at_eight_bits(path, configured("onnx-qdq", {})).solution.design
    assert design is not None
    np.save(tmp_path / "bytes.npy", np.full((4, 3, 8, 8), 255, np.uint8))
    model_ = quantised(design, Numbers(weights=path, data=tmp_path / "bytes.npy"))
    grid = model_.grids["image"]
    assert not grid.is_signed
    assert grid.scale == pytest.approx(scale, rel=1e-6)
