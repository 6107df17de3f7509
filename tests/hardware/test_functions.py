"""A kernel that computes some functions refuses others, and says which it knows."""

import pytest

from qeopt.hardware import Runtime
from qeopt.hardware.costs import shape_limits
from qeopt.network import Op, OpKind, Tensor
from qeopt.spec.library import Library
from qeopt.spec.load import load

KNOWN = {
    "tflm": {"", "relu", "hardswish", "prelu", "softmax", "sigmoid"},
    "cmsis-nn": {"relu6", "softmax"},
    "ethos-u": {"", "hardswish", "prelu", "sigmoid"},
}
ASKED = {"", "relu6", "relu", "hardswish", "prelu", "softmax", "sigmoid", "hardsigmoid", "mish"}


@pytest.mark.parametrize("name", KNOWN)
def test_functions_of_shipped_runtimes(name: str) -> None:
    runtime = load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value
    image = Tensor("image", 8, 8, 4, bits=8, is_image=True)

    def runs(function: str) -> bool:
        op = Op("op", OpKind.ACTIVATION, (image,), Tensor("out", 8, 8, 4), function=function)
        limits = dict(shape_limits(runtime, op))
        assert all("functions among" in text for text, fits in limits.items() if not fits)
        return all(limits.values())

    assert {function for function in ASKED if runs(function)} >= KNOWN[name]
    assert not runs("mish")
    assert not runs("hardsigmoid")
