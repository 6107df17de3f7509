"""What exporters and quantisers write is computed as ONNX Runtime computes the file, or refused with the reason."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parent))
import onnx_oracle  # type: ignore[import-not-found]  # beside this file
import onnx_quirks  # type: ignore[import-not-found]  # beside this file

from qeopt.network import OpKind
from qeopt.network.importers import ImportOptions, import_model
from qeopt.network.lowering import lower
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build

CLOSE = 1e-4
ROUNDED = 4e-2
"""Where the file rounds to integers of its own."""
REFUSED = {
    "average up counted": "an average that counts padding and rounds sides up is not known",
    "mean of nothing": "no operator leads from the image to an output",
    "version 7: dropout": "no operator leads from the image to an output",
    "resize cubic inside": "resizing by cubic exclude_outside with half_pixel",
    "pad wrap": "padding by 'wrap' is not known",
    "cast to integers": r"cuts fractions off, .* treat_as: \{Cast: identity\} leaves the cut out",
    "batch inside": "a convolution of 2 images at once",
    "batch inside, one channel each": "a convolution of 4 images at once",
}


def saved(name: str, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(onnx_quirks.model_of(name).SerializeToString())
    return path


@pytest.mark.parametrize("name", [name for name in onnx_quirks.QUIRKS if name not in REFUSED])
def test_what_is_computed(name: str, tmp_path: Path) -> None:
    path = saved(name, tmp_path)
    image = np.random.default_rng(1).normal(size=onnx_quirks.SHAPE).astype(np.float32)
    whole = onnx_oracle.largest_error(path, [image])
    folded = onnx_oracle.largest_error(path, [image], lambda network: lower(network, ["pad", "reshape"])[0])
    assert max(whole, folded) < (ROUNDED if name.startswith(("quantised", "qlinear")) else CLOSE)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=REFUSED[name]):
        import_model(saved(name, tmp_path))


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
