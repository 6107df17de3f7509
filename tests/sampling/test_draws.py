"""Draws are uniform over what follows the rules, and each is a question; the quick filter never throws away what fits."""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.memory import Limits
from qeopt.sampling.draws import BATCH, Sampler
from qeopt.sampling.screen import may_fit
from qeopt.space import Space, Structure, Task
from qeopt.spec.model import build
from qeopt.study import Study
from qeopt.study.load import load_study

STUDIES = ("vww_256k", "vww_256k_any_bits", "paper/mcu_256k", "paper/mixed_7g", "imagenet_320k")


def _space(widths: str) -> Space:
    blocks: list[Any] = [
        {"kind": "conv", "name": "a", "width": [8, 24]},
        {"kind": "k1dwk1", "name": "b", "width": [8, 16, 24], "ratio": [1.5, 2], "units": [1, 2, 3]},
        {"kind": "conv", "name": "c", "width": [16, 24, 40]},
        {"kind": "conv", "name": "d", "width": [8, 16]},
    ]
    return build(Space, {"widths": widths, "blocks": blocks})


@pytest.mark.parametrize("widths", ["non_decreasing", "free"])
def test_every_structure_that_follows_the_rules_is_as_likely_as_any_other(widths: str) -> None:
    study = load_study("vww_256k", overrides=["budgets.sram=unlimited", "budgets.flash=unlimited"]).value
    space = _space(widths)
    sampler = Sampler(space, study.task, study.refiner, 0)
    columns = sampler._columns(np.random.default_rng(1))
    drawn = Counter(zip(*(column.tolist() for column in columns), strict=True))
    values = [values for _, _, values in space.genes]
    legal = {tuple(map(float, found)) for found in itertools.product(*values) if space.follows_rules(Structure(found))}
    assert set(drawn) == legal
    expected = BATCH / len(legal)
    chi_squared = sum((count - expected) ** 2 / expected for count in drawn.values())
    freedom = len(legal) - 1
    assert abs(chi_squared - freedom) < 5 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("name", STUDIES)
def test_what_is_thrown_away_fits_at_no_bits(name: str) -> None:
    study = load_study(name).value
    space, rng = _space_of(study), random.Random(7)
    sampler = Sampler(space, study.task, study.refiner, 0)
    columns = sampler._columns(np.random.default_rng(2))
    kept = may_fit(space, study.task, study.refiner, columns)
    thrown = np.flatnonzero(~kept).tolist()
    for index in rng.sample(thrown, min(25, len(thrown))):
        structure = Structure(
            tuple(_declared(values, column[index]) for (_, _, values), column in zip(space.genes, columns, strict=True))
        )
        network = space.expand(structure, study.task)
        limits = study.limits
        over = network.layers > limits.get("layers", network.layers) or "macs" in limits
        assert over or study.refiner.refine(network, "chain").score is None


def _space_of(study: Study) -> Space:
    assert study.space is not None
    return study.space


def _declared(values: tuple[float, ...], drawn: float) -> float:
    return values[values.index(drawn)]


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_structures_that_fit_are_never_thrown_away(tiny_space: Callable[[random.Random], tuple[Space, Task]], seed: int) -> None:
    rng = random.Random(seed)
    space, task = tiny_space(rng)
    study = load_study("vww_256k").value
    structure = Structure(tuple(rng.choice(values) for _, _, values in space.genes))
    if not space.follows_rules(structure):
        return
    network = space.expand(structure, task)
    refined = study.refiner.refine(network, "chain")
    if refined.resources is None:
        return
    tight = Limits(
        sram=int(refined.resources.sram_bytes),
        flash=int(refined.resources.flash_bytes),
        macs=int(refined.resources.used["macs"]),
        layers=int(refined.resources.used["layers"]),
    )
    columns = [np.array([float(value)]) for value in structure.values]
    assert may_fit(space, task, replace(study.refiner, limits=tight), columns).tolist() == [True]


def test_every_draw_is_a_question() -> None:
    study = load_study("vww_256k").value
    space = _space_of(study)
    sampler = Sampler(space, study.task, study.refiner, 5)
    drawn = list(sampler.draw(8))
    assert len(set(drawn)) == 8
    for structure in drawn:
        network = space.expand(structure, study.task)
        assert space.follows_rules(structure)
        assert study.refiner.refine(network, "chain").score is not None
        assert study.refiner.only(8).refine(network, "chain").score is None
    assert list(Sampler(space, study.task, study.refiner, 5).draw(8)) == drawn
