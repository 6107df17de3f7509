"""The end of a search: a space whose bound stays above its best design is divided until it does not. About 5 seconds."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from qeopt.design import Design
from qeopt.design.verify import verify
from qeopt.qbr import NEVER
from qeopt.relaxation.bound import best_bits, bound_of
from qeopt.search import closing, explore
from qeopt.search.closing import close_gap
from qeopt.search.island import Terms
from qeopt.search.result import Best
from qeopt.search.watch import Watch
from qeopt.study.load import load_study
from qeopt.verbs.solve import Solution, solve
from qeopt_solvers import Status


@pytest.fixture(scope="module")
def solution() -> Solution:
    """Dense layers on a small chip: code of kernels takes much of the flash there, and no price of flash knows it."""
    return solve("ad_128k", overrides=["search.baselines=[]", "search.evaluations=400"])


def gap(design: Design) -> float:
    assert design.bound is not None
    return (design.bound - design.score) / design.score


def test_the_space_is_divided_until_the_bound_is_near(solution: Solution, monkeypatch: pytest.MonkeyPatch) -> None:
    assert solution.design is not None
    assert solution.design.space_certificate is not None
    parts = solution.design.space_certificate.parts
    assert gap(solution.design) <= closing.GAP
    assert any(part.exact for part in parts)
    assert any(part.prices for part in parts)
    assert solution.histories["study"][-1].bound == solution.design.bound
    monkeypatch.setattr(closing, "GAP", 1.0)
    undivided = solve("ad_128k", overrides=["search.baselines=[]", "search.evaluations=400"]).design
    assert undivided is not None
    assert gap(undivided) > 2 * gap(solution.design)
    assert undivided.score <= solution.design.score


def test_its_certificate_is_verified(solution: Solution, tmp_path: Path) -> None:
    """A lower bound, and a claim that one structure is all there is, are found out."""
    design = solution.design
    assert design is not None
    assert design.space_certificate is not None
    assert design.bound is not None
    path = tmp_path / "design.json"

    def mismatches(claimed: Design) -> tuple[str, ...]:
        claimed.save(path)
        return verify(path).mismatches

    assert mismatches(design) == ()
    lower = design.model_copy(update={"bound": (design.bound + design.score) / 2})
    assert any("the certificate proves" in said for said in mismatches(lower))
    certificate = design.space_certificate
    parts = tuple(part if part.exact else part.model_copy(update={"exact": True, "prices": {}}) for part in certificate.parts)
    forged = design.model_copy(update={"space_certificate": certificate.model_copy(update={"parts": parts})})
    assert any("the certificate proves" in said for said in mismatches(forged))


def test_a_better_design_that_is_met_on_the_way_is_taken() -> None:
    """Told of a search that ended at its smallest structure, the division comes to the best one."""
    study = load_study("ad_128k", overrides=["search.evaluations=400"]).value
    assert study.space is not None
    refiner = study.refiner.scouting()
    found = explore(study.space, study.task, refiner, study.search, closes=False)
    assert found.best is not None
    small = study.space.smallest()
    bits = refiner.refine(study.space.expand(small, study.task))
    assert bits.score is not None
    poor = replace(found, best=Best(small, bits, bits.score))
    terms = Terms(study.space, study.task, refiner, study.search)
    closed = close_gap(terms, poor, Watch(lambda progress: None, 0.0, study.search, NEVER))
    assert closed.best is not None
    assert closed.bound is not None
    assert bits.score < closed.best.score <= closed.bound.value
    assert closed.best.score == pytest.approx(found.best.score, rel=closing.GAP)
    assert closed.history[-1].best_score == closed.best.score


def test_what_best_bits_prove_of_their_structure() -> None:
    study = load_study("ad_128k").value
    assert study.space is not None
    found = best_bits(study.space, study.task, study.refiner, study.space.smallest(), "chain")
    assert found is not None
    assert found.bound is not None
    proven = bound_of(found)
    assert proven == pytest.approx(found.bound)
    assert bound_of(replace(found, status=Status.FEASIBLE, bound=found.bound + 1)) == pytest.approx(found.bound + 1)
    assert bound_of(replace(found, status=Status.UNKNOWN, bound=None)) is None
    assert bound_of(replace(found, status=Status.INFEASIBLE, bound=None)) == -math.inf
    few = study.refiner.limits.but(layers=1)
    assert best_bits(study.space, study.task, replace(study.refiner, limits=few), study.space.smallest()) is None


def test_a_space_is_divided_before_the_search_only_where_a_study_says_so() -> None:
    """Half of the time is in two layers on this core, so the bound of the whole space is far above every design."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for branches in ("null", "8"):
        overrides = [f"search.branches={branches}", "search.evaluations=200", "search.walks=10", "search.baselines=[]"]
        history = solve("vww_5fps", overrides=["device=nrf52832", *overrides]).histories["study"]
        first[branches], last[branches] = history[0].bound or math.inf, history[-1].bound or math.inf
    assert first["8"] < 0.99 * first["null"]
    assert last["null"] < 0.99 * first["null"]
