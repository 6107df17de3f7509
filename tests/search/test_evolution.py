"""Islands, rounds, stops and alternatives. About 6 seconds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from qeopt.design.recount import recount
from qeopt.search import SearchResult, Stop, explore
from qeopt.search.alternatives import distance
from qeopt.search.codes import encode
from qeopt.search.evolution import evolve
from qeopt.search.island import Candidate, Island, Leader, Terms, advance, rank, receive_migrants
from qeopt.search.workers import InProcess
from qeopt.space import Space, Structure
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve

sys.path.insert(0, str(Path(__file__).parent))
from small_search import write_study  # type: ignore[import-not-found]  # beside this file


@pytest.fixture(scope="module")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def study(study_file: Path) -> Study:
    return load_study(study_file).value


def space_of(study: Study) -> Space:
    assert study.space is not None
    return study.space


def terms_of(study: Study, **changes: object) -> Terms:
    return Terms(space_of(study), study.task, study.refiner.scouting(), study.search.model_copy(update=changes))


def search(study: Study, **changes: object) -> SearchResult:
    terms = terms_of(study, **changes)
    return explore(terms.space, terms.task, terms.refiner, terms.settings)


def test_advance_is_pure_and_may_be_cut_anywhere(study: Study) -> None:
    terms = terms_of(study)
    start = Island(0)
    at_once = advance(terms, start, 6, 1000)
    assert start == Island(0)
    assert advance(terms, start, 6, 1000) == at_once
    assert advance(terms, advance(terms, start, 2, 1000), 4, 1000) == at_once
    assert at_once.generation == 6


def test_a_population_is_sorted_distinct_and_feasible(study: Study) -> None:
    terms = terms_of(study)
    island = advance(terms, Island(0), 6, 1000)
    assert list(island.population) == sorted(island.population, key=rank)
    assert len({candidate.structure for candidate in island.population}) == len(island.population)
    assert len(island.seen) == island.evaluations >= island.feasible >= island.refined > 0
    assert {encode(terms.space, candidate.structure) for candidate in island.population} <= island.seen
    assert island.best is not None
    refined = terms.refiner.refine(terms.space.expand(island.best.structure, terms.task))
    assert refined.score == island.best.score


def test_migrants_arrive_once_and_news_travels() -> None:
    space_codes = {1.0: 11, 2.0: 22}
    candidates = [Candidate(structure=_structure(value), value=value) for value in (2.0, 1.0)]
    home = Island(1, population=(candidates[0],), seen=frozenset({22}), exhausted=True)
    leader = Leader(_structure(9.0), 9.0)
    met = receive_migrants(home, leader, candidates, [space_codes[2.0], space_codes[1.0]], population=5)
    assert met.population == tuple(candidates)
    assert met.best == leader
    assert met.seen == {11, 22}
    assert not met.exhausted
    assert receive_migrants(met, leader, candidates, [22, 11], population=1).population == (candidates[0],)


def _structure(value: float) -> Structure:
    return Structure((value,))


@pytest.mark.parametrize("islands", [1, 3])
def test_evaluations_are_never_exceeded(study: Study, islands: int) -> None:
    found = search(study, islands=islands, evaluations=50, children=7)
    assert found.stopped is Stop.EVALUATIONS
    assert found.history[-1].evaluations == 50


def test_proven_gap_ends_the_search_but_not_before_the_least_generations(study: Study) -> None:
    found = search(study, gap=0.5, min_generations=5, migration_every=2)
    assert found.stopped is Stop.GAP
    assert found.history[-1].generation == 6


def test_a_space_that_has_been_seen_whole_ends_the_search(study_file: Path) -> None:
    text = study_file.read_text(encoding="utf-8")
    for choice in ("{from: 8, to: 96, step: 8}", "[1.5, 2, 3]", "[3, 5]", "{from: 64, to: 256, step: 32}"):
        text = text.replace(choice, "24" if "96" in choice else choice.strip("[{from: ").partition(",")[0])
    small = study_file.with_name("tiny.yaml")
    small.write_text(text, encoding="utf-8")
    study = load_study(small).value
    found = search(study, evaluations=10_000)
    assert found.stopped is Stop.EXHAUSTED
    assert space_of(study).size == 27


def test_time_is_a_safety_net_between_rounds(study: Study) -> None:
    found = search(study, strategy="evolution", time_limit_seconds=1e-9)
    assert found.stopped is Stop.TIME
    assert len(found.history) == 1


def test_bound_alone_makes_no_generation(study: Study) -> None:
    found = search(study, strategy="bound")
    assert found.stopped is Stop.BOUND
    assert found.history[-1].generation == 0
    assert found.best is not None
    assert found.best.score == found.from_bound


def test_evolution_alone_needs_no_bound_and_comes_near(study: Study) -> None:
    alone = search(study, strategy="evolution", evaluations=1500, children=30, population=30)
    hybrid = search(study, evaluations=1500, children=30, population=30)
    assert alone.bound is None
    assert alone.best is not None
    assert hybrid.best is not None
    assert hybrid.bound is not None
    assert hybrid.best.score <= hybrid.bound.value
    assert alone.best.score >= 0.99 * hybrid.best.score


def test_another_seed_takes_another_way(study: Study) -> None:
    assert search(study, seed=1).population != search(study, seed=2).population


def test_history_tells_of_every_round(study: Study) -> None:
    found = search(study)
    steps = found.history
    assert [step.generation for step in steps] == sorted({step.generation for step in steps})
    assert steps[0].best_score == found.from_bound
    scores = [step.best_score for step in steps if step.best_score is not None]
    assert scores == sorted(scores)
    assert found.best is not None
    assert scores[-1] == found.best.score
    assert all(step.bound is not None and step.bound >= scores[-1] for step in steps)


def test_alternatives_differ_fit_and_score_enough(study_file: Path) -> None:
    solution = solve(study_file, overrides=["search.alternatives=4", "search.alternatives_within=0.03"])
    design = solution.design
    assert design is not None
    assert recount(design) == ()
    assert len(design.alternatives) == 4
    space = space_of(solution.loaded.value)
    for other in design.alternatives:
        assert 0.97 * design.score <= other.score <= design.score
        assert all(use.limit is None or use.used <= use.limit for use in other.uses.values())
        assert other.bits.status == "optimal"
    chosen = [space.structure(part.structure) for part in (design, *design.alternatives)]
    siblings = [candidate.structure for candidate in solution.search.population[:5]]
    assert _least_distance(space, chosen) > 2 * _least_distance(space, siblings)
    assert design.alternatives[0].distance == pytest.approx(distance(space, chosen[0], chosen[1]))
    again = solve(study_file, overrides=["search.alternatives=4", "search.alternatives_within=0.03"])
    assert again.design == design


def _least_distance(space: Space, structures: Sequence[Structure]) -> float:
    return min(distance(space, one, other) for one, other in combinations(structures, 2))


def test_a_false_alternative_is_found_out(study_file: Path) -> None:
    design = solve(study_file, overrides=["search.alternatives=1"]).design
    assert design is not None
    other = design.alternatives[0]
    lies = {
        "score": other.model_copy(update={"score": other.score + 1}),
        "weights: there is no": other.model_copy(update={"weights": {**other.weights, "ghost": 8}}),
        "structure": other.model_copy(update={"structure": {"stem": {"width": 9}}}),
        "width": other.model_copy(update={"weights": dict.fromkeys(other.weights, -3)}),
        "uses: there is no": other.model_copy(update={"uses": {**other.uses, "ghost": other.uses["flash"]}}),
    }
    for word, lie in lies.items():
        mismatches = recount(design.model_copy(update={"alternatives": (lie,)}))
        assert any(text.startswith("alternative 1") and word in text for text in mismatches), word


def test_nothing_that_fits_is_a_reason(study: Study) -> None:
    terms = terms_of(study, evaluations=30)
    none = replace(terms, refiner=replace(terms.refiner, limits=terms.refiner.limits.but(flash=100)))
    found = evolve(none, None, workers=InProcess(), report=lambda progress: None, started=0.0)
    assert found.best is None
    assert found.reason.startswith("the smallest structure of the space does not fit")
