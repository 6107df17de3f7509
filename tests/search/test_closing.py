"""The end of a search: a space whose bound stays above its best design is divided until it does not. About 5 seconds."""

from pathlib import Path

import pytest

from qeopt.design import Design
from qeopt.design.verify import verify
from qeopt.search import closing
from qeopt.verbs.solve import Solution, solve


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
