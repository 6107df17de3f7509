"""TFLite files of real numbers: the interpreter of TFLite Micro on the file against ONNX Runtime on the imported network."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tflite_micro", reason="there is no wheel of tflite-micro for this machine")
pytest.importorskip("onnxruntime")
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "network")]
import onnx_oracle  # type: ignore[import-not-found]  # beside this file
import tflite_quirks  # type: ignore[import-not-found]  # beside this file
from tflm_oracle import Micro  # type: ignore[import-not-found]

from qeopt.network import weight_count
from qeopt.network.importers import import_model
from qeopt.network.lowering import lower
from qeopt.spec.errors import SpecError

CLOSE = 1e-4
SEVERAL = "images at once, as a reshape before it makes; one was expected"
REFUSED = {
    "pad by mirroring the border": "padding by mirroring with the border is not known",
    "a constant computed": "input 1 is computed of constants by EXP, which is not done here",
    "mean of channels": "takes one value of all channels",
    "less than what is large": "would have to agree",
    "one of five sides in two": r"the axis 2 of \[1, 2, 4, 6, 4\] is neither a row, a column nor a channel",
    "one of five sides joined": r"the axis 2 of \[1, 2, 4, 6, 4\] is neither a row, a column nor a channel",
    "rows of two images joined": r"the axis 1 of \[2, 4, 6, 4\] is neither a row, a column nor a channel",
    "CONV_2D in halves": f"a window of 2 {SEVERAL}",
    "MAX_POOL_2D in halves": f"a window of 2 {SEVERAL}",
    "SLICE in halves": f"a slice of 2 {SEVERAL}",
}


@pytest.mark.parametrize("name", [name for name in tflite_quirks.QUIRKS if name not in REFUSED])
def test_what_is_computed(name: str, tmp_path: Path) -> None:
    path = tflite_quirks.write(name, tmp_path / "net.tflite")
    image = np.random.default_rng(1).normal(size=tflite_quirks.WHOLE).astype(np.float32)
    (expected,) = Micro.of(path).run(image)
    found = import_model(path, values=True)
    for network in (found.network, lower(found.network, ["pad", "reshape"])[0]):
        ran = onnx_oracle.session(onnx_oracle.plain(found, network))
        (given,) = ran.get_inputs()
        (got,) = ran.run(None, {given.name: image.transpose(0, 3, 1, 2).reshape(given.shape)})
        got = got.transpose(0, 2, 3, 1) if got.ndim == 4 else got
        assert all(weight_count(op) == found.weights[op.name].weights.size for op in network.weighted_ops)
        assert np.abs(got.ravel() - expected.ravel()).max() < CLOSE * max(np.abs(expected).max(), 1e-3)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=REFUSED[name]):
        import_model(tflite_quirks.write(name, tmp_path / "net.tflite"))
