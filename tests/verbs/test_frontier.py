"""The frontier of one network against every assignment of bits."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.design import VerificationError
from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.memory.arena import find_addresses
from qeopt.network import Bits, Network
from qeopt.qbr import PROVER, BitChoices, Impossible, QbrSettings, Refiner
from qeopt.qbr.rows import RowBuilder
from qeopt.score import QEScore, evaluate
from qeopt.space import Structure
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt.verbs.frontier import SAME, _Walk, frontier
from qeopt_solvers import AllocationProblem, Outcome, Row, Status, recount
from qeopt_solvers import Limits as SolveLimits
from qeopt_solvers.recount import violations
from qeopt_solvers.turned import least_use

STUDY = """\
kind: study
task: {input: [8, 8, 1], classes: 3}
network:
  blocks:
    - {kind: conv, name: stem, width: 8, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, width: 8, kernel: 3, ratio: 1.5}
    - {kind: conv, name: head, width: 12}
    - {kind: classifier}
runtime: ideal
budgets: {sram: 320 B, flash: unlimited}
bits: {weights: [2, 4, 8], activations: [4, 8]}
objective: {kind: qe}
"""

CHAIN = """\
kind: study
task: {{input: [6, 6, 2], classes: 3}}
network:
  blocks:
    - {{kind: conv, name: c1, width: 4, kernel: 3}}
    - {{kind: conv, name: c2, width: 16, kernel: 1, stride: 2}}
    - {{kind: conv, name: c3, width: 4, kernel: 3}}
    - {{kind: conv, name: c4, width: 8, kernel: 3, stride: 2}}
    - {{kind: conv, name: c5, width: 24, kernel: 1}}
    - {{kind: classifier}}
runtime: mpic
budgets: {{sram: unlimited, flash: unlimited}}
bits: {{weights: {widths}, activations: [2, 8]}}
objective: {{kind: sensitivity, weights: {weights}, activations: {activations}}}
qbr: {{scout: {scout}}}
"""
"""Losses are drawn at random, so that no bits are best at everything."""

PAIRS = (
    ("flash", "bitops"), ("flash", "latency_ms"), ("energy_uj", "flash"), ("bitops", "latency_ms"), ("sram", "flash"),
    ("bitops", "sram"), ("sram", "latency_ms"),
)  # fmt: skip
COUNTED = {"latency_ms": "cycles", "energy_uj": "picojoules"}

Amounts = tuple[int, int]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def random_losses(rng: Random, names: Sequence[str]) -> str:
    """Losses that fall with the bits, by name, as a study has them."""
    drawn = ([round(rng.uniform(0, 1), 3) for _ in range(2)] for _ in names)
    by_name = {name: {"2": round(sum(steps), 3), "4": steps[0], "8": 0.0} for name, steps in zip(names, drawn, strict=True)}
    return json.dumps(by_name)


def write_chain(folder: Path, seed: int, scout: str = "chain", widths: str = "[2, 4, 8]") -> Path:
    """Write a study of the chain with losses by `seed`."""
    rng = Random(seed)
    weights, activations = random_losses(rng, ("c1", "c2", "c3", "c4", "c5")), random_losses(rng, ("image", "c1", "c2", "c3", "c4"))
    path = folder / "net.yaml"
    text = CHAIN.format(widths=widths, weights=weights, activations=activations, scout=scout)
    path.write_text(text, encoding="utf-8")
    return path


def every_need(study: Study, axes: Sequence[str]) -> list[tuple[Amounts, float]]:
    """What all bits that fit need of two budgets, and what they score."""
    network = study.subject.expand(study.subject.smallest(), study.task)
    held = study.refiner.limits.but(**{COUNTED.get(name, name): None for name in axes})
    terms = replace(study.refiner, limits=held.but(sram=None, flash=None))
    compiled = terms.compile(network)
    assert not isinstance(compiled, Impossible)

    def need(name: str, used: Mapping[str, float], bits: Bits) -> int:
        amount = math.ceil(used[COUNTED.get(name, name)])
        while name == "sram" and not find_addresses(network, study.runtime, bits, amount, terms.rooms):
            amount += 1
        return amount

    found = []
    for picks in product(*(range(len(choice.labels)) for choice in compiled.problem.choices)):
        if violations(compiled.problem, picks):
            continue
        bits = compiled.bits(picks)
        used = count(network, study.runtime, bits).used
        if all(used[name] <= limit for name, limit in held.items()):
            first, second = (need(name, used, bits) for name in axes)
            found.append(((first, second), evaluate(study.objective, network, bits)))
    return found


def unbeaten(needs: Sequence[tuple[Amounts, float]], floor: float | None) -> dict[Amounts, float]:
    """What no others beat, with the highest score within it."""
    enough = [(need, score) for need, score in needs if floor is None or score >= floor]
    points: dict[Amounts, float] = {}
    least = math.inf
    for (first, second), _ in sorted(enough):
        if second < least:
            least = second
            points[first, second] = max(score for (one, other), score in enough if one <= first and other <= second)
    return points


@pytest.mark.parametrize("over", ["flash", "bitops"])
def test_the_frontier_is_that_of_all_assignments(over: str, study: Path) -> None:
    loaded = load_study(study).value
    network = loaded.subject.expand(loaded.subject.smallest(), loaded.task)
    compiled = loaded.refiner.compile(network)
    assert not isinstance(compiled, Impossible)
    every = []
    for picks in product(*(range(len(choice.labels)) for choice in compiled.problem.choices)):
        if not violations(compiled.problem, picks):
            bits = compiled.bits(picks)
            every.append((count(network, loaded.runtime, bits).used[over], round(evaluate(loaded.objective, network, bits), 6)))
    best: dict[int, float] = {}
    for used, score in sorted(set(every)):
        if not best or score > max(best.values()):
            best[int(used)] = score
    assert len(best) > 8
    found = frontier(study, over, most=500)
    assert {point.limits[over]: round(point.score or 0.0, 6) for point in found.points} == best
    assert found.note.startswith("the whole frontier")
    assert found.frontier == (over, "score")


@settings(derandomize=True, deadline=None, max_examples=6)
@given(
    seed=st.integers(0, 10**6),
    axes=st.sampled_from(PAIRS),
    floor=st.one_of(st.none(), st.floats(-3.5, -0.3)),
    scout=st.sampled_from(("chain", "cp_sat")),
)
def test_the_frontier_of_two_budgets_is_that_of_all_assignments(
    tmp_path_factory: pytest.TempPathFactory, seed: int, axes: tuple[str, str], floor: float | None, scout: str
) -> None:
    check_two_budgets(tmp_path_factory.mktemp("frontier"), seed, axes, floor, scout)


def check_two_budgets(
    folder: Path, seed: int, axes: tuple[str, str], floor: float | None, scout: str = "chain", widths: str = "[2, 8]"
) -> int:
    """Compare a frontier with that of all assignments, and return its number of points."""
    path = write_chain(folder, seed, scout, widths)
    needs = every_need(load_study(path).value, axes)
    expected = unbeaten(needs, floor)
    found = frontier(path, *axes, floor=floor, most=500)
    names = [COUNTED.get(name, name) for name in axes]
    points = {(point.limits[names[0]], point.limits[names[1]]): point.score or 0.0 for point in found.points}
    assert points == pytest.approx(expected, abs=1e-5)
    assert all(point.status is Status.OPTIMAL and "cp_sat" in point.engines for point in found.points)
    assert found.note == "the whole frontier: nothing between these points uses less of one without more of the other, proven"
    return len(points)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "axes", "floor", "count"), [(4, ("flash", "latency_ms"), -2.5, 7), (1, ("sram", "flash"), -3.0, 4)]
)
def test_a_longer_frontier_of_two_budgets(tmp_path: Path, seed: int, axes: tuple[str, str], floor: float, count: int) -> None:
    assert check_two_budgets(tmp_path, seed, axes, floor, widths="[2, 4, 8]") == count


@pytest.mark.slow
def test_code_of_kernels_is_counted_in_the_flash_of_a_point(tmp_path: Path) -> None:
    """The sum over operators is 188 B short of it at one of these points."""
    path = tmp_path / "net.yaml"
    changes = {"runtime: ideal": "runtime: qeopt-c\ndevice: stm32f412", "320 B, flash: unlimited": "unlimited"}
    text = STUDY
    for old, new in changes.items():
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    expected = unbeaten(every_need(load_study(path).value, ("sram", "flash")), None)
    found = frontier(path, "sram", "flash", most=500)
    assert {(point.limits["sram"], point.limits["flash"]): point.score for point in found.points} == pytest.approx(expected)


def test_without_a_tie_break_no_beaten_points_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flash leaves bits of activations open, and engines take any of them."""
    monkeypatch.setattr(RowBuilder, "traffic_terms", lambda self: ())
    check_two_budgets(tmp_path, 9, ("sram", "flash"), -2.0)


def test_a_wrong_engine_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first engine is made to answer with the least of the wrong budget."""

    def wrong(problem: AllocationProblem, costs: tuple[Row, ...], engine: str, limits: SolveLimits | None) -> Outcome:
        if engine == PROVER:
            return least_use(problem, costs, engine, limits)
        found = least_use(problem, costs[::-1], engine, limits)
        used = None if found.picks is None else -(recount.usage(problem, costs[0], found.picks) or 0)
        return replace(found, value=used, bound=used)

    monkeypatch.setattr("qeopt.qbr.choose.least_use", wrong)
    with pytest.raises(VerificationError, match="cp_sat finds bits that beat a point of the frontier"):
        check_two_budgets(tmp_path, 1, ("flash", "bitops"), -3.0)


def test_fewer_points_of_two_budgets_are_spread_over_the_frontier(tmp_path: Path) -> None:
    """The floor ends this one far above the least flash of all bits."""
    path = write_chain(tmp_path, 4)
    whole = [dict(point.limits) for point in frontier(path, "flash", "latency_ms", floor=-2.5).points]
    some = frontier(path, "flash", "latency_ms", floor=-2.5, most=4)
    assert len(whole) == 7
    assert some.note.startswith("points of the frontier, at least")
    assert 3 <= len(some.points) <= 5
    assert all(dict(point.limits) in whole for point in some.points)


@pytest.mark.parametrize("widths", [(8,), (2, 8), (4, 7, 8)])
def test_points_over_sram_have_addresses(
    widths: tuple[int, ...], runtimes: Mapping[str, Runtime], random_graph: Callable[[Random], Network]
) -> None:
    """A graph whose buffers, at 8 bits, need 213 bytes where 208 are live at most."""
    network, runtime = random_graph(Random(1813)), runtimes["shared_scratch"]
    choices = BitChoices(weights=(8,), activations=widths)
    terms = Refiner(runtime, Limits(), choices, build(QEScore, {}), QbrSettings())
    compiled = terms.compile(network)
    assert not isinstance(compiled, Impossible)
    expected: dict[int, float] = {}
    every = []
    for picks in product(*(range(len(choice.labels)) for choice in compiled.problem.choices)):
        bits = compiled.bits(picks)
        need = math.ceil(count(network, runtime, bits).sram_bytes)
        while not find_addresses(network, runtime, bits, need):
            need += 1
        every.append((need, -evaluate(terms.objective, network, bits)))
    for need, loss in sorted(every):
        if not expected or -loss > max(expected.values()) + SAME:
            expected[need] = -loss
    points, _ = _Walk(terms, Structure(()), network, "sram", "score", None, 500, None).down(1)
    assert {point.limits["sram"]: point.score for point in points} == pytest.approx(expected)
    live = [
        point.refined.resources.sram_bytes for point in points if point.refined is not None and point.refined.resources is not None
    ]
    assert max(live) < max(expected)


def test_equal_points_are_beaten_by_the_one_that_uses_less(study: Path) -> None:
    """Flash alone leaves the bits of activations open: of all bits with the least of it, those with the fewest bit operations."""
    found = frontier(study, "bitops", "flash")
    needs = every_need(load_study(study).value, ("flash", "bitops"))
    least = min(flash for (flash, _), _ in needs)
    assert found.points[-1].limits == {"flash": least, "bitops": min(work for (flash, work), _ in needs if flash == least)}
    assert found.frontier == ("bitops", "flash")


def test_ctrl_c_keeps_the_points_so_far(study: Path) -> None:
    whole = {point.limits["flash"] for point in frontier(study, "flash").points}

    def stop(done: int, most: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    some = frontier(study, "flash", reached=stop)
    assert some.interrupted
    assert len(some.points) == 3
    assert {point.limits["flash"] for point in some.points} <= whole
    assert not some.note.startswith("the whole")


def test_engines_that_stop_early_prove_nothing(study: Path) -> None:
    with pytest.raises(SpecError, match="no bits were found, and it is not proven that there are none: stopped by its limits"):
        frontier(study, "flash", "bitops", overrides=("qbr.deterministic_limit=1e-9", "qbr.scout=cp_sat"))


def test_fewer_points_are_on_the_frontier_still(study: Path) -> None:
    whole = {point.limits["flash"]: point.score for point in frontier(study, "flash", most=500).points}
    some = frontier(study, "flash", most=6)
    assert 2 <= len(some.points) <= 7
    assert all(whole[point.limits["flash"]] == pytest.approx(point.score) for point in some.points)
    assert some.note.startswith("points of the frontier, at least")


@pytest.mark.parametrize(
    ("axes", "floor", "said"),
    [
        (("flesh",), None, r"--frontier flesh: .*'latency_ms'.* was expected; did you mean 'flash'"),
        (("flash", "flash"), None, "--frontier flash,flash: one budget, or two different axes such as flash,bitops, were expected"),
        (("score",), None, "--frontier score: one budget, or two different axes"),
        (("flash", "sram", "bitops"), None, "one budget, or two different axes"),
        (("flash", "macs"), None, "--frontier macs: no bits change it, so it has no frontier"),
        (("layers",), None, "--frontier layers: no bits change it"),
        (("latency_ms",), None, "--frontier latency_ms: `latency_ms` needs an estimate, and the runtime 'ideal' has no `latency`"),
        (("flash",), 3.0, "--floor: holds where neither axis is the score: --frontier flash,bitops"),
        (("flash", "bitops"), 1e3, r"--floor 1000: the best bits score \d+\.\d+; no more than that was expected"),
    ],
)
def test_what_is_refused(axes: tuple[str, ...], floor: float | None, said: str, study: Path) -> None:
    with pytest.raises(SpecError, match=said):
        frontier(study, *axes, floor=floor)


def test_a_frontier_is_of_one_network() -> None:
    with pytest.raises(SpecError, match="is of a space; a frontier is of the bits of one network"):
        frontier("vww_256k", "flash")
