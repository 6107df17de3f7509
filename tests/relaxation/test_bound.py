"""The joint bound against full enumeration: never below the optimum, and tight where the budgets are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qeopt.relaxation.bound import bound_space, recheck
from qeopt.relaxation.rating.relax import Relaxer
from qeopt.search import SearchSettings, explore
from qeopt.space import Structure
from qeopt.study.load import load_study

sys.path.insert(0, str(Path(__file__).parent))
from qeopt.testing.small_studies import SmallStudy, small_study, structures

ROUNDING = 1e-9


def best_by_enumeration(study: SmallStudy) -> tuple[float, Structure] | None:
    """The best feasible structure with exact bits; asserts on the way that no relaxation is below them."""
    candidates = list(structures(study.space))
    relaxed = Relaxer(study.space, study.task, study.refiner).relax(candidates)
    best: tuple[float, Structure] | None = None
    for structure, bound in zip(candidates, relaxed, strict=True):
        refined = study.refiner.refine(study.space.expand(structure, study.task))
        if refined.score is None or refined.resources is None:
            continue
        if not all(use.fits for use in study.refiner.limits.uses(refined.resources)):
            continue  # too many MACs or layers: budgets of the structure, not of the bits
        assert bound >= refined.score - ROUNDING, structure
        if best is None or refined.score > best[0]:
            best = refined.score, structure
    return best


def scorer(study: SmallStudy) -> Callable[[Structure], float | None]:
    return lambda structure: study.refiner.refine(study.space.expand(structure, study.task)).score


def check_study(seed: int) -> None:
    study = small_study(seed)
    best = best_by_enumeration(study)
    bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-6, most_walks=30, score=scorer(study))
    assert bound is not None, "every generated space is a chain"
    settings = SearchSettings(evaluations=2000, min_generations=1, gap=0.0, baselines=())
    found = explore(study.space, study.task, study.refiner, settings).best
    if best is None:
        assert found is None
        return
    assert bound.value >= best[0] - ROUNDING
    assert found is not None
    assert found.score == pytest.approx(best[0], abs=1e-9), "hybrid finds the optimum"


@pytest.mark.parametrize("seed", range(12))
def test_the_bound_holds_and_hybrid_finds_the_optimum(seed: int) -> None:
    check_study(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12, 240))
def test_the_bound_holds_on_many_spaces(seed: int) -> None:
    check_study(seed)


def test_any_prices_give_a_valid_bound() -> None:
    """Fewer walks give a looser bound, never a lower one."""
    study = load_study("vww_256k").value
    assert study.space is not None
    values = []
    for walks in (1, 3, 10):
        bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-6, most_walks=walks)
        assert bound is not None
        values.append(bound.value)
    assert values == sorted(values, reverse=True)


def test_a_larger_budget_never_lowers_the_bound() -> None:
    bounds = []
    for sram in ("192 KiB", "256 KiB", "320 KiB"):
        study = load_study("vww_256k", overrides=[f"budgets.sram={sram}"]).value
        assert study.space is not None
        bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-5, most_walks=20)
        assert bound is not None
        bounds.append(bound.value)
    assert bounds == sorted(bounds)


@pytest.mark.parametrize("seed", range(24))
def test_another_evaluator_proves_the_same_from_the_prices(seed: int) -> None:
    study = small_study(seed)
    bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-3, most_walks=6, score=scorer(study))
    assert bound is not None
    for part in bound.parts:
        proven = recheck(study.space, study.task, study.refiner, part.prices, part.overhead)
        assert proven == pytest.approx(part.value, rel=1e-8)


def test_prices_other_than_the_best_prove_a_looser_bound() -> None:
    study = small_study(3)
    bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-6, most_walks=30)
    assert bound is not None
    (part,) = bound.parts
    other = recheck(study.space, study.task, study.refiner, {**part.prices, "flash": 3 * part.prices.get("flash", 0.0) + 1e-4})
    assert other is not None
    assert other >= bound.value * (1 - 1e-8)


def test_a_price_of_what_nothing_limits_proves_nothing() -> None:
    study = small_study(3)
    bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-3, most_walks=6)
    assert bound is not None
    (part,) = bound.parts
    assert study.refiner.limits.keys().isdisjoint({"macs", "bitops"})
    assert part.overhead.at_most is None
    forged = {**part.prices, "macs": 1.0, "bitops": 1.0, "held": 1.0}
    proven = recheck(study.space, study.task, study.refiner, forged)
    assert proven is not None
    assert proven >= part.value * (1 - 1e-8)
