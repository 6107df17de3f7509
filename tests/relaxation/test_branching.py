"""A space divided by values of its genes: the bound stays above every design, and its parts leave none out."""

import math
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.design.build import describe_certificate
from qeopt.design.verify.space import certificate_faults, is_whole
from qeopt.network import macs
from qeopt.relaxation.bound import JointBound, best_bits, bound_of, bound_space, closed, joint, recheck
from qeopt.space import Space, Task
from qeopt.space.restrict import Where, covers, restricted
from qeopt.spec.model import build
from qeopt.testing.bounds import best_of_all
from qeopt.testing.small_studies import SmallStudy, small_study, structures

SPACE = build(
    Space,
    {
        "widths": "non_decreasing",
        "blocks": [
            {"kind": "conv", "name": "stem", "width": [8, 16, 24], "kernel": 3, "stride": 2},
            {"kind": "separable", "name": "b1", "width": [8, 16], "kernel": [3, 5], "units": [1, 2, 3]},
            {"kind": "classifier"},
        ],
    },
)


def timed(seed: int) -> SmallStudy:
    """A small study with a limit of MACs that binds some of its structures, and nothing else: one price is all there is."""
    study = small_study(seed)
    used = sorted(
        sum(int(macs(op)) for op in study.space.expand(structure, study.task).ops) for structure in structures(study.space)
    )
    limits = study.refiner.limits.but(macs=used[len(used) // 3])
    return replace(study, refiner=replace(study.refiner, limits=limits))


def divided(study: SmallStudy, monkeypatch: pytest.MonkeyPatch) -> JointBound:
    """The bound of a space that is divided as long as anything is to be had from it."""
    for name in ("FAR", "NEAR"):
        monkeypatch.setattr(joint, name, 0.0)

    def score(structure: Any) -> float | None:
        refined = study.refiner.refine(study.space.expand(structure, study.task))
        fits = refined.resources is not None and all(use.fits for use in study.refiner.limits.uses(refined.resources))
        return refined.score if fits else None

    found = bound_space(study.space, study.task, study.refiner, tolerance=1e-6, most_walks=30, score=score, branches=12)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", [2, 3, *(pytest.param(seed, marks=pytest.mark.long) for seed in (0, 1, *range(4, 24)))])
def test_no_design_is_above_the_parts(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    study = timed(seed)
    whole = bound_space(study.space, study.task, study.refiner, tolerance=1e-6, most_walks=30)
    found = divided(study, monkeypatch)
    best = best_of_all(study)
    assert whole is not None
    assert found.value >= (-math.inf if best is None else best) - 1e-9
    assert covers(study.space, [part.where for part in found.parts])
    for part in found.parts if found.is_branched else ():
        proven = recheck(restricted(study.space, part.where), study.task, study.refiner, part.prices)
        assert proven == pytest.approx(part.value, rel=1e-8)
    if seed in {2, 3}:  # spaces with designs that no single price of time reaches
        assert found.value < whole.value - 0.01 * abs(whole.value)


def test_a_certificate_without_a_part_leaves_designs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    study = timed(3)
    found = divided(study, monkeypatch)
    certificate = describe_certificate(found.parts, found.left_out)
    assert certificate_faults("space", certificate, study.space, study.refiner) == []
    for place in range(len(found.parts)):
        less = certificate.model_copy(update={"parts": certificate.parts[:place] + certificate.parts[place + 1 :]})
        assert not is_whole(less, study.space)
    strange = certificate.parts[0].model_copy(update={"where": {"nonesuch": {"width": (8,)}}})
    assert not is_whole(certificate.model_copy(update={"parts": (strange, *certificate.parts)}), study.space)


GENES = [(block, gene, values) for block, gene, values in SPACE.genes if len(values) > 1]


@st.composite
def wheres(draw: st.DrawFn) -> Where:
    found: dict[str, dict[str, tuple[int | float, ...]]] = {}
    for block, gene, values in GENES:
        kept = draw(st.sets(st.sampled_from(values)))
        if kept:
            found.setdefault(block, {})[gene] = tuple(sorted(kept))
    return found


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(wheres(), min_size=1, max_size=6))
def test_covering_is_that_of_every_structure(parts: list[Where]) -> None:
    def is_in(choice: tuple[int | float, ...], part: Where) -> bool:
        return all(
            value in part.get(block, {}).get(gene, values) for (block, gene, values), value in zip(GENES, choice, strict=True)
        )

    every = product(*(values for _, _, values in GENES))
    assert covers(SPACE, parts) == all(any(is_in(choice, part) for part in parts) for choice in every)


def test_a_part_has_the_structures_of_the_whole() -> None:
    task = Task(input=(16, 16, 3), classes=2)
    part = restricted(SPACE, {"b1": {"units": (2, 3)}, "stem": {"width": (16,)}})
    assert part.size == SPACE.size / 3 * 2 / 3
    smallest = part.smallest()
    assert SPACE.named(smallest)["b1"]["units"] == 2
    assert SPACE.expand(smallest, task) == part.expand(smallest, task)
    assert restricted(SPACE, {}) is SPACE
    for wrong in ({"b2": {"units": (1,)}}, {"b1": {"ratio": (1,)}}, {"b1": {"units": (7,)}}):
        with pytest.raises(ValueError, match=r"."):
            restricted(SPACE, wrong)


@pytest.mark.parametrize("seed", [2, 3, *(pytest.param(seed, marks=pytest.mark.long) for seed in (0, 1, *range(4, 24)))])
def test_a_space_is_divided_down_to_single_structures(seed: int) -> None:
    """Then its bound is the best score, whatever the walks leave out; and another engine proves the same of every part."""
    study = timed(seed)
    best = best_of_all(study)
    whole = bound_space(study.space, study.task, study.refiner, tolerance=1e-6, most_walks=30)
    assert whole is not None
    assert best is not None
    found = closed(
        whole,
        study.space,
        study.task,
        study.refiner,
        best,
        gap=0.0,
        tolerance=1e-6,
        most_walks=4,
        branches=1000,
        refine=lambda structure: best_bits(study.space, study.task, study.refiner, structure),
    )
    assert found.value == pytest.approx(best, rel=1e-6)
    assert found.value >= best
    assert is_whole(describe_certificate(found.parts, found.left_out), study.space)
    assert any(part.exact for part in found.parts)
    for part in found.parts:
        inner = restricted(study.space, part.where)
        if part.exact:
            assert inner.size == 1
            proven = bound_of(best_bits(inner, study.task, study.refiner, inner.smallest(), "cp_sat"))
        else:
            proven = recheck(inner, study.task, study.refiner, part.prices)
        assert proven == pytest.approx(part.value, rel=1e-8)
