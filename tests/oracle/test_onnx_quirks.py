"""What exporters and quantisers write is computed as ONNX Runtime computes the file, or refused with the reason."""

import sys
from pathlib import Path

import numpy as np
import pytest

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parent))
import onnx_oracle  # type: ignore[import-not-found]  # beside this file
import onnx_quirks  # type: ignore[import-not-found]  # beside this file
import onnx_reports  # type: ignore[import-not-found]  # beside this file

from qeopt.export import ExportError, export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.reference import run
from qeopt.network import OpKind, weight_count
from qeopt.network.importers import ImportOptions, import_model
from qeopt.network.lowering import lower
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build
from qeopt.verbs.bits import bits

CLOSE = 1e-4
ROUNDED = 4e-2
"""Where the file rounds to integers of its own."""
ROUGH = {"integer conv", "integer product", "by hand", "other scale", "moved as integers", "shared quantiser"}
FILES = onnx_quirks.QUIRKS | onnx_reports.REPORTS
REFUSED = {
    "average up counted": "an average that counts padding and rounds sides up is not known",
    "mean of nothing": "no operator leads from the image to an output",
    "version 7: dropout": "no operator leads from the image to an output",
    "resize cubic inside": "resizing by cubic exclude_outside with half_pixel",
    "pad by minus infinity before another": "padding with -inf is known before the largest values of windows only",
    "pad wrap": "padding by 'wrap' is not known",
    "cast to integers": r"cuts fractions off, .* treat_as: \{Cast: identity\} leaves the cut out",
    "batch inside": "a convolution of 2 images at once",
    "batch inside, one channel each": "a convolution of 4 images at once",
    "bent as integers": "takes the integers of a quantiser for numbers",
    "joined scales": "joins integers of different scales",
    "indices read": "the second output, indices, is read",
    "coordinates": "'c0' is a constant; tensors that depend on the image were expected",
    "shuffled by gather": "takes 4 values in no regular order",
    "root of squares": "a quotient of two values that both depend on the image",
    "product of values": "a product of two values that both depend on the image",
}


def saved(name: str, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(onnx_quirks.model_of(name, FILES).SerializeToString())
    return path


@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_what_is_computed(name: str, tmp_path: Path) -> None:
    path = saved(name, tmp_path)
    image = np.random.default_rng(1).normal(size=onnx_quirks.SHAPE).astype(np.float32)
    whole = onnx_oracle.largest_error(path, [image])
    read = import_model(path, values=True)
    assert all(weight_count(op) == read.weights[op.name].weights.size for op in read.network.weighted_ops)
    folded = onnx_oracle.largest_error(path, [image], lambda network: lower(network, ["pad", "reshape"])[0])
    assert max(whole, folded) < (ROUNDED if name.startswith(("quantised", "qlinear")) or name in ROUGH else CLOSE)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=REFUSED[name]):
        import_model(saved(name, tmp_path))


EIGHT_BITS = (
    "clip crossed", "image too", "pad of a value and axes", "pad by minus infinity", "pad negative", "small minus large",
    "resize nearest half_pixel floor 0.6", "quantised, relu by the zero", "gemm left", "flatten at 2", "sum with a constant", "if",
    "integer conv", "other scale", "gate expanded", "resize as TensorFlow did", "flat, channels last", "pyramid",
)  # fmt: skip


@pytest.mark.parametrize("name", EIGHT_BITS)
def test_eight_bits_are_those_of_the_reference(name: str, tmp_path: Path) -> None:
    """All outputs equal the integer reference to the bit, and follow the file."""
    path, out = saved(name, tmp_path), tmp_path / "net8.onnx"
    free = {"sram": "unlimited", "flash": "unlimited"}
    design = bits(path, runtime="ideal", budgets=free, weights=[8], activations=[8]).solution.design
    assert design is not None
    export(design, "onnx-qdq", out, {"weights": str(path), "power_of_two": True})
    image = np.random.default_rng(5).random(onnx_quirks.SHAPE).astype(np.float32)
    model = quantised(design, Numbers(weights=path, power_of_two=True))
    expected = run(model, image.astype(np.float64))
    ran = onnxruntime.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
    ends = {value.name: value.name.removesuffix("/out") for value in ran.get_outputs()}
    for name_, found in zip(ends.values(), ran.run(list(ends), {ran.get_inputs()[0].name: image}), strict=True):
        assert np.array_equal(found, (expected[name_] * model.grids[name_].scale).reshape(found.shape))
    fine = quantised(design, Numbers(weights=path, calibration="min-max"))
    close = [run(fine, image.astype(np.float64))[name_].ravel() * fine.grids[name_].scale for name_ in ends.values()]
    for real in onnx_oracle.session(path.read_bytes()).run(None, {"image": image}):
        errors = [np.abs(one - real.ravel()).max() for one in close if one.size == real.size]
        assert min(errors) < 0.1 * np.abs(real).max()


def test_slopes_by_place_are_told(tmp_path: Path) -> None:
    design = bits(
        saved("prelu by place", tmp_path), runtime="ideal", budgets={"sram": "1 MiB", "flash": "1 MiB"}, weights=[8]
    ).solution.design
    assert design is not None
    with pytest.raises(ExportError, match=r"'PRelu0' has slopes by place, of \[4, 8, 6\] values"):
        export(design, "onnx-qdq", tmp_path / "out.onnx", {"weights": str(tmp_path / "net.onnx")})


def test_a_cast_can_be_left_out(tmp_path: Path) -> None:
    options = build(ImportOptions, {"treat_as": {"Cast": "identity"}})
    assert [op.kind for op in import_model(saved("cast to integers", tmp_path), options).network.ops] == [OpKind.AFFINE]


@pytest.mark.parametrize(("axis", "dims"), [(1, (4, 1, 1)), (2, (1, 8, 1))])
def test_sides_of_a_constant_begin_where_old_versions_say(axis: int, dims: tuple[int, ...], tmp_path: Path) -> None:
    values = np.arange(max(dims), dtype=np.float32)
    net = onnx_quirks.Net(1, onnx_quirks.SHAPE)
    net.at = net.node("Add", net.at, net.const(values), axis=axis, broadcast=1)
    path = tmp_path / "old.onnx"
    path.write_bytes(net.model(opset=6).SerializeToString())
    (found,) = import_model(path, values=True).weights.values()
    assert found.bias is not None
    assert np.array_equal(found.bias, values.reshape(dims))


def test_what_is_left_out_of_the_ends_is_said(tmp_path: Path) -> None:
    assert any("depends on no image" in note for note in import_model(saved("a constant end", tmp_path)).notes)
