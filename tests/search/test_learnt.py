"""A learnt objective through bits, bound and search, against full enumeration: any signs, terms of any kind and stage."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from qeopt.network import Bits
from qeopt.relaxation.bound import bound_space, recheck
from qeopt.score import evaluate, terms
from qeopt.score.fitted import Fitted
from qeopt.search import SearchSettings, explore
from qeopt.spec.model import build

sys.path.insert(0, str(Path(__file__).parent))
from qeopt.testing.small_studies import SmallStudy, small_study, structures

ROUNDING = 1e-9


def learnt_study(seed: int) -> SmallStudy:
    """A generated study under random coefficients of random terms, some of a single stage."""
    study = small_study(seed)
    rng = Random(f"learnt {seed}")
    stages = len(study.space.expand(study.space.smallest(), study.task).stage_ends)
    names = rng.sample(terms.names(stages), 8)
    coefficients: dict[str, Any] = {name: rng.uniform(-2, 2) for name in names}
    coefficients |= {"activation_loss": rng.uniform(-2, 0.5), "weight_loss": rng.uniform(-2, 0.5)}
    return replace(study, refiner=replace(study.refiner, objective=build(Fitted, {"coefficients": coefficients})))


@pytest.mark.parametrize("seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(5, 10))])
def test_search_and_bound_against_enumeration(seed: int) -> None:
    study = learnt_study(seed)
    best = None
    for structure in structures(study.space):
        network = study.space.expand(structure, study.task)
        refined = study.refiner.refine(network)
        fits = refined.resources is not None and all(use.fits for use in study.refiner.limits.uses(refined.resources))
        if refined.score is not None and fits and (best is None or refined.score > best):
            best = refined.score
    bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-6, most_walks=30)
    settings = SearchSettings(evaluations=2000, min_generations=1, gap=0.0, baselines=())
    found = explore(study.space, study.task, study.refiner, settings).best
    assert bound is not None
    if best is None:
        assert found is None
        return
    assert found is not None
    assert found.score == pytest.approx(best, abs=1e-9)
    assert bound.value >= best - ROUNDING
    rechecked = [recheck(study.space, study.task, study.refiner, part.prices, part.overhead) for part in bound.parts]
    assert None not in rechecked
    proven = max(value for value in rechecked if value is not None)
    assert best - ROUNDING <= proven <= bound.value + 1e-9 * max(abs(bound.value), 1)


def test_a_score_is_the_sum_of_its_terms() -> None:
    """Counted over whole networks, where the objective adds up pieces."""
    rng = Random(4)
    for seed in range(6):
        study = learnt_study(seed)
        objective = study.refiner.objective
        assert isinstance(objective, Fitted)
        network = study.space.expand(rng.choice(list(structures(study.space))), study.task)
        widths = [Bits.uniform(network, rng.choice((2, 4, 8))) for _ in range(2)]
        bits = Bits(widths[0].weights, widths[1].activations)
        expected = sum(worth * terms.total(name, network, bits) for name, worth in objective.coefficients.items())
        assert evaluate(objective, network, bits) == pytest.approx(expected, abs=1e-9)
