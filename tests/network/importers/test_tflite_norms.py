"""Layer normalisation that a converter wrote in pieces: one operator with the values of the file, and the function at its end."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tflite_author import FLOAT, Author  # type: ignore[import-not-found]  # beside this file

from qeopt.network.importers import import_model
from qeopt.spec.errors import SpecError

CHANNELS = 8


def pieces(*, function: int = 0, inside: int = 0, is_read: bool = False) -> Author:
    """A normalisation over the channels of a position."""
    rng = np.random.default_rng(2)
    net = Author((1, 1, CHANNELS))

    def real(name: str, *shape: int) -> int:
        return int(net.tensor(name, shape, kind=FLOAT))

    def constant(name: str, values: np.ndarray) -> int:
        return int(net.tensor(name, values.shape, values.astype(np.float32), kind=FLOAT))

    axis = net.integers("axis", [1])
    image = net.op("DEQUANTIZE", (net.image,), real("x", 1, 1, 1, CHANNELS), {})
    flat = net.op("RESHAPE", (image, net.integers("to", [1, CHANNELS])), real("flat", 1, CHANNELS), {})
    mean = net.op("MEAN", (flat, axis), real("mean", 1, 1), {0: ("B", 1)})
    difference = net.op("SUB", (flat, mean), real("difference", 1, CHANNELS), {0: ("b", inside)})
    square = net.op("MUL", (difference, difference), real("square", 1, CHANNELS), {0: ("b", 0)})
    spread = net.op("MEAN", (square, axis), real("spread", 1, 1), {0: ("B", 1)})
    summed = net.op("ADD", (spread, constant("epsilon", np.array(0.01))), real("summed", 1, 1), {0: ("b", 0)})
    root = net.op("RSQRT", (summed,), real("root", 1, 1), {})
    scaled = net.op("MUL", (difference, root), real("scaled", 1, CHANNELS), {0: ("b", 0)})
    product = net.op("MUL", (scaled, constant("factor", rng.normal(size=CHANNELS))), real("product", 1, CHANNELS), {0: ("b", 0)})
    last = net.op("ADD", (product, constant("summand", rng.normal(size=CHANNELS))), real("last", 1, CHANNELS), {0: ("b", function)})
    if is_read:
        net.op("ADD", (last, difference), real("both", 1, CHANNELS), {0: ("b", 0)})
    return net


@pytest.mark.parametrize("function", [0, 1])
def test_the_pieces_are_one_operator(function: int, tmp_path: Path) -> None:
    found = import_model(pieces(function=function).save(tmp_path / "net.tflite"), values=True)
    (norm,) = (op for op in found.network.ops if op.kind.value == "layer_norm")
    assert all(op.kind.value in {"layer_norm", "reshape"} for op in found.network.ops)
    assert norm.function == ("relu" if function else "")
    assert norm.terms == (float(np.float32(0.01)),)
    rng = np.random.default_rng(2)
    for values in (found.weights[norm.name].weights, found.weights[norm.name].bias):
        assert values is not None
        assert np.array_equal(values.reshape(-1), rng.normal(size=CHANNELS).astype(np.float32))


@pytest.mark.parametrize("told", [{"inside": 1}, {"is_read": True}])
def test_pieces_that_are_more_than_a_normalisation_are_refused(told: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="operator 'RSQRT' is a piece of a normalisation by statistics of the image"):
        import_model(pieces(**told).save(tmp_path / "net.tflite"))  # type: ignore[arg-type]
