"""The reference, against loops that say what is meant; and what fills a design with numbers."""

import pickle
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.export.arithmetic.fill import CACHED_VALUES, fitting_scale, quantised
from qeopt.export.arithmetic.geometry import window
from qeopt.export.arithmetic.numbers import Numbers, weight_shape
from qeopt.export.arithmetic.quantised import Grid, Integers, Reals, Weights, weight_range
from qeopt.export.arithmetic.reals import step
from qeopt.export.functions import functions, unsigned_tensors
from qeopt.export.reference import run
from qeopt.network import Network, Op, OpKind, Tensor, weight_count
from qeopt.spec.errors import SpecError

UNIT = Grid(8, is_signed=True, scale=1.0)


def looped(op: Op, values: Integers, kernel: Integers | None) -> Reals:
    """One output value after another: sums of products, averages, maxima."""
    found = window(op)
    top, left, _, _ = found.pads
    channels, height, width = values.shape[1:]
    outputs, sides = int(op.output.channels), (int(op.output.height), int(op.output.width))
    result = np.zeros((len(values), outputs, *sides))
    per_group = 1 if kernel is None else kernel.shape[1]
    for place in np.ndindex(*result.shape):
        image, out, row, column = place
        first = out if kernel is None else out // (outputs // (channels // per_group)) * per_group
        seen = []
        for y in range(found.height):
            for x in range(found.width):
                at_y = row * found.strides[0] + y * found.dilation[0] - top
                at_x = column * found.strides[1] + x * found.dilation[1] - left
                if 0 <= at_y < height and 0 <= at_x < width:
                    factors = np.ones(1) if kernel is None else kernel[out, :, y, x]
                    seen.append(float((values[image, first : first + per_group, at_y, at_x] * factors).sum()))
        if kernel is not None:
            result[place] = sum(seen)
        else:
            result[place] = max(seen) if op.kind is OpKind.MAX_POOL else sum(seen) / len(seen)
    return result


KINDS = st.sampled_from([OpKind.CONV, OpKind.DEPTHWISE, OpKind.POOL, OpKind.MAX_POOL])


@settings(derandomize=True, deadline=None, max_examples=120)
@given(KINDS, st.integers(1, 5), st.integers(1, 3), st.integers(3, 7), st.integers(3, 7), st.integers(1, 2), st.integers(0, 999))
def test_windows_are_read_as_loops_read_them(
    kind: OpKind, side: int, stride: int, height: int, width: int, groups: int, seed: int
) -> None:
    random_numbers = np.random.default_rng(seed)
    channels = 4
    source = Tensor("x", height, width, channels)
    outputs = 6 if kind is OpKind.CONV else channels
    output = Tensor("y", -(-height // stride), -(-width // stride), outputs)
    op = Op("y", kind, (source,), output, side, stride, groups=groups if kind is OpKind.CONV else 1)
    values = random_numbers.integers(-128, 128, (2, channels, height, width))
    kernel = weights = None
    if op.has_weights:
        kernel = random_numbers.integers(-8, 8, weight_shape(op))
        assert kernel.size == weight_count(op)
        weights = Weights(4, kernel, np.ones(outputs), np.zeros(outputs, np.int64))
    found = step(op, [values], {"x": UNIT}, weights, "")
    np.testing.assert_allclose(found, looped(op, values, kernel), rtol=0, atol=1e-12)


def test_stated_padding_dilation_and_oblong_windows_are_used() -> None:
    source, output = Tensor("x", 9, 8, 2), Tensor("y", 4, 6, 3)
    terms = {"kernel_width": 2, "stride_width": 1, "dilation": (2, 3), "pads": (1, 1, 2, 0)}
    op = Op("y", OpKind.CONV, (source,), output, 3, 2, **terms)  # type: ignore[arg-type]
    values = np.arange(144).reshape(1, 2, 9, 8) % 11
    kernel = np.arange(36).reshape(3, 2, 3, 2) % 5 - 2
    weights = Weights(4, kernel, np.ones(3), np.zeros(3, np.int64))
    np.testing.assert_array_equal(step(op, [values], {"x": UNIT}, weights, ""), looped(op, values, kernel))


def test_a_grid_rounds_halves_to_even_and_clips() -> None:
    values = np.array([-9.0, -0.75, -0.25, 0.0, 0.25, 0.75, 1.25, 9.0])
    assert Grid(4, is_signed=True, scale=0.5).quantise(values).tolist() == [-8, -2, 0, 0, 0, 2, 2, 7]
    assert Grid(2, is_signed=False, scale=0.5).quantise(values).tolist() == [0, 0, 0, 0, 0, 2, 2, 3]
    assert [weight_range(bits) for bits in (1, 2, 8)] == [(-1, 0), (-2, 1), (-128, 127)]


def test_scales_and_bias_enter_as_stated() -> None:
    source, output = Tensor("x", 1, 1, 2), Tensor("y", 1, 1, 1)
    weights = Weights(8, np.array([[3, -1]]), np.array([0.25]), np.array([5]))
    op = Op("y", OpKind.DENSE, (source,), output)
    found = step(op, [np.array([4, 7]).reshape(1, 2, 1, 1)], {"x": Grid(8, is_signed=True, scale=0.5)}, weights, "")
    assert found.item() == (3 * 4 - 7 + 5) * 0.25 * 0.5
    assert step(op, [np.array([40, 0]).reshape(1, 2, 1, 1)], {"x": UNIT}, weights, "relu6").item() == 6
    assert step(op, [np.array([-4, 7]).reshape(1, 2, 1, 1)], {"x": UNIT}, weights, "relu").item() == 0
    with pytest.raises(ExportError, match="'y' ends in 'swoosh', which cannot be written; abs, "):
        step(op, [np.array([0, 0]).reshape(1, 2, 1, 1)], {"x": UNIT}, weights, "swoosh")


def test_the_fitting_scale_beats_that_of_the_largest_value() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4000))
    for bits in (2, 3, 4, 8):
        low, high = weight_range(bits)
        scales = fitting_scale(values, low, high)
        widest = np.abs(values).max(axis=1) / -low

        def error(scale: Reals, low: int = low, high: int = high) -> Reals:
            return np.asarray(((np.clip(np.rint(values / scale[:, None]), low, high) * scale[:, None] - values) ** 2).sum(axis=1))

        assert (error(scales) <= error(widest)).all()
    assert fitting_scale(np.zeros((1, 5)), -2, 1).item() > 0


def test_the_scale_of_a_row_is_its_own_however_many_are_fitted_at_once() -> None:
    """To the bit, in pieces of the cache and in what is left over."""
    values = np.random.default_rng(0).normal(size=(2 * CACHED_VALUES // 1000 + 5, 1000))
    scales = fitting_scale(values, -8, 7)
    assert scales.tolist() == [fitting_scale(row[None], -8, 7).item() for row in values]


def test_functions_follow_the_blocks(designs: dict[str, Design]) -> None:
    network = designs["mixed"].network()
    ends = functions(designs["mixed"], network)
    assert [ends[name] for name in ("stem", "b1.1.expand", "b1.1.project", "b1.1.add", "b3.project")] == [
        "relu",
        "relu",
        "",
        "relu",
        "relu",
    ]
    assert ends["classifier"] == ends["b2.1.pool"] == ""
    assert unsigned_tensors(network, ends) >= {"image", "b2.1.pool", "classifier.pool"}
    assert not unsigned_tensors(network, ends) & {"b1.1.project", "classifier"}
    inverted = functions(designs["odd_bits"], designs["odd_bits"].network())
    assert [inverted[name] for name in ("b1.1.add", "b3.project", "b3.depthwise", "head")] == ["", "", "relu", "relu"]


def test_functions_that_the_network_states_are_taken(mixed: Design) -> None:
    network = mixed.network()
    stated = replace(network, ops=(replace(network.ops[0], function="relu6"), *network.ops[1:]), states_functions=True)
    assert {name: end for name, end in functions(mixed, stated).items() if end} == {"stem": "relu6"}


def test_random_weights_depend_on_the_design_alone(mixed: Design) -> None:
    first, second = quantised(mixed), quantised(mixed)
    for name, weights in first.weights.items():
        low, high = weight_range(mixed.weights[name])
        assert np.array_equal(weights.values, second.weights[name].values)
        assert weights.values.min() >= low
        assert weights.values.max() <= high
    other = quantised(mixed.model_copy(update={"study_name": "other"}))
    assert not np.array_equal(first.weights["head"].values, other.weights["head"].values)


@pytest.fixture
def given_weights(mixed: Design) -> dict[str, Reals]:
    generator = np.random.default_rng(5)
    return {op.name: generator.normal(size=weight_shape(op)) for op in mixed.network().weighted_ops}


def test_given_weights_and_scales_are_used(mixed: Design, given_weights: dict[str, Reals], tmp_path: Path) -> None:
    more = {"head.bias": np.full(64, 0.5), "head.weight_scale": np.full(64, 0.25), "head.scale": np.array(0.125)}
    np.savez(tmp_path / "w.npz", image=np.random.default_rng(1).random((3, 3, 16, 16)), **given_weights, **more)  # type: ignore[arg-type]
    model = quantised(mixed, Numbers(weights=tmp_path / "w.npz"))
    head = model.weights["head"]
    assert np.array_equal(head.values, np.clip(np.rint(given_weights["head"] / 0.25), -2, 1))
    assert model.grids["head"].scale == 0.125
    unit = 0.25 * model.grids["b3.project"].scale
    assert np.abs(head.bias * unit - 0.5).max() <= unit / 2
    assert not model.weights["stem"].bias.any()
    images = np.random.default_rng(2).random((2, 3, 16, 16))
    assert run(model, images)["classifier"].shape == (2, 5, 1, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda arrays: arrays.pop("head"), "the weights of 'head' are missing"),
        (lambda arrays: arrays.update(head=np.ones((2, 2))), r"'head' has the shape \(2, 2\), \(64, 32, 1, 1\) was expected"),
        (lambda arrays: arrays.update(haed=np.ones(2)), "nothing is called 'haed'"),
        (lambda arrays: arrays.update({"head.bias": np.full(64, np.nan)}), "'head.bias' holds something that is no finite number"),
        (lambda arrays: arrays.update({"head.scale": np.array(-1.0)}), "'head.scale' is not positive everywhere"),
        (
            lambda arrays: arrays.update(head=arrays["head"] * 1e30, classifier=arrays["classifier"] * 1e30),
            "the values of 'classifier' are too large or too small for a scale in single precision",
        ),
        (
            lambda arrays: arrays.update(head=arrays["head"] * 1e-60),
            "the values of 'head' are too large or too small for a scale in single precision",
        ),
        (lambda arrays: arrays.update(image=np.ones((2, 3, 8, 8))), r"'image' has the shape \(2, 3, 8, 8\), \(2, 3, 16, 16\) was"),
    ],
)
def test_weights_that_do_not_fit_are_told(
    mixed: Design, given_weights: dict[str, Reals], change: Callable[[dict[str, Reals]], None], said: str, tmp_path: Path
) -> None:
    change(given_weights)
    np.savez(tmp_path / "w.npz", **given_weights)  # type: ignore[arg-type]
    with pytest.raises(ExportError, match=said):
        export(mixed, "qonnx", tmp_path / "m.onnx", {"weights": str(tmp_path / "w.npz")})


def test_an_archive_that_is_encrypted_is_told(mixed: Design, given_weights: dict[str, Reals], tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, **given_weights)  # type: ignore[arg-type]
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"w\.npz: cannot be read as plain arrays: .* is encrypted"):
        export(mixed, "qonnx", tmp_path / "m.onnx", {"weights": str(path)})


def test_weights_of_an_onnx_model_are_used(mixed: Design, given_weights: dict[str, Reals], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    np.savez(tmp_path / "w.npz", **given_weights, **{"head.bias": np.full(64, 500.0)})  # type: ignore[arg-type]
    export(mixed, "qonnx", tmp_path / "m.onnx", {"weights": str(tmp_path / "w.npz")})
    first, second = (quantised(mixed, Numbers(weights=tmp_path / name)) for name in ("w.npz", "m.onnx"))
    for name, weights in first.weights.items():
        real = weights.values * weights.scales.reshape(-1, *(1,) * (weights.values.ndim - 1))
        again = second.weights[name]
        error = again.values * again.scales.reshape(-1, *(1,) * (again.values.ndim - 1)) - real
        assert (error**2).sum() <= 0.05 * (real**2).sum()
    unit = second.weights["head"].scales * second.grids["b3.project"].scale
    assert np.abs(second.weights["head"].bias * unit - 500).max() < unit.max()
    (tmp_path / "no.onnx").write_bytes(b"no model")
    with pytest.raises(SpecError, match=r"no\.onnx"):
        quantised(mixed, Numbers(weights=tmp_path / "no.onnx"))


PLAIN = "cannot be read as plain arrays: "


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", f"{PLAIN}it is empty; an .npz or .npy was expected"),
        (b"no zip", f"{PLAIN}it is no file of NumPy; an .npz or .npy was expected"),
        (b"PK\x03\x04 cut", f"{PLAIN}File is not a zip file"),
        (pickle.dumps([1]), f"{PLAIN}it is a pickle, which may run code when it is read; an .npz or .npy was expected"),
    ],
)
def test_what_is_no_npz_is_told(mixed: Design, content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    path.write_bytes(content)
    with pytest.raises(ExportError) as told:
        quantised(mixed, Numbers(weights=path))
    assert str(told.value) == f"{path}: {said}"


def test_arrays_that_are_no_weights_are_told(mixed: Design, tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ExportError, match=f"{PLAIN}it holds Python objects, which may run code when they are read; numbers"):
        quantised(mixed, Numbers(weights=tmp_path / "w.npy"))
    np.savez(tmp_path / "w.npz", images=np.zeros(3), labels=np.zeros(3))
    with pytest.raises(ExportError, match=r"w\.npz: holds 'images', 'labels' and no weights of this network; arrays named 'stem'"):
        quantised(mixed, Numbers(weights=tmp_path / "w.npz"))
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    with pytest.raises(ExportError, match=f"{PLAIN}it is a file of PyTorch"):
        quantised(mixed, Numbers(weights=tmp_path / "w.npz"))


def test_any_network_of_blocks_can_be_filled(random_chain: Callable[[random.Random], Network], mixed: Design) -> None:
    """Kinds and shapes that chains are made of are all known here."""
    for seed in range(8):
        network = random_chain(random.Random(seed))
        for op in network.ops:
            sources = [np.ones((1, int(t.channels), int(t.height), int(t.width)), np.int64) for t in op.inputs]
            grids = {tensor.name: UNIT for tensor in network.tensors}
            count = int(op.output.channels)
            ones = np.ones(weight_shape(op), np.int64) if op.has_weights else None
            weights = None if ones is None else Weights(2, ones, np.ones(count), np.zeros(count, np.int64))
            real = step(op, sources, grids, weights, "")
            assert real.shape == (1, count, op.output.height, op.output.width)
