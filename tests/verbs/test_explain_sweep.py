"""Explanations and sweeps against solves of their own: every number that is said must be found again."""

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from itertools import pairwise, product
from pathlib import Path

import pytest
from typer.testing import CliRunner

import qeopt.infeasibility.network
from qeopt import explain, sweep
from qeopt.cli.verbs import app
from qeopt.design import VerificationError
from qeopt.infeasibility import SpaceMisfit, explain_space, least_need
from qeopt.infeasibility.network import grown
from qeopt.memory import Limits, count
from qeopt.network import Bits, Network
from qeopt.qbr import Refined, Refiner, answers
from qeopt.relaxation.bound import recheck
from qeopt.search import SearchResult, Stop, explore
from qeopt.space import Space, Structure, Task
from qeopt.spec.amounts import parse_amounts, parse_sizes
from qeopt.spec.errors import SpecError
from qeopt.study.load import load_study
from qeopt.verbs.explain import Explanation
from qeopt.verbs.sweep import MOST_POINTS, SweepPoint
from qeopt_solvers import Status

explaining, sweeping = import_module("qeopt.verbs.explain"), import_module("qeopt.verbs.sweep")
"""The modules; the package calls their recipes by the same names."""
KIB = 1024
STUDY = """\
kind: study
task: {{input: [32, 32, 3], classes: 2}}
{subject}:
  widths: non_decreasing
  blocks:
    - {{kind: conv, name: stem, width: {stem}, kernel: 3, stride: 2, weight_bits: 8}}
    - {{kind: k1dwk1, name: b1, stride: 2, {first}}}
    - {{kind: k1dwk1, name: b2, {second}}}
    - {{kind: conv, name: head, width: {head}}}
    - {{kind: classifier}}
device: stm32f412
runtime: cmix-nn
bits: {{weights: [2, 4, 8], activations: [2, 4, 8]}}
budgets: {budgets}
objective: {{kind: qe, stage_weights: {stages}}}
search: {{evaluations: 64}}
"""
NETWORK = STUDY.format(
    subject="network",
    stem=16,
    first="width: 16, ratio: 3, units: 2",
    second="width: 32, ratio: 2",
    head=64,
    budgets="{sram: 14 KiB, flash: 10 KiB}",
    stages="[1, 1]",
)
SPACE = STUDY.format(
    subject="space",
    stem="[8, 16]",
    first="width: [8, 16, 24, 32, 48], kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2]",
    second="stride: 2, width: [16, 32, 48, 64], kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2]",
    head="[64, 96, 128]",
    budgets="{sram: 14 KiB, flash: 16 KiB, layers: 14}",
    stages="[1, 2, 4]",
)
NO_SRAM = ("budgets.sram=5 KiB",)
NEITHER = (*NO_SRAM, "budgets.flash=3 KiB")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(NETWORK, encoding="utf-8")
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(SPACE, encoding="utf-8")
    return path


def refined_with(found: Explanation, extra: Mapping[str, int], engine: str) -> Refined:
    return grown(found.loaded.value.refiner, extra).refine(found.network, engine)


@pytest.mark.parametrize("engine", ["cp_sat", "milp"])
def test_the_least_growth_of_one_budget_is_the_least(net: Path, engine: str) -> None:
    found = explain(net, overrides=NO_SRAM)
    assert found.misfit is not None
    assert found.is_proven
    sram, flash = found.misfit.singles
    assert (sram.names, sram.suffices, sram.proven, sram.engines) == (("sram",), True, True, ("chain", "cp_sat"))
    assert (flash.names, flash.suffices, flash.proven) == (("flash",), False, True)
    more = dict(sram.extra)["sram"]
    assert refined_with(found, {"sram": more - 1}, engine).status is Status.INFEASIBLE
    there = refined_with(found, {"sram": more}, engine)
    assert sram.refined is not None
    assert there.score == pytest.approx(sram.refined.score)
    assert refined_with(found, {"flash": 10**7}, engine).status is Status.INFEASIBLE


def test_a_misfit_names_steps_and_tensors(net: Path) -> None:
    found = explain(net, overrides=NO_SRAM)
    assert found.misfit is not None
    worst = found.misfit.shortages[0]
    assert (worst.kind, worst.step, worst.limit) == ("sram", "stem", 5 * KIB)
    assert worst.needed == sum(resident.size for resident in worst.residents)
    assert {resident.name: resident.bits for resident in worst.residents} == {"image": 8, "stem": 8, "scratch": None}
    assert found.misfit.reason == worst.text == found.proofs[0].reason


@pytest.mark.parametrize("weights", [None, {"sram": KIB, "flash": KIB}, {"sram": 1, "flash": 64}])
def test_the_joint_growth_is_enough_and_nothing_of_it_can_go(net: Path, weights: dict[str, int] | None) -> None:
    found = explain(net, overrides=NEITHER, weights=weights)
    assert found.misfit is not None
    assert [single.suffices for single in found.misfit.singles] == [False, False]
    joint = found.misfit.joint
    assert joint is not None
    assert joint.suffices
    assert joint.proven
    assert dict(found.misfit.weights) == (weights or {"sram": 5, "flash": 3})
    extra = dict(joint.extra)
    assert refined_with(found, extra, "cp_sat").score is not None
    for name, more in extra.items():
        assert refined_with(found, {**extra, name: more - 1}, "cp_sat").status is Status.INFEASIBLE
    fewer = {name: share * (joint.steps - 1) for name, share in found.misfit.weights}
    assert refined_with(found, fewer, "cp_sat").status is Status.INFEASIBLE


def test_totals_that_no_bits_change(net: Path) -> None:
    found = explain(net, overrides=["budgets.macs=5k", "budgets.layers=4"])
    assert found.misfit is not None
    assert [(total.name, total.needed, total.limit) for total in found.misfit.totals] == [
        ("macs", 911_488, 5000),
        ("layers", 11, 4),
    ]
    assert not any(single.suffices for single in found.misfit.singles)
    assert found.misfit.joint is not None
    assert dict(found.misfit.joint.extra) == {"macs": 906_488, "layers": 7}
    alone = explain(net, overrides=["budgets.macs=5k"]).misfit
    assert alone is not None
    assert [(single.names, single.suffices) for single in alone.singles] == [
        (("sram",), False),
        (("flash",), False),
        (("macs",), True),
    ]


def test_no_budget_helps_where_no_bits_are_legal(net: Path) -> None:
    found = explain(net, overrides=["bits.weights=[3]"])
    assert found.misfit is not None
    assert (found.is_proven, found.misfit.singles, found.misfit.joint) == (True, (), None)
    assert "no bits are legal" in found.misfit.reason


def test_buffers_without_addresses_are_told_from_bits_that_do_not_exist(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wasteful(network: Network, runtime: object, bits: Bits, limit_bytes: int, _: tuple[int, ...] = ()) -> int:
        peak = count(network, runtime, bits).sram_bytes  # type: ignore[arg-type]
        return max(math.ceil(peak) + 100 - limit_bytes, 0)

    monkeypatch.setattr(answers, "overflow_bytes", wasteful)
    monkeypatch.setattr(answers, "find_addresses", lambda *asked: wasteful(*asked) == 0)
    monkeypatch.setattr(qeopt.infeasibility.network, "overflow_bytes", wasteful)
    found = explain(net, overrides=NO_SRAM)
    assert found.misfit is not None
    sram, _ = found.misfit.singles
    assert sram.refined is not None
    assert sram.refined.bits is None
    assert dict(sram.with_addresses)["sram"] == dict(sram.extra)["sram"] + 100
    assert refined_with(found, dict(sram.with_addresses), "cp_sat").bits is not None


def test_what_more_buys_is_what_a_sweep_finds(net: Path) -> None:
    found = explain(net)
    assert found.misfit is None
    assert {proof.engine for proof in found.proofs} == {"cp_sat", "chain"}
    for worth in found.worths:
        limit = found.loaded.value.limits[worth.kind]
        before, after, unlimited = (point.score for point in sweep(net, {worth.kind: [limit, limit + KIB, 10**7]}).points)
        assert before == pytest.approx(found.proofs[0].score)
        assert worth.gain is not None
        assert worth.unlimited_gain is not None
        assert after == pytest.approx((before or 0.0) + worth.gain / 1e6, abs=1e-4)
        assert unlimited == pytest.approx((before or 0.0) + worth.unlimited_gain / 1e6, abs=1e-4)
    assert any(worth.gain for worth in found.worths)


def test_the_best_design_of_a_space_and_its_prices(tiny: Path) -> None:
    found = explain(tiny)
    study = found.loaded.value
    assert found.search is not None
    assert found.search.bound is not None
    assert isinstance(study.subject, Space)
    assert found.structure == found.search.best.structure if found.search.best else False
    (part,) = found.search.bound.parts
    price = part.prices["flash"]
    assert price > 0
    more = recheck(study.subject, study.task, grown(study.refiner, {"flash": KIB}), part.prices)
    assert more is not None
    assert more <= found.search.bound.value + KIB * price + 1e-6


def test_a_space_without_designs_is_explained_for_what_comes_nearest(tiny: Path) -> None:
    found = explain(tiny, overrides=["budgets.sram=2 KiB", "budgets.layers=4"])
    study = found.loaded.value
    assert isinstance(study.subject, Space)
    assert found.misfit is not None
    assert found.is_proven
    assert found.space_misfit == explain_space(study.subject, study.task, study.refiner)
    assert found.space_misfit is not None
    assert found.search is None, "where it is proven that nothing fits, nothing is searched"
    assert found.structure == found.space_misfit.structure != study.subject.smallest()
    assert found.misfit.joint is not None
    (change,) = found.changes
    least = change.amounts["sram"]
    assert dict(change.amounts) == {"sram": 2 * KIB + dict(found.misfit.joint.extra)["sram"], "layers": 8}
    assert (change.proven, change.none_alone, change.with_addresses) == (True, True, True)
    for values in product(*(values if gene == "width" else values[:1] for _, gene, values in study.subject.genes)):
        if study.subject.follows_rules(Structure(values)):
            needed = least_need(study.refiner, study.subject.expand(Structure(values), study.task), "sram", Limits())
            assert needed is None or needed >= least
    assert [total.name for total in found.misfit.totals] == ["layers"]
    smallest = study.subject.expand(study.subject.smallest(), study.task)
    of_smallest = qeopt.infeasibility.network.explain_misfit(study.refiner, smallest).joint
    assert of_smallest is not None
    assert dict(found.misfit.joint.extra)["sram"] < dict(of_smallest.extra)["sram"]


def test_a_space_of_which_nothing_is_proven_is_searched(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsure(space: Space, task: Task, refiner: Refiner) -> SpaceMisfit | Structure:
        near = explain_space(space, task, refiner)
        return replace(near, excluded=False, floors=()) if isinstance(near, SpaceMisfit) else near

    monkeypatch.setattr(explaining, "explain_space", unsure)
    found = explain(tiny, overrides=["budgets.flash=2 KiB", "search.evaluations=8"])
    assert found.search is not None
    assert (found.fits, found.is_proven, found.search.best) == (False, False, None)
    assert found.space_misfit is not None
    assert found.structure == found.space_misfit.structure


def test_a_structure_that_fits_is_explained_where_a_search_meets_none(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "explore", lambda *_, **__: SearchResult(None, Stop.EVALUATIONS))
    found = explain(tiny)
    assert isinstance(found.loaded.value.subject, Space)
    assert (found.fits, found.is_proven, found.structure) == (True, True, found.loaded.value.subject.smallest())


def test_weights_are_of_budgets_that_bits_are_under(net: Path) -> None:
    with pytest.raises(SpecError, match="'sram' or 'flash' was expected; did you mean 'sram'"):
        explain(net, weights={"sran": 1})
    with pytest.raises(SpecError, match="no bits change 'macs', which grows by what is missing; 'sram' or 'flash' was"):
        explain(net, weights={"macs": 1})
    with pytest.raises(SpecError, match="at least 1 was expected"):
        explain(net, weights={"sram": 0})


def test_every_point_of_a_sweep_is_a_solve_of_its_own(net: Path) -> None:
    grid = {"sram": [8 * KIB, 9 * KIB, 12 * KIB], "flash": [7 * KIB, 8 * KIB, 10 * KIB]}
    found = sweep(net, grid)
    study = load_study(net).value
    network = study.subject.expand(study.subject.smallest(), study.task)
    assert [dict(point.limits) for point in found.points] == [
        {"sram": sram, "flash": flash} for sram, flash in product(*grid.values())
    ]
    for point in found.points:
        limits = study.limits.but(**point.limits)
        alone = replace(study.refiner, limits=limits).refine(network, "cp_sat")
        assert point.status is alone.status
        assert point.score == pytest.approx(alone.score)
        assert set(point.engines) == {"chain", "cp_sat"}
        assert point.bound == point.score
    assert {point.status for point in found.points} == {Status.OPTIMAL, Status.INFEASIBLE}


def test_a_total_over_its_budget_empties_every_point(net: Path) -> None:
    found = sweep(net, {"sram": [9 * KIB, 12 * KIB]}, overrides=["budgets.macs=5k"])
    assert [(point.status, point.reason) for point in found.points] == [(Status.INFEASIBLE, "911,488 macs, 5,000 are allowed")] * 2


def test_a_sweep_of_a_space_is_proven_and_monotone(tiny: Path) -> None:
    found = sweep(tiny, {"sram": [4 * KIB, 6 * KIB, 9 * KIB, 14 * KIB]}, overrides=["search.evaluations=24"])
    first, *others = found.points
    assert (first.status, first.bound) == (Status.INFEASIBLE, None)
    for before, after in pairwise(others):
        assert before.score is not None
        assert after.score is not None
        assert before.bound is not None
        assert after.bound is not None
        assert before.score <= after.score <= after.bound
        assert before.bound <= after.bound
    for point in others:
        assert point.status is Status.OPTIMAL
        assert point.gap is not None
        assert point.gap < 0.02


def test_a_search_knows_what_tighter_points_found(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[object] = []

    def watched(*arguments: object, seeds: object, **named: object) -> SearchResult:
        known.append(seeds)
        return explore(*arguments, seeds=seeds, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(sweeping, "explore", watched)
    found = sweep(tiny, {"sram": [9 * KIB, 12 * KIB]}, overrides=["search.evaluations=8"])
    assert known == [(), (found.points[0].structure,)]


def test_a_design_of_a_tighter_point_is_kept(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []

    def barren(*arguments: object, **named: object) -> SearchResult:
        searches.append(named)
        found = explore(*arguments, **named)  # type: ignore[arg-type]
        return found if len(searches) == 1 else replace(found, best=None, reason="bad luck")

    monkeypatch.setattr(sweeping, "explore", barren)
    first, second = sweep(tiny, {"sram": [9 * KIB, 12 * KIB]}, overrides=["search.evaluations=8"]).points
    assert (second.carried, second.status, second.score, second.reason) == (True, Status.FEASIBLE, first.score, "")
    assert second.bound is not None
    assert first.bound is not None
    assert second.bound >= first.bound


def test_bounds_of_looser_points_hold_for_tighter_ones(net: Path) -> None:
    point = next(iter(sweep(net, {"sram": [12 * KIB]}).points))
    assert point.score is not None

    def at(sram: int, bound: float, score: float | None = None) -> SweepPoint:
        refined = replace(point.refined, score=score or point.score) if point.refined else None
        return replace(point, limits={"sram": sram}, bound=bound, refined=refined)

    tight, loose = sweeping._tightened([at(1, point.score + 5), at(2, point.score + 3)])
    assert (tight.bound, loose.bound) == (point.score + 3, point.score + 3)
    with pytest.raises(VerificationError, match="is above"):
        sweeping._tightened([at(1, point.score + 5), at(2, point.score - 1, point.score - 2)])
    with pytest.raises(VerificationError, match="is above"):
        sweeping._tightened([at(1, point.score + 5), at(2, point.score + 5, point.score - 2)])


def test_ctrl_c_keeps_the_points_so_far(net: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(done: int, asked: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    found = sweep(net, {"sram": [8 * KIB, 9 * KIB, 12 * KIB]}, reached=stop)
    assert (found.interrupted, len(found.points), found.asked) == (True, 2, 3)

    def interrupted(*arguments: object, **named: object) -> SearchResult:
        return SearchResult(None, Stop.INTERRUPTED)

    monkeypatch.setattr(sweeping, "explore", interrupted)
    found = sweep(tiny, {"sram": [9 * KIB]})
    assert (found.interrupted, found.points) == (True, ())


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({}, "a sweep needs a range of a budget"),
        ({"sram": []}, "a sweep needs a range of a budget"),
        ({"ram": [1]}, "there is no budget 'ram'; .* did you mean 'sram'"),
        ({"sram": [0]}, "a limit of 'sram' is 0; at least 1 was expected"),
        ({"sram": range(1, 34), "flash": range(1, 34)}, rf"a sweep of 1,089 points \(33 sram x 33 flash\); at most {MOST_POINTS}"),
    ],
)
def test_grids_that_are_refused(net: Path, grid: dict[str, list[int]], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        sweep(net, grid)


def test_ranges() -> None:
    assert parse_sizes("128KiB:512KiB:128KiB", "--sram") == (128 * KIB, 256 * KIB, 384 * KIB, 512 * KIB)
    assert parse_sizes("1 KiB:3000 B:1 KiB", "--sram") == (KIB, 2 * KIB)
    assert parse_sizes("2MiB, 1.5KiB,2MiB", "--sram") == (1536, 2048 * KIB)
    assert parse_amounts(["sram=1KiB", "bitops = 1.5M"], "--weight", ["sram"], ["bitops"]) == {"sram": KIB, "bitops": 1_500_000}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("128:512:32", "--sram 128:512:32: '128' has no unit; write 128 B or 128 KiB"),
        ("128KiB:512KiB", "START:STOP:STEP such as 128KiB:512KiB:32KiB, or a list"),
        ("128kB,1MiB", "'128kB' could mean 128,000 or 131,072 bytes; write 128000 B or 128 KiB"),
        ("512KiB:128KiB:32KiB", "this one stops before it starts"),
        ("128KiB:512KiB:0KiB", "more than zero was expected"),
        ("1KiB:1GiB:1KiB", "these are 1,048,576 values; at most 256 were expected: take a longer step"),
        ("", "a size such as"),
        ("8KiB,,9KiB", "a size such as"),
    ],
)
def test_ranges_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_sizes(text, "--sram")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["sram"], "NAME=AMOUNT was expected"),
        (["srm=1KiB"], "there is no 'srm'; 'sram' or 'bitops' was expected; did you mean 'sram'?"),
        (["sram=1KiB", "sram=2KiB"], "'sram' is given twice"),
        (["sram=1"], "'1' has no unit"),
        (["bitops=x"], "a count such as"),
    ],
)
def test_amounts_that_are_refused(texts: list[str], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_amounts(texts, "--weight", ["sram"], ["bitops"])
    assert said in str(caught.value)


@pytest.mark.parametrize("page", ["explain.md", "sweep.md"])
def test_the_code_on_the_pages_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    scope: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):  # one after the other, as they are read
        exec(compile(code, page, "exec"), scope)


@pytest.mark.parametrize("block", [pytest.param(0, marks=pytest.mark.slow), 1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_commands_on_the_page_say_what_they_said(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")
    command, *lines = re.findall(r"^\$ (qeopt (?:check|explain) .*(?:\n[^`$\n].*)*)", text, re.MULTILINE)[block].splitlines()
    monkeypatch.delenv("QEOPT_PATH", raising=False)
    monkeypatch.setenv("COLUMNS", "500")
    patience = ["--time-limit", "600"] if "explain" in command else []  # a busy machine proves the same, later
    result = CliRunner().invoke(app, shlex.split(command)[1:] + patience)
    assert result.exit_code == 1
    assert len(lines) > 2
    said = [line.rstrip() for line in result.stdout.splitlines()]
    assert [line for line in said if line in lines][: len(lines)] == lines
    assert {line for line in said if line.startswith("error")} <= set(lines)
