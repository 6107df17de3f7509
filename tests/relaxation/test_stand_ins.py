"""Weights whose width the shape of a cell does not suit are priced like the next wider ones that do."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from qeopt.hardware import Runtime
from qeopt.hardware.costs import weights_fit
from qeopt.network import Op, OpKind, Tensor
from qeopt.relaxation.cells.stand_ins import stand_ins, suits
from qeopt.spec.model import build

CHANNELS = np.arange(1, 65)
WIDTHS = (2, 4, 8)


def runtime(**rules: Any) -> Runtime:
    conv = {"in": [8], "weights": list(WIDTHS), "out": [8], **rules}
    return build(Runtime, {"kernels": {"conv": conv}, "source": {"url": "u", "date": "d"}})


def conv(channels: Any, kernel: int = 3) -> Op:
    return Op("c", OpKind.CONV, (Tensor("x", 8, 8, channels),), Tensor("y", 8, 8, 16), kernel)


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_columns_fit_as_counted_by_hand(kernel: int) -> None:
    terms = runtime(columns={"4": 8, "2": 16})
    for width, multiple in ((2, 16), (4, 8), (8, 1)):
        found = np.broadcast_to(weights_fit(terms, conv(CHANNELS, kernel), width), CHANNELS.shape)
        assert np.array_equal(found, CHANNELS * kernel * kernel % multiple == 0)
        for channels in (3, 4, 8, 12, 16):
            assert weights_fit(terms, conv(channels, kernel), width) == (channels * kernel**2 % multiple == 0)


def test_a_width_that_does_not_suit_is_charged_as_the_next_wider_one() -> None:
    found = stand_ins(runtime(columns={"2": 16, "4": 8}), [conv(np.array([16, 8, 4, 12]), 1)], WIDTHS, 4)
    assert found.tolist() == [[0, 1, 2, 2], [1, 1, 2, 2], [2, 2, 2, 2]]


def test_where_no_wider_one_suits_it_is_charged_as_it_is() -> None:
    found = stand_ins(runtime(columns={"8": 16}), [conv(np.array([16, 8]), 1)], WIDTHS, 2)
    assert found.tolist() == [[0, 0], [1, 1], [2, 2]]


@pytest.mark.parametrize("seed", range(20))
def test_the_best_of_all_widths_is_the_best_of_those_that_suit(seed: int) -> None:
    """At any prices of costs that grow with bits, for any rules: by brute force over cells."""
    rng = Random(seed)
    rules = {
        "columns": {"2": rng.choice([3, 16]), "4": rng.choice([1, 5, 8])},
        "weight_channel_multiple": {"2": rng.choice([1, 4])},
    }
    terms, ops = runtime(**rules), [conv(CHANNELS, rng.choice([1, 3])), conv(CHANNELS + 1, 1)]
    charged = stand_ins(terms, ops, WIDTHS, len(CHANNELS))
    gains = np.array(sorted(rng.uniform(0, 3) for _ in WIDTHS))
    costs = np.cumsum([[rng.uniform(0, 1) for _ in CHANNELS] for _ in WIDTHS], axis=0)
    best = (gains[:, None] - np.take_along_axis(costs, charged, axis=0)).max(axis=0)
    for cell in range(len(CHANNELS)):
        legal = [place for place, width in enumerate(WIDTHS) if suits(terms, ops, width, len(CHANNELS))[cell]]
        assert best[cell] == max(gains[place] - costs[place, cell] for place in legal)
