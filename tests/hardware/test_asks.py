"""Shapes that kernels of shipped libraries do not have, by what is said of each."""

from __future__ import annotations

from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.hardware.costs import shape_limits, weight_limits, weights_fit
from qeopt.network import Op, OpKind, Tensor
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load, load_text
from qeopt.spec.model import build

CONV, DEPTHWISE = OpKind.CONV, OpKind.DEPTHWISE


def runtime(name: str) -> Runtime:
    return load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value


def op(kind: OpKind, channels: int = 8, outputs: int = 8, kernel: int = 3, **terms: Any) -> Op:
    height, width = terms.pop("sides", (8, 8))
    return Op("o", kind, (Tensor("x", height, width, channels),), Tensor("y", height, width, outputs), kernel, **terms)


@pytest.mark.parametrize(
    ("name", "subject", "refused"),
    [
        ("cmix-nn", op(CONV), []),
        ("cmix-nn", op(CONV, sides=(8, 6)), ["the same size of images in both directions"]),
        ("cmix-nn", op(CONV, kernel_width=5), ["the same window in both directions"]),
        ("cmix-nn", op(DEPTHWISE, stride=2, stride_width=1), ["the same stride in both directions"]),
        ("cmix-nn", op(DEPTHWISE, pads=(1, 0, 1, 1)), ["the same padding in both directions"]),
        ("tinyengine", op(CONV, stride=2), ["stride 2 for 3x3 windows over 3 channels alone"]),
        ("tinyengine", op(CONV, 3, stride=2), []),
        ("tinyengine", op(CONV, kernel=1, stride=2), ["stride 2 for 3x3 windows over 3 channels alone"]),
        ("tinyengine", op(CONV, kernel=5), ["windows of 1, 3"]),
        ("cmsis-nn", op(CONV, sides=(8, 6), kernel_width=5), []),
    ],
)
def test_shapes(name: str, subject: Op, refused: list[str]) -> None:
    assert list(dict.fromkeys(words for words, fits in shape_limits(runtime(name), subject) if not fits)) == refused


@pytest.mark.parametrize(
    ("name", "subject", "fitting"),
    [
        ("cmix-nn", op(CONV, 12), (8,)),  # 108 values in a sum
        ("cmix-nn", op(CONV, 16), (2, 4, 8)),
        ("cmix-nn", op(CONV, 16, groups=2), ()),
        ("cmix-nn", op(DEPTHWISE, dilation=(2, 2)), ()),
        ("pulp-nn", op(CONV, 6), (4, 8)),  # 54 values
        ("pulp-nn", op(DEPTHWISE, 6, 6), (4, 8)),
        ("pulp-nn", op(DEPTHWISE, 7, 7), (8,)),
        ("cmsis-nn", op(CONV, 7, groups=7), (8,)),
        ("cmsis-nn", op(CONV, 7), (4, 8)),
        ("cmsis-nn", op(DEPTHWISE, 7, 7), (4, 8)),
        ("cmsis-nn", op(DEPTHWISE, 7, 14), (8,)),
        ("cmsis-nn", op(DEPTHWISE, 8, 16), (4, 8)),
        ("cmsis-nn", op(DEPTHWISE, 7, 7, dilation=(2, 2)), (8,)),
        ("cmsis-nn-c", op(DEPTHWISE, 7, 14), (8,)),
    ],
)
def test_widths_of_weights(name: str, subject: Op, fitting: tuple[int, ...]) -> None:
    shown = runtime(name)
    assert shown.kernels != "any"
    kernel = shown.kernels[subject.kind]
    found = tuple(bits for bits in kernel.weights if weights_fit(shown, subject, bits))
    assert found == fitting
    for bits in set(kernel.weights) - set(found):
        assert any(words and not fits for words, fits in weight_limits(shown, subject, bits))


@pytest.mark.parametrize("field", ["columns: {'4': 8}", "grouped: [4]", "dilated: [4]"])
def test_rules_name_bits_that_the_kernel_has(field: str) -> None:
    text = f"kind: runtime\nkernels: {{conv: {{in: [8], weights: [8], out: [8], {field}}}}}\nsource: {{url: a, date: 2026-11-28}}\n"
    with pytest.raises(SpecError, match=f"`{field.split(':', maxsplit=1)[0]}` names 4 bits, which this kernel does not have"):
        load_text(Runtime, text, library=Library(), kind="runtime", folder="runtimes", name="mine")


def test_a_formula_of_shape_and_weight_bits() -> None:
    asks = {"few channels": "c_in // 9", "narrow weights for narrow tensors": "max(0, 9 - c_in) * (w_bits - 2)"}
    kernel = {"in": [8], "weights": [2, 8], "out": [8], "asks": asks}
    found = build(Runtime, {"kernels": {"conv": kernel}, "source": {"url": "u", "date": "d"}})  # type: ignore[dict-item]
    assert [fits for _, fits in shape_limits(found, op(CONV, 9))] == [False]
    assert [fits for _, fits in shape_limits(found, op(CONV, 8))] == [True]
    assert [bits for bits in (2, 8) if weights_fit(found, op(CONV, 8), bits)] == [2]
