"""Runtime `tflm` against the real interpreter of TensorFlow Lite Micro."""

import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("tflite_micro", reason="there is no wheel of tflite-micro for this machine")
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "importers")]
from tflite_author import Author  # type: ignore[import-not-found]  # beside this file
from tflm_oracle import allocated  # type: ignore[import-not-found]

from qeopt.hardware import Runtime
from qeopt.hardware.costs import persistent
from qeopt.network import Op, Tensor
from qeopt.network.graph import OpKind
from qeopt.spec.library import Library
from qeopt.spec.load import load

MEASURED = "0.dev20261023182759"
"""Version of the interpreter whose sizes stand in `tflm-x86-64`."""

SIDE, CHANNELS = 16, 8
CHAINED: dict[OpKind, tuple[Callable[[Author, int, int], int], int]] = {
    OpKind.CONV: (lambda net, source, n: net.conv(f"c{n}", source, 24, 3), 24),
    OpKind.DEPTHWISE: (lambda net, source, n: net.depthwise(f"c{n}", source), CHANNELS),
    OpKind.DENSE: (lambda net, source, n: net.dense(f"c{n}", source, 30), 30),
    OpKind.TRANSPOSED_CONV: (lambda net, source, n: net.transposed(f"c{n}", source, CHANNELS), CHANNELS),
    OpKind.ADD: (lambda net, source, n: net.add(f"c{n}", source, source), CHANNELS),
    OpKind.SUB: (lambda net, source, n: net.two("SUB", f"c{n}", source, source), CHANNELS),
    OpKind.MUL: (lambda net, source, n: net.two("MUL", f"c{n}", source, source), CHANNELS),
    OpKind.MAXIMUM: (lambda net, source, n: net.two("MAXIMUM", f"c{n}", source, source), CHANNELS),
    OpKind.MINIMUM: (lambda net, source, n: net.two("MINIMUM", f"c{n}", source, source), CHANNELS),
    OpKind.POOL: (lambda net, source, n: net.pool("AVERAGE_POOL_2D", f"c{n}", source, 2, 1), CHANNELS),
    OpKind.MAX_POOL: (lambda net, source, n: net.pool("MAX_POOL_2D", f"c{n}", source, 2, 1), CHANNELS),
    OpKind.CONCAT: (lambda net, source, n: net.concat(f"c{n}", source, source), CHANNELS),
    OpKind.TRANSPOSE: (lambda net, source, n: net.transpose(f"c{n}", source, (0, 2, 1, 3)), CHANNELS),
    OpKind.RESHAPE: (lambda net, source, n: net.reshape(f"c{n}", source, (1, SIDE * SIDE * CHANNELS)), CHANNELS),
    OpKind.SLICE: (lambda net, source, n: net.cut(f"c{n}", source, CHANNELS), CHANNELS),
    OpKind.PAD: (lambda net, source, n: net.pad(f"c{n}", source, 1), CHANNELS),
    OpKind.RESIZE: (lambda net, source, n: net.resize("RESIZE_NEAREST_NEIGHBOR", f"c{n}", source, 2), CHANNELS),
    OpKind.ACTIVATION: (lambda net, source, n: net.simple("HARD_SWISH", f"c{n}", source), CHANNELS),
}
"""By kind: how to write one after another, and the channels that each writes."""


@pytest.fixture(scope="module")
def host() -> Runtime:
    return load(Runtime, "tflm-x86-64", library=Library(), kind="runtime", folder="runtimes").value


def test_the_interpreter_is_the_one_whose_sizes_are_stated() -> None:
    assert importlib.metadata.version("tflite-micro") == MEASURED


@pytest.mark.parametrize("kind", CHAINED)
def test_what_an_operator_keeps_for_good(kind: OpKind, host: Runtime, tmp_path: Path) -> None:
    """Two more operators of a kind need twice what is stated for one, up to the alignment of the interpreter's own records."""
    write, channels = CHAINED[kind]
    tails = []
    for count in (2, 6):
        net = Author((SIDE, SIDE, CHANNELS))
        last = net.image
        for number in range(count):
            last = write(net, last, number)
        tails.append(allocated(net.save(tmp_path / "chain.tflite", last)).tail)
    image = Tensor("image", SIDE, SIDE, CHANNELS, bits=8, is_image=True)
    op = Op("op", kind, (image,), Tensor("out", SIDE, SIDE, channels, bits=8), kernel=3)
    stated = int(persistent(host, op))
    assert abs((tails[1] - tails[0]) / 4 - stated) <= 20, f"{(tails[1] - tails[0]) / 4} B measured, {stated} B stated"
