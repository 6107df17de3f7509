"""Correlations of weighted designs against their definitions on written-out resamples, and intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qeopt.score import ranks as plain
from qeopt.statistics.association import MEASURES, kendall, partial, pearson, spearman
from qeopt.statistics.bootstrap import Estimate, holm, weightings

Floats = NDArray[np.float64]
SAMPLES = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=16)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(rows=SAMPLES)
def test_a_weighting_is_a_resample(rows: list[tuple[int, int, int, int]]) -> None:
    """Drawing a design three times is the same as writing it down three times."""
    one, other, groups, times = (np.array(column) for column in zip(*rows, strict=True))
    if times.sum() < 2:
        return
    written = np.repeat(np.arange(len(rows)), times)
    weights = times[None, :].astype(np.float64)
    x, y = one.astype(np.float64), other.astype(np.float64)
    assert kendall(weights, x, y)[0] == pytest.approx(plain.kendall(x[written], y[written]), abs=1e-9)
    assert spearman(weights, x, y)[0] == pytest.approx(plain.spearman(x[written], y[written]), abs=1e-9)
    for measure in MEASURES.values():
        alone = measure(np.ones((1, len(written))), x[written], y[written], groups[written])
        assert measure(weights, x, y, groups)[0] == pytest.approx(alone[0], abs=1e-9)


def test_pearson_is_that_of_numpy() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40))
    assert pearson(np.ones((1, 40)), x, 1e7 + y)[0] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-7)


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_within_groups_only_what_varies_inside_counts(name: str) -> None:
    """Between groups the order is opposite to that within: overall and within differ in sign."""
    groups = np.repeat(np.arange(4), 6)
    inside = np.tile(np.arange(6), 4).astype(np.float64)
    apart = 10.0 * groups.astype(np.float64)
    x, y = inside - apart, inside + apart
    ones = np.ones((1, 24))
    assert MEASURES[name](ones, x, y, None)[0] < -0.5
    assert MEASURES[name](ones, x, y, groups)[0] == pytest.approx(1)
    assert MEASURES[name](ones, x, apart, groups)[0] == 0


def test_a_partial_correlation_by_its_formula() -> None:
    """With one quantity held fixed: (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2)(1 - r_yz^2)), r Spearman's."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=50)
    x, y = z + rng.normal(size=50), z + rng.normal(size=50)
    xy, xz, yz = plain.spearman(x, y), plain.spearman(x, z), plain.spearman(y, z)
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial(np.ones((1, 50)), x, y, [z])[0] == pytest.approx(expected, abs=1e-9)
    assert partial(np.ones((1, 50)), z, y, [z])[0] == 0, "nothing is left of what is held fixed"


def test_structures_are_drawn_whole() -> None:
    weights = weightings(np.array([3, 3, 7, 7, 7, 9]), 50)
    assert (weights[0] == 1).all()
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    assert set((weights[:, 0] + weights[:, 2] + weights[:, 5]).tolist()) == {3.0}
    assert len({tuple(row) for row in weights.tolist()}) > 5


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """60 samples of a Gaussian with a known correlation: about 95 % of intervals hold it."""
    rng = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's rho of a Gaussian with Pearson's 0.6
    held = 0
    for number in range(60):
        x, rest = rng.normal(size=(2, 60))
        y = 0.6 * x + 0.8 * rest
        found = Estimate.of(spearman(weightings(np.arange(60), 400, seed=number), x, y))
        held += found.low <= truth <= found.high
    assert 52 <= held <= 60


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.5, 0.9]) == (1.0, 1.0)
    assert holm([]) == ()
