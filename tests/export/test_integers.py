"""The integer contract: against fractions, against doubles, and where ties decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.design import Design
from qeopt.export import ExportError
from qeopt.export.arithmetic.contract import rescaling, sum_range
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.geometry import image_of, shape_of
from qeopt.export.arithmetic.numbers import Numbers, weight_shape
from qeopt.export.arithmetic.quantised import Grid, QuantisedNetwork, Weights
from qeopt.export.arithmetic.reals import step
from qeopt.export.arithmetic.rounding import RESCALINGS, factors, half_to_even, joint_factors, rescale
from qeopt.export.reference import compute, run
from qeopt.network import Network, Op, OpKind, Tensor
from qeopt.verbs.solve import solve

SPECS = Path(__file__).parents[2] / "specs"
FACTORS = st.floats(2.0**-40, 2.0**20, allow_subnormal=False)
SUMS = st.integers(-(2**31), 2**31 - 1)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(FACTORS)
def test_multipliers_have_31_bits_and_are_the_nearest(factor: float) -> None:
    (multiplier,), (shift,) = (each.tolist() for each in factors([factor], "x"))
    assert 1 <= shift <= 62
    assert multiplier < 2**31
    assert shift == 62 or multiplier >= 2**30
    assert abs(Fraction(multiplier, 2**shift) - Fraction(factor)) <= Fraction(1, 2 ** (shift + 1))


def test_multipliers_at_the_ends() -> None:
    found = factors([1 - 2.0**-40, 2.0**30 - 1, 2.0**-90], "x")
    assert found.multipliers.tolist() == [2**30, 2**31 - 2, 0]  # the first was rounded up to a power of two
    assert found.shifts.tolist() == [30, 1, 62]
    with pytest.raises(ExportError, match=r"x: the factor 1\.07374e\+09 is too large for an integer multiplier"):
        factors([0.5, 2.0**30], "x")
    joint = joint_factors([0.75, 3.0, 2.0**-40], "x")
    assert joint.shifts.tolist() == [29] * 3
    assert joint.multipliers.tolist() == [3 << 27, 3 << 29, 0]


@settings(derandomize=True, deadline=None, max_examples=600)
@given(SUMS, st.integers(0, 2**31 - 1), st.integers(1, 62))
def test_products_are_rounded_as_fractions_are(value: int, multiplier: int, shift: int) -> None:
    exact = Fraction(value * multiplier, 2**shift)
    given_arrays = [np.array([each], np.int64) for each in (value, multiplier, shift)]
    found = {name: int(RESCALINGS[name](*given_arrays)[0]) for name in ("half_to_even", "cmsis_single")}
    assert found["half_to_even"] == round(exact)  # Python rounds halves to even
    assert found["cmsis_single"] == (exact + Fraction(1, 2)).__floor__()


@pytest.mark.parametrize(
    ("shift", "values", "rounded"), [(1, [-3, -1, 1, 3, 5], [-2, 0, 0, 2, 2]), (2, [-6, -2, 2, 6, 7], [-2, 0, 0, 2, 2])]
)
def test_halves_go_to_the_even_integer(shift: int, values: list[int], rounded: list[int]) -> None:
    assert half_to_even(np.array(values), np.array(shift)).tolist() == rounded


def differing(model: QuantisedNetwork, images: int = 2, seed: int = 0) -> tuple[int, int, int]:
    """Compare every operator with doubles on the same inputs; count integers, those that differ, and ties."""
    image = image_of(model.network)
    found = run(model, np.random.default_rng(seed).random((images, *shape_of(image))))
    values = wrong = ties = 0
    for op in model.network.ops:
        grid, inputs = model.grids[op.output.name], [found[tensor.name] for tensor in op.inputs]
        real = step(op, inputs, model.grids, model.weights.get(op.name), model.functions[op.name]) / grid.scale
        values += real.size
        ties += int((np.abs(real - np.floor(real)) == 0.5)[(real > grid.low) & (real < grid.high)].sum())
        wrong += int((np.clip(np.rint(real), grid.low, grid.high).astype(np.int64) != found[op.output.name]).sum())
    return values, wrong, ties


@pytest.mark.parametrize("power_of_two", [False, True])
def test_no_integer_differs_from_doubles(design: Design, power_of_two: bool) -> None:
    values, wrong, ties = differing(quantised(design, Numbers(power_of_two=power_of_two)))
    assert values > 5000
    assert wrong == 0
    if power_of_two:
        assert ties > 50  # so that rounding halves in another way would be seen


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_integer_of_a_shipped_study_differs_from_doubles(path: Path) -> None:
    design = solve(path).design
    assert design is not None
    held = sum(int(tensor.elements) for tensor in design.network().tensors)
    values, wrong, _ = differing(quantised(design), images=-(-100_000 // held))
    assert values > 50_000
    assert wrong == 0


def test_rounding_halves_up_is_another_network(mixed: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    """With scales of powers of two ties are common, and the contract decides them."""
    model = quantised(mixed, Numbers(power_of_two=True))
    images = np.random.default_rng(3).random((4, *shape_of(image_of(model.network))))
    even = run(model, images)
    monkeypatch.setattr("qeopt.export.reference.rescale", RESCALINGS["cmsis_single"])
    up = run(model, images)
    share = np.mean([np.mean(even[name] != up[name]) for name in even])
    assert share > 0.05


def one_operator(op: Op, grids: Mapping[str, Grid], weights: Weights | None = None, function: str = "") -> QuantisedNetwork:
    network = Network("n", (*op.inputs, op.output), (op,))
    return QuantisedNetwork(network, {op.name: function}, grids, {} if weights is None else {op.name: weights})


X, Y = Tensor("x", 1, 1, 2), Tensor("y", 1, 1, 2)
UNIT = Grid(8, is_signed=True, scale=1.0)


def test_a_sum_that_could_leave_32_bits_is_told() -> None:
    weights = Weights(8, np.array([[127, -128], [1, 1]]), np.array([1e-9, 1.0]), np.array([2**31 - 40_000, 0]))
    model = one_operator(Op("y", OpKind.DENSE, (X,), Y), {"x": UNIT, "y": UNIT}, weights)
    op = model.network.ops[0]
    least, most = sum_range(model, op)
    assert (least, most) == (-127 * 128 - 128 * 127, 2**31 - 40_000 + 127 * 127 + 128 * 128)
    assert most < 2**31
    assert compute(model, op, {"x": np.array([127, -128]).reshape(1, 2, 1, 1)}).ravel().tolist() == [2, -1]
    wide = replace(model, weights={"y": replace(weights, bias=np.array([2**31 - 1, 0]))})
    with pytest.raises(
        ExportError, match=r"sums of 'y' reach from -32512 to 2147516160, and 32 bits hold -2147483648 to 2147483647; fewer"
    ):
        compute(wide, op, {"x": np.zeros((1, 2, 1, 1), np.int64)})


def test_a_bias_beside_tiny_weights_is_kept(mixed: Design, tmp_path: Path) -> None:
    arrays = {op.name: np.random.default_rng(1).normal(size=weight_shape(op)) for op in mixed.network().weighted_ops}
    arrays["head"][3] = 1e-12
    arrays["head.bias"] = np.full(64, 0.75)
    np.savez(tmp_path / "w.npz", **arrays)  # type: ignore[arg-type]
    model = quantised(mixed, Numbers(weights=tmp_path / "w.npz"))
    head = model.weights["head"]
    assert head.bias[3] * head.scales[3] * model.grids["b3.project"].scale == pytest.approx(0.75, rel=1e-6)
    run(model, np.zeros((1, 3, 16, 16)))


def test_averages_have_a_multiplier_for_every_count() -> None:
    source, output = Tensor("x", 5, 5, 1), Tensor("y", 3, 3, 1)
    op = Op("y", OpKind.POOL, (source,), output, 3, 2, pads=(1, 1, 1, 1))
    model = one_operator(op, {"x": UNIT, "y": Grid(8, is_signed=True, scale=0.5)})
    values = np.arange(25).reshape(1, 1, 5, 5) * 7 % 11 - 5
    found = compute(model, op, {"x": values})[0, 0]
    for row in range(3):
        for column in range(3):
            seen = values[0, 0, max(0, 2 * row - 1) : 2 * row + 2, max(0, 2 * column - 1) : 2 * column + 2]
            assert found[row, column] == round(Fraction(int(seen.sum()) * 2, seen.size))
    whole = replace(op, counts_padding=True)
    assert compute(one_operator(whole, model.grids), whole, {"x": values})[0, 0, 0, 0] == round(
        Fraction(int(values[0, 0, :2, :2].sum()) * 2, 9)
    )


def test_functions_that_do_more_than_clip_are_tables() -> None:
    op = Op("y", OpKind.ACTIVATION, (X,), Y)
    grids = {"x": Grid(4, is_signed=True, scale=0.5), "y": Grid(4, is_signed=False, scale=1.0)}
    model = one_operator(op, grids, function="square")
    assert compute(model, op, {"x": np.array([-8, 3]).reshape(1, 2, 1, 1)}).ravel().tolist() == [15, 2]
    table = rescaling(model, op).table
    assert table is not None
    assert table.tolist() == [15, 12, 9, 6, 4, 2, 1, 0, 0, 0, 1, 2, 4, 6, 9, 12]
    add = Op("y", OpKind.ADD, (X, X), Y)
    with pytest.raises(ExportError, match="'y' is of the kind add and cannot end in 'square', which is looked up by itself"):
        rescaling(one_operator(add, grids, function="square"), add)


def test_the_function_of_an_operator_clips_integers() -> None:
    op = Op("y", OpKind.ADD, (X, X), Y)
    model = one_operator(op, {"x": UNIT, "y": Grid(8, is_signed=False, scale=0.25)}, function="relu6")
    assert compute(model, op, {"x": np.array([-4, 50]).reshape(1, 2, 1, 1)}).ravel().tolist() == [0, 24]
    assert rescale(np.array([3]), np.array([1]), np.array([1])).tolist() == [2]
