"""Memory beside the tensors: the bound divides designs by how much of it they hold."""

from __future__ import annotations

import math
import random
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from qeopt.relaxation.bound import JointBound, bound_space
from qeopt.relaxation.bound.joint import MOST_PARTS
from qeopt.relaxation.cells.overhead import overhead
from qeopt.space import Space, Structure
from qeopt.spec.library import Library
from qeopt.spec.load import load_text
from qeopt.study import Study
from qeopt.study.load import load_study

STUDY = """\
kind: study
task: {{input: [32, 32, 3], classes: 2}}
space:
  blocks:
    - {{kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2, weight_bits: 8}}
    - {{kind: k1dwk1, name: b1, stride: 2, width: [8, 16, 24, 32], kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2, 3]}}
    - {{kind: k1dwk1, name: b2, stride: 2, width: [16, 32, 48, 64], kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2, 3]}}
    - {{kind: classifier}}
runtime: {runtime}
budgets: {{sram: {sram}, flash: {flash}, layers: 20}}
bits: {{weights: [4, 8], activations: [8]}}
objective: {{kind: qe}}
"""


CASES = pytest.mark.parametrize(("runtime", "sram"), [("tflm", "14 KiB"), ("tinyengine", "9 KiB")])


def small(runtime: str, sram: str, flash: str = "64 KiB") -> Study:
    return load_text(
        Study, STUDY.format(runtime=runtime, sram=sram, flash=flash), library=Library(), kind="study", name="small"
    ).value


def bounded(study: Study, **options: Any) -> JointBound:
    assert study.space is not None
    bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-5, most_walks=20, **options)
    assert bound is not None
    return bound


def score(study: Study, structure: Structure) -> float | None:
    assert study.space is not None
    return study.refiner.refine(study.space.expand(structure, study.task)).score


@pytest.mark.parametrize(("runtime", "sram", "fits"), [("tflm", "14 KiB", True), ("tinyengine", "7 KiB", False)])
def test_ranges_lower_the_bound_and_meet_structures_that_fit(runtime: str, sram: str, fits: bool) -> None:
    study = small(runtime, sram)
    whole, divided = bounded(study), bounded(study, score=partial(score, study))
    assert len(whole.parts) == 1
    assert 1 < len(divided.parts) <= MOST_PARTS
    assert divided.value < whole.value
    assert any(score(study, structure) is not None for structure in divided.structures) == fits
    assert (divided.value == -math.inf) != fits, "the ranges prove that nothing fits"


@CASES
def test_ranges_mean_every_design(runtime: str, sram: str) -> None:
    study = small(runtime, sram)
    parts = bounded(study, score=partial(score, study)).parts
    assert len(parts) > 1
    assert parts[0].overhead.at_least == 0
    assert parts[-1].overhead.at_most is None
    for one, other in pairwise(parts):
        assert one.overhead.at_most is not None
        assert other.overhead.at_least == one.overhead.at_most + 1


@pytest.mark.parametrize(("runtime", "sram"), [("tflm", "20 KiB"), ("tinyengine", "9 KiB")])
def test_no_design_of_a_range_scores_above_its_part(runtime: str, sram: str) -> None:
    study = small(runtime, sram)
    assert study.space is not None
    bound = bounded(study, score=partial(score, study))
    rng = random.Random(1)
    seen = 0
    for structure in [*bound.structures, *(random_structure(study.space, rng) for _ in range(150))]:
        network = study.space.expand(structure, study.task)
        refined = study.refiner.refine(network)
        if refined.score is None or refined.bits is None or network.layers > (study.limits.get("layers") or 0):
            continue
        seen += 1
        held = overhead(network, study.runtime, refined.bits)
        (part,) = (
            p for p in bound.parts if p.overhead.at_least <= held and (p.overhead.at_most is None or held <= p.overhead.at_most)
        )
        assert refined.score <= part.value
    assert seen >= 10


def test_nothing_is_divided_where_nothing_is_held_beside_the_tensors() -> None:
    study = small("ideal", "16 KiB")
    assert bounded(study, score=partial(score, study)) == bounded(study)
    unlimited = small("tflm", "unlimited")
    assert len(bounded(unlimited, score=partial(score, unlimited)).parts) == 1


def random_structure(space: Space, rng: random.Random) -> Structure:
    while True:
        structure = Structure(tuple(rng.choice(values) for _, _, values in space.genes))
        if space.follows_rules(structure):
            return structure


def test_what_is_left_out_is_named() -> None:
    study = load_study("vww_256k", overrides=["runtime=tflm"]).value
    assert study.space is not None
    bound = bound_space(study.space, study.task, study.refiner, tolerance=0.1, most_walks=1)
    assert bound is not None
    assert set(bound.left_out) == {"memory that operators elsewhere hold for good", "addresses of buffers"}


def test_what_is_told_is_proven_where_the_whole_has_no_price() -> None:
    study, told = small("tflm", "14 KiB", flash="unlimited"), list[float]()

    def found(bound: float, _part: int) -> bool:
        told.append(bound)
        return False

    bound = bounded(study, score=partial(score, study), found=found)
    assert told
    assert all(bound.value <= value < math.inf for value in told)
