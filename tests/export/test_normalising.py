"""Softmax and layer normalisation in integers: against fractions, against real numbers, and in ONNX Runtime."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.geometry import image_of, shape_of
from qeopt.export.arithmetic.layer_norm import layer_norm, norm_steps, real_layer_norm
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.arithmetic.quantised import Grid, Integers, Norm, QuantisedNetwork
from qeopt.export.arithmetic.softmax import exponentials, real_softmax, softmax, whole_scale
from qeopt.export.onnx.exact import exact_form
from qeopt.export.onnx.value import Graph
from qeopt.export.reference import compute
from qeopt.network import Network, Op, OpKind, Tensor
from qeopt.network.importers import import_model
from qeopt.verbs.solve import solve

IMAGES = 4
WIDTHS = st.integers(2, 8)
SCALES = st.floats(1e-3, 1.0).map(lambda scale: float(np.float32(scale)))
CHANNELS = st.sampled_from([1, 2, 3, 16, 80, 768])


def random_integers(rng: np.random.Generator, grid: Grid, channels: int) -> Integers:
    """Images of many kinds: everywhere on the grid, near one value, and one value but for one channel."""
    middle = rng.integers(grid.low, grid.high + 1, (4, 1, 1, 1))
    wide = rng.integers(grid.low, grid.high + 1, (4, channels, 2, 2))
    near = np.clip(middle + rng.integers(-1, 2, wide.shape), grid.low, grid.high)
    one = np.broadcast_to(middle, wide.shape).copy()
    one[:, 0] = np.clip(middle[:, 0] + 1, grid.low, grid.high)
    return np.concatenate([wide, near, one])


@settings(derandomize=True, deadline=None, max_examples=150)
@given(WIDTHS, WIDTHS, st.booleans(), SCALES, st.none() | SCALES, CHANNELS, st.sampled_from([1, 2, 3]), st.integers(0, 999))
def test_softmax_is_that_of_real_numbers_rounded(
    bits: int, out_bits: int, is_signed: bool, scale: float, told: float | None, channels: int, axis: int, seed: int
) -> None:
    """Off by half a step, and by what 30 bits of the exponentials cannot say; the rounding is that of fractions."""
    source, out = Grid(bits, is_signed, scale), Grid(out_bits, False, 1.0)
    out = Grid(out_bits, False, whole_scale(out) if told is None else told)
    values = random_integers(np.random.default_rng(seed), source, channels).swapaxes(1, axis)
    tables = exponentials(source, out, "x")
    found = softmax(values, tables, axis)
    real = real_softmax(values * np.float64(scale), axis) / out.scale
    assert np.abs(np.clip(found, out.low, out.high) - np.clip(real, out.low, out.high)).max() < 0.5001
    below = (values.max(axis=axis, keepdims=True) - values).swapaxes(1, axis)[0, :, 0, 0].tolist()
    total = sum(int(tables.terms[steps]) for steps in below)
    expected = [round(Fraction(int(tables.numerators[steps]), total)) for steps in below]  # Python rounds halves to even
    assert found.swapaxes(1, axis)[0, :, 0, 0].tolist() == expected


@settings(derandomize=True, deadline=None, max_examples=150)
@given(WIDTHS, WIDTHS, st.booleans(), SCALES, SCALES, CHANNELS, st.sampled_from([0.0, 1e-6, 1e-5, 1e-3, 1.0]), st.integers(0, 999))
def test_a_layer_normalisation_is_that_of_real_numbers_rounded(
    bits: int, out_bits: int, is_signed: bool, scale: float, out_scale: float, channels: int, epsilon: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    source, out = Grid(bits, is_signed, scale), Grid(out_bits, True, out_scale)
    norm = Norm(rng.normal(1, 0.5, channels), rng.normal(0, 1, channels), epsilon)
    values = random_integers(rng, source, channels)
    steps = norm_steps(norm, source, out, "x")
    found = layer_norm(values, steps)
    real = real_layer_norm(values * np.float64(scale), norm) / out.scale
    assert np.abs(np.clip(found, out.low, out.high) - np.clip(real, out.low, out.high)).max() < 0.51
    for image in (0, 4, 8):
        assert found[image, :, 1, 0].tolist() == normalised(values[image, :, 1, 0].tolist(), norm, source, out)


def normalised(values: list[int], norm: Norm, source: Grid, out: Grid) -> list[int]:
    """One position, in Python's integers and fractions."""
    steps, count = norm_steps(norm, source, out, "x"), len(values)
    variance = count * sum(value**2 for value in values) - sum(values) ** 2
    root = isqrt(variance * 4**steps.widening + steps.epsilon)
    made = []
    for value, factor, summand in zip(values, steps.multipliers.tolist(), steps.summands.tolist(), strict=True):
        normal = round(Fraction((count * value - sum(values)) * 2 ** (steps.widening + steps.fraction), root))
        assert abs(normal) < 2**23
        assert abs(normal * factor) + abs(summand) < 2**53
        made.append(round(Fraction(normal * factor + summand, 2**steps.shift)))
    return made


X = Tensor("x", 1, 1, 2)


def one_operator(op: Op, source: Grid, out: Grid, function: str, norm: Norm | None = None) -> QuantisedNetwork:
    network = Network("n", (*op.inputs, op.output), (op,))
    return QuantisedNetwork(network, {"y": function}, {"x": source, "y": out}, {}, norms={} if norm is None else {"y": norm})


def test_halves_of_shares_go_to_the_even_integer() -> None:
    """Eight equal values in quarters are halves of one; three of four in eighths are one and a half, or two."""
    source = Tensor("x", 1, 1, 8)
    op = Op("y", OpKind.ACTIVATION, (source,), Tensor("y", 1, 1, 8), function="softmax")
    for scale, expected in ((1 / 4, 0), (1 / 12, 2), (1 / 20, 2), (1 / 16, 2)):
        model = one_operator(op, Grid(8, True, 0.5), Grid(2, False, scale), "softmax")
        assert compute(model, op, {"x": np.full((1, 8, 1, 1), 7)}).ravel().tolist() == [expected] * 8


def test_a_certain_value_is_the_greatest_integer() -> None:
    op = Op("y", OpKind.ACTIVATION, (X,), Tensor("y", 1, 1, 2), function="softmax")
    model = one_operator(op, Grid(8, True, 1.0), Grid(8, False, 1 / 256), "softmax")
    assert compute(model, op, {"x": np.array([127, -128]).reshape(1, 2, 1, 1)}).ravel().tolist() == [255, 0]


def test_what_64_bits_do_not_hold_is_told() -> None:
    source, out = Grid(8, True, 0.02), Grid(8, True, 0.05)
    with pytest.raises(ExportError, match=r"'y' is a softmax that writes steps of 1e-10; steps of 2\^-31 or more were expected"):
        exponentials(source, Grid(8, False, 1e-10), "y")
    ones = Norm(np.ones(1024), np.zeros(1024), 1e-5)
    with pytest.raises(ExportError, match="'y' normalises 1024 channels of 18 bits; 52 bits do not hold squares of their sums"):
        norm_steps(ones, Grid(18, True, 0.02), out, "y")
    with pytest.raises(ExportError, match="'y' adds 1e-05 to the variance of values in steps of 1e-09; 52 bits do not hold both"):
        norm_steps(ones, Grid(8, True, 1e-9), out, "y")
    with pytest.raises(ExportError, match=r"'y': values of up to 4e\+16 steps of its output are too large"):
        norm_steps(Norm(np.full(2, 1e15), np.zeros(2), 1e-5), source, out, "y")


@pytest.mark.parametrize(("channels", "bits", "fits"), [(32767, 8, True), (32768, 8, False), (127, 16, True), (128, 16, False)])
def test_softmax_of_more_than_doubles_hold_is_left_to_floats(channels: int, bits: int, fits: bool) -> None:
    source, output = (Tensor(name, 1, 1, channels) for name in "xy")
    op = Op("y", OpKind.ACTIVATION, (source,), output, function="softmax")
    out = Grid(bits, False, 1.0)
    model = one_operator(op, Grid(4, True, 0.5), Grid(bits, False, whole_scale(out)), "softmax")
    assert (exact_form(Graph(pytest.importorskip("onnx"), 1), model, op, 21) is not None) == fits


def test_nothing_apart_is_the_summand() -> None:
    norm = Norm(np.array([3.0, -2.0]), np.array([1.0, -0.5]), 0.0)
    values, source, out = np.full((1, 2, 1, 1), 9), Grid(8, False, 0.5), Grid(8, True, 0.25)
    assert layer_norm(values, norm_steps(norm, source, out, "y")).ravel().tolist() == [4, -2]
    assert real_layer_norm(values * 0.5, norm).ravel().tolist() == [1.0, -0.5]


STUDY = """\
kind: study
task: {{input: [6, 5, {channels}], classes: 2}}
network:
  image: {{shape: [6, 5, {channels}]}}
  ops:
    - {{name: first, op: depthwise, reads: [image], shape: [6, 5, {channels}], function: "", stage: 0}}
    - {{name: made, reads: [first], shape: [6, 5, {channels}], {operator}}}
    - {{name: scores, op: conv, reads: [made], shape: [6, 5, 2], weight_bits: 8, bits: 8}}
  stage_ends: [made]
runtime: {runtime}
budgets: {{sram: unlimited, flash: unlimited}}
bits: {{weights: [8], activations: [{bits}]}}
objective: {{kind: qe}}
search: {{baselines: []}}
"""
OPERATORS = {
    "softmax": "op: activation, function: softmax",
    "softmax of rows": "op: activation, function: softmax, terms: [0]",
    "softmax of columns": "op: activation, function: softmax, terms: [1]",
    "norm": "op: layer_norm, constants: {both}, terms: [1.0e-6]",
    "norm with relu": "op: layer_norm, constants: {one}, function: relu",
}


def designed(which: str, folder: Path, bits: int = 8, channels: int = 16, runtime: str = "ideal") -> Design:
    path, operator = folder / "study.yaml", OPERATORS[which].format(one=channels, both=2 * channels)
    path.write_text(STUDY.format(operator=operator, bits=bits, channels=channels, runtime=runtime), encoding="utf-8")
    design = solve(str(path)).design
    assert design is not None
    return design


def save(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **arrays)


def images_for(model: QuantisedNetwork) -> Any:
    return np.random.default_rng(0).random((IMAGES, *shape_of(image_of(model.network)))).astype(np.float32)


@pytest.mark.parametrize("power_of_two", [True, False])
@pytest.mark.parametrize(("bits", "narrow"), [(8, False), (2, False), (4, True), (5, False), (16, False)])
@pytest.mark.parametrize("which", OPERATORS)
def test_onnxruntime_writes_the_integers_of_the_reference(
    which: str, bits: int, narrow: bool, power_of_two: bool, tmp_path: Path
) -> None:
    """At many scales of what is read and written; and the file is read as the network that it was made from."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    design, out, rng = designed(which, tmp_path, bits), tmp_path / "m.onnx", np.random.default_rng(bits)
    seen = set()
    for _ in range(3):
        arrays: dict[str, Any] = {"first": rng.normal(0, 3, (16, 1, 1, 1)), "scores": rng.normal(size=(2, 16, 1, 1))}
        arrays |= {"first.scale": rng.uniform(0.01, 0.1) * 2.0 ** (8 - bits)}
        arrays |= {"made": rng.normal(1, 0.5, (16, 1, 1)), "made.bias": rng.normal(size=(16, 1, 1))} if "norm" in which else {}
        save(tmp_path / "w.npz", arrays)
        numbers = Numbers(weights=tmp_path / "w.npz", power_of_two=power_of_two)
        told = {"weights": str(numbers.weights), "power_of_two": power_of_two, "exact": True, "narrow_activations": narrow}
        export(design, "onnx-qdq", out, told | {"batch": IMAGES})
        model = quantised(design, numbers)
        proto = onnx.load(out)
        known = {value.name: value for value in proto.graph.value_info}
        proto.graph.output.extend(known[name] for name in ("first", "made"))
        settings_ = runtime.SessionOptions()
        if narrow:
            settings_.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = runtime.InferenceSession(proto.SerializeToString(), settings_, providers=["CPUExecutionProvider"])
        values = session.run(["first", "made"], {"image": images_for(model)})
        read, found = (
            np.rint(value / model.grids[name].scale).astype(np.int64) for name, value in zip(("first", "made"), values, strict=True)
        )
        assert np.array_equal(found, compute(model, model.network.op_by_name["made"], {"first": read}))
        seen |= set(found.ravel().tolist())
    assert len(seen) > (2 if bits == 2 else 5)
    export(design, "onnx-qdq", out, told)
    again, op = import_model(out, values=True), model.network.op_by_name["made"]
    back = again.network.op_by_name["made"]
    assert (back.kind, back.constants) == (op.kind, 2 * op.constants if which == "norm with relu" else op.constants)
    assert back.terms == pytest.approx(op.terms or ((1e-5,) if "norm" in which else ()), rel=1e-6)
    assert [each.kind for each in again.network.ops[2:-1]] == [OpKind.ACTIVATION] * (which == "norm with relu")
    if "norm" in which:
        np.testing.assert_allclose(again.weights["made"].weights.ravel(), model.norms["made"].factors, rtol=1e-6)
        bias = again.weights["made"].bias
        assert bias is not None
        np.testing.assert_allclose(bias.ravel(), model.norms["made"].summands, rtol=1e-6)


def test_the_step_of_a_softmax_is_known_before_any_image(tmp_path: Path) -> None:
    for bits, scale in ((8, 1 / 256), (3, 1 / 8)):
        design = designed("softmax", tmp_path, bits)
        for numbers in (Numbers(), Numbers(power_of_two=True, calibration="min-max")):
            assert quantised(design, numbers).grids["made"] == Grid(bits, False, scale)
    save(tmp_path / "w.npz", {"first": np.ones((16, 1, 1, 1)), "scores": np.ones((2, 16, 1, 1)), "made.scale": np.array(0.02)})
    assert quantised(design, Numbers(weights=tmp_path / "w.npz")).grids["made"].scale == np.float32(0.02)


def test_constants_of_a_normalisation_by_place_are_told(tmp_path: Path) -> None:
    design = designed("norm", tmp_path)
    arrays = {"first": np.ones((16, 1, 1, 1)), "scores": np.ones((2, 16, 1, 1)), "made": np.ones((16, 6, 5))}
    save(tmp_path / "w.npz", arrays)
    with pytest.raises(ExportError, match=r"'made' has factors by place, of \[16, 6, 5\] values; exports with numbers know one"):
        quantised(design, Numbers(weights=tmp_path / "w.npz"))


@pytest.mark.parametrize(
    ("which", "runtime", "name", "said"),
    [
        ("softmax of rows", "cmsis-nn-c", "c", "'made' is a softmax over rows or columns, and that of CMSIS-NN is over channels"),
        ("softmax of rows", "tflm", "tflite", "'made' is a softmax over rows or columns, and that of TFLite is over channels"),
        ("softmax", "ideal", "max78000", "'made' is of the kind activation"),
        ("norm", "ideal", "tflite", "'made' is of the kind layer_norm, which the format tflite cannot write"),
        ("norm", "ideal", "max78000", "'made' is of the kind layer_norm"),
    ],
)
def test_formats_without_it_say_so(which: str, runtime: str, name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=said):
        export(designed(which, tmp_path, runtime=runtime), name, tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_kernels_of_one_value_have_no_softmax(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(operator=OPERATORS["softmax"], bits=8, channels=16, runtime="qeopt-c"), encoding="utf-8")
    answer = solve(str(path))
    assert answer.design is None
    assert "activation 'made'" in str(answer.reason)


@pytest.mark.parametrize("which", OPERATORS)
def test_formats_in_floats_write_it_and_are_read_back(which: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    design = designed(which, tmp_path)
    for name in ("onnx", "qonnx", "onnx-qdq"):
        export(design, name, tmp_path / "m.onnx")
        kinds = [(op.kind, op.function) for op in import_model(tmp_path / "m.onnx").network.ops][:2]
        own = [(op.kind, op.function) for op in design.network().ops][:2]
        assert kinds == ([own[0], (OpKind.LAYER_NORM, "")] if which == "norm with relu" else own)
