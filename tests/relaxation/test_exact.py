"""Values in arrays against the integer program of every structure. About 12 seconds, and a minute for what is marked slow."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from qeopt.relaxation.bound import bound_space
from qeopt.relaxation.cells.tables import Floats, Integers
from qeopt.relaxation.rating.exact import Rater
from qeopt.relaxation.rating.floor import Floor
from qeopt.search.breeding import Breeder
from qeopt.search.island import Island, Terms, advance
from qeopt.search.polish import neighbours, polishing
from qeopt.study.load import load_study

sys.path.insert(0, str(Path(__file__).parent))
from qeopt.testing.small_studies import SmallStudy, small_study, structures

ROUNDING = 1e-6 / 2
"""Gains are integers in millionths of a nat."""
DECISIONS = 300
"""No network here has more."""


def scores(terms: SmallStudy | Terms, rater: Rater, places: Integers) -> Floats:
    """What the program of each structure finds; -inf where no bits fit or the structure is over a budget."""
    found = []
    for structure in rater.genome.structures(places):
        refined = terms.refiner.refine(terms.space.expand(structure, terms.task))
        fits = refined.resources is not None and all(use.fits for use in terms.refiner.limits.uses(refined.resources))
        found.append(refined.score if fits and refined.score is not None else -np.inf)
    return np.array(found)


def check_values(values: Floats, expected: Floats, *, is_exact: bool) -> None:
    some = np.isfinite(expected)
    assert (values[some] >= expected[some] - DECISIONS * ROUNDING).all(), "no bits score higher than the value"
    if is_exact:
        assert (np.isfinite(values) == some).all()
        assert np.abs(values[some] - expected[some]).max(initial=0.0) <= DECISIONS * ROUNDING


def check_small(seed: int) -> tuple[bool, bool]:
    study = small_study(seed)
    rater = Rater(study.space, study.task, study.refiner)
    if not rater.has_values:
        return False, False
    places = rater.genome.read(list(structures(study.space)))[::3]
    values = rater.values(places)
    assert (values <= rater.relaxed(places) + DECISIONS * ROUNDING)[np.isfinite(values)].all(), (
        "values are no worse than relaxations"
    )
    check_values(values, scores(study, rater, places), is_exact=rater.is_exact)
    return True, rater.is_exact


def test_values_are_scores_in_generated_spaces() -> None:
    found = [check_small(seed) for seed in range(30)]
    assert sum(has_values for has_values, _ in found) > 6
    assert sum(is_exact for _, is_exact in found) > 2


@pytest.mark.slow
def test_values_are_scores_in_many_generated_spaces() -> None:
    assert sum(is_exact for _, is_exact in map(check_small, range(1000, 1250))) > 25


def study_terms(name: str) -> Terms:
    study = load_study(name).value
    assert study.space is not None
    return Terms(study.space, study.task, study.refiner.scouting(), study.search)


def drawn(terms: Terms, count: int) -> Integers:
    """Random structures, and children of a population that has evolved: small and loose ones, and ones that fill their budgets."""
    nobody = terms.rater().genome.read([])
    breeder = Breeder(terms.space, terms.settings)
    evolved = advance(terms, Island(0), 20, 1000)
    parents = breeder.genome.read([candidate.structure for candidate in evolved.population])
    half = count // 2
    return np.concatenate(
        [breeder.children(nobody, frozenset(), (9, 0), half)[0], breeder.children(parents, frozenset(), (9, 1), count - half)[0]]
    )


def check_study(name: str, count: int) -> None:
    terms = study_terms(name)
    rater = terms.rater()
    places = drawn(terms, count)
    expected = scores(terms, rater, places)
    check_values(rater.values(places), expected, is_exact=rater.is_exact)
    some = np.isfinite(expected)
    assert some.sum() > count // 2
    assert (np.abs(rater.values(places[some]) - expected[some]) < DECISIONS * ROUNDING).mean() > 0.95


@pytest.mark.parametrize("name", ["paper/mcu_256k", "vww_256k"])
def test_values_are_scores_in_shipped_studies(name: str) -> None:
    check_study(name, 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paper/mcu_256k", "vww_256k", "vww_256k_fast", "imagenet_256k"])
def test_values_are_scores_of_two_hundred_structures_of_shipped_studies(name: str) -> None:
    check_study(name, 200)


def test_what_makes_a_value_a_bound_is_known() -> None:
    assert study_terms("paper/mcu_256k").rater().is_exact
    with_addresses = study_terms("vww_256k").rater()
    assert with_addresses.has_values
    assert not with_addresses.is_exact
    coupled = study_terms("paper/mixed_7g").rater()
    assert not coupled.has_values
    with pytest.raises(ValueError, match="has_values"):
        coupled.values(coupled.genome.read([]))


def test_rating_values_only_what_could_reach_the_floor() -> None:
    terms = study_terms("paper/mcu_256k")
    rater = terms.rater()
    places = drawn(terms, 60)
    relaxed, values = rater.relaxed(places), rater.values(places)
    floor = float(np.median(relaxed[np.isfinite(relaxed)]))
    rated = rater.rate(places, Floor(floor))
    high = relaxed >= floor
    assert (rated[high] == values[high]).all()
    assert (rated[~high] == relaxed[~high]).all()
    assert (values < relaxed).any()


def test_bounds_of_those_that_matter_are_tight_and_of_the_others_bounds() -> None:
    """With a best and members to beat, only the structures that can enter are bounded tightly; of the rest looser bounds stay."""
    terms = study_terms("paper/mixed_7g")
    bound = bound_space(terms.space, terms.task, terms.refiner, tolerance=1e-3, most_walks=8)
    assert bound is not None
    rater = replace(terms, prices=tuple(part.prices for part in bound.parts[:1])).rater()
    around = neighbours(rater.genome, rater.genome.read(bound.structures[:1])[0], most=200)
    places = np.unique(np.concatenate([drawn(terms, 20), around]), axis=0)
    tight = rater.rate(places)
    best, kept = float(np.sort(tight)[-50]), 20
    floor = Floor(best, kept, members=tuple(np.sort(tight)[-105:-100].tolist()))
    rated, least = rater.rate(places, floor), min(best, np.sort(tight)[-kept])
    assert floor.now == -np.inf, "there is room for all while few members are known"
    assert floor.beside(tight) == least
    np.testing.assert_allclose(rated[rated >= least], tight[rated >= least], rtol=0, atol=1e-9)
    assert (rated >= tight - 1e-9).all()
    assert (rated > tight + 1e-9).any(), "all bounds were tightened"
    assert set(np.flatnonzero(tight >= least)) == set(np.flatnonzero(rated >= least))


def test_polishing_mends_what_the_founders_lack() -> None:
    """From a structure two steps away, polishing finds the better one at once, within its share of the evaluations."""
    terms = study_terms("paper/mcu_256k")
    terms = replace(terms, settings=terms.settings.model_copy(update={"evaluations": 8000}))
    rater = terms.rater()
    evolved = advance(terms, Island(0), 100, 2000)
    assert evolved.best is not None
    last = evolved.population[-1]
    start = last.structure
    seen = frozenset(rater.genome.codes(rater.genome.read([start])))
    founder = Island(0, population=(last,), seen=seen, evaluations=1)
    *looks, found = polishing(terms, rater, founder, [start])
    assert all(one.evaluations < other.evaluations for one, other in pairwise([*looks, found]))
    assert found.best is not None
    assert found.best.score > last.value
    assert found.evaluations == len(found.seen) <= terms.settings.evaluations // 2
    coupled = study_terms("paper/mixed_7g")
    assert list(polishing(coupled, coupled.rater(), founder, [start])) == []
