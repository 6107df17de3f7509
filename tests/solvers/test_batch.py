"""Knapsacks by the batch against brute force and against the engine, one by one. About 8 seconds."""

from __future__ import annotations

from dataclasses import fields
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt_solvers import AllocationProblem, Limits, Outcome, Status, recount
from qeopt_solvers.chains import batch
from qeopt_solvers.chains.batch import Answers, solve_batch
from qeopt_solvers.chains.distinct import Items
from qeopt_solvers.chains.numbers import NEVER, Ints
from qeopt_solvers.engines import chain
from qeopt_solvers.solve import solve, solve_many
from qeopt_solvers.testing.networks import inverted_residuals, network_problem
from qeopt_solvers.testing.problems import Recipe, random_problem


def random_batch(seed: int, *, problems: int, places: int, top: int) -> tuple[Ints, Ints, np.ndarray, Ints, Ints]:
    """Gains, costs and live options of items; the items of each problem; the limits, from too tight to loose."""
    rng = np.random.default_rng(seed)
    items, options = int(rng.integers(1, 6)), int(rng.integers(1, 5))
    gains = rng.integers(-top, top, (items, options))
    costs = rng.integers(0, top, (items, options))
    alive = rng.random((items, options)) < 0.8
    alive[:, 0] |= ~alive.any(axis=1)
    which = rng.integers(0, items, (problems, places))
    least = np.where(alive, costs, 1 << 40).min(axis=1)[which].sum(axis=1)
    most = np.where(alive, costs, 0).max(axis=1)[which].sum(axis=1)
    limits = least + ((most - least) * rng.uniform(-0.2, 1.1, problems)).astype(np.int64)
    return gains, costs, alive, which, limits


def best_by_hand(gains: Ints, costs: Ints, alive: np.ndarray, which: Ints, limit: int) -> tuple[int, int] | None:
    """Most gain, then least cost, by trying everything."""
    options = [[column for column in range(gains.shape[1]) if alive[item, column]] for item in which]
    found = []
    for picks in product(*options):
        cost = int(costs[which, picks].sum())
        if cost <= limit:
            found.append((int(gains[which, picks].sum()), -cost))
    return max(found, default=None)


def check(found: Answers, gains: Ints, costs: Ints, alive: np.ndarray, which: Ints, limits: Ints) -> None:
    assert not found.unanswered.any()
    for number, (items, limit) in enumerate(zip(which, limits.tolist(), strict=True)):
        expected = best_by_hand(gains, costs, alive, items, limit)
        assert found.feasible[number] == (expected is not None)
        if expected is None:
            assert found.value[number] == NEVER
            continue
        assert (found.value[number], -found.cost[number]) == expected
        picks = found.options[number]
        assert alive[items, picks].all()
        assert gains[items, picks].sum() == found.value[number]
        assert costs[items, picks].sum() == found.cost[number]


@given(seed=st.integers(0, 10**9), places=st.integers(1, 6), top=st.sampled_from((3, 30, 10**6)))
@settings(derandomize=True, deadline=None, max_examples=250)
def test_every_answer_is_what_brute_force_finds(seed: int, places: int, top: int) -> None:
    gains, costs, alive, which, limits = random_batch(seed, problems=5, places=places, top=top)
    check(solve_batch(Items.of(gains, costs, alive), which, limits), gains, costs, alive, which, limits)


def test_problems_do_not_disturb_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    gains, costs, alive, which, limits = random_batch(4, problems=60, places=12, top=10**6)
    items = Items.of(gains, costs, alive)
    together = solve_batch(items, which, limits)
    for name, few in (("TOGETHER", 7), ("MOST_NUMBERS", 100)):
        monkeypatch.setattr(batch, name, few)
        apart = solve_batch(items, which, limits)
        for field in fields(Answers):
            assert (getattr(together, field.name) == getattr(apart, field.name)).all()
    alone = [solve_batch(items, which[[number]], limits[[number]]) for number in range(60)]
    assert together.value.tolist() == [int(one.value[0]) for one in alone]
    assert 5 < together.feasible.sum() < 60


def hard(problems: int) -> tuple[Items, Ints, Ints]:
    """Gains that follow costs closely: windows hold many labels."""
    rng = np.random.default_rng(7)
    costs = np.sort(rng.integers(1, 10**6, (24, 3)), axis=1)
    gains = costs + rng.integers(0, 200_000, costs.shape)
    which = np.tile(np.arange(24), (problems, 1))
    limits = np.linspace(costs[:, 0].sum(), costs[:, 2].sum(), problems + 2).astype(np.int64)[1:-1]
    return Items.of(gains, costs, np.ones(costs.shape, dtype=bool)), which, limits


def test_too_many_labels_split_the_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    items, which, limits = hard(8)
    expected = solve_batch(items, which, limits)
    assert not expected.unanswered.any()
    held: list[int] = []
    within = batch._Labels._within  # to see how many labels there are

    def watched(self: object, owner: Ints, *rest: object) -> object:
        held.append(len(owner))
        return within(self, owner, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(batch._Labels, "_within", watched)
    solve_batch(items, which, limits)
    most = max(held)
    monkeypatch.setattr(batch, "MOST_LABELS", most // 2)
    held.clear()
    split = solve_batch(items, which, limits)
    assert max(held) <= most // 2
    assert (split.value == expected.value)[~split.unanswered].all()
    assert not split.unanswered.all()


def test_a_problem_that_is_too_large_by_itself_is_left_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    items, which, limits = hard(3)
    monkeypatch.setattr(batch, "MOST_LABELS", 3)
    found = solve_batch(items, which, limits)
    assert found.unanswered.any()
    assert (found.value[found.unanswered] == NEVER).all()
    assert found.feasible.all()


def test_nothing_to_answer() -> None:
    items, which, limits = hard(2)
    found = solve_batch(items, which[:0], limits[:0])
    assert len(found.value) == len(found.options) == 0


def same(problem: AllocationProblem, together: Outcome, alone: Outcome) -> None:
    assert (together.status, together.value, together.bound) == (alone.status, alone.value, alone.bound)
    assert together.ties_proven == alone.ties_proven
    if together.picks is not None and alone.picks is not None:
        assert recount.key(problem, together.picks) == recount.key(problem, alone.picks)
    if together.status is Status.OPTIMAL and together.certificate is not None:
        proven = recount.priced_bound(problem, together.certificate)
        assert proven is not None
        assert together.value is not None
        assert together.value <= proven <= together.certificate.bound


@pytest.mark.parametrize("largest", [9, 10**5])
def test_the_engine_answers_many_as_one_by_one(largest: int) -> None:
    recipe = Recipe(choices=(1, 12), links=(0, 1), local_rows=(0, 2), total_rows=(1, 1), largest=largest)
    problems = [random_problem(seed, recipe) for seed in range(150)]
    for problem, outcome in zip(problems, solve_many(problems, "chain"), strict=True):
        same(problem, outcome, solve(problem, "chain"))


def networks() -> list[AllocationProblem]:
    return [
        network_problem(inverted_residuals(), (2, 4, 8), sram_bytes=sram * 1024, flash_bytes=flash * 1024)
        for sram in (300, 384, 448, 512)
        for flash in range(900, 2300, 200)
    ]


def test_uncoupled_networks_are_answered_together(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = networks()
    expected = [solve(problem, "chain") for problem in problems]
    alone: list[int] = []
    decide = chain._decide

    def watched(*ready: object) -> Outcome:
        alone.append(1)
        return decide(*ready)  # type: ignore[arg-type]

    monkeypatch.setattr(chain, "_decide", watched)
    for problem, together, by_itself in zip(problems, solve_many(problems, "chain"), expected, strict=True):
        same(problem, together, by_itself)
    assert len(alone) < len(problems) // 4, "those are the ones whose flash cannot bind"


def test_seconds_and_hints_are_for_one_problem() -> None:
    problems = networks()[:4]
    hint = solve(problems[0], "chain").picks
    for limits in (Limits(seconds=60), Limits(hint=hint)):
        for problem, outcome in zip(problems, solve_many(problems, "chain", limits), strict=True):
            same(problem, outcome, solve(problem, "chain"))


def test_many_may_be_none() -> None:
    assert solve_many([], "chain") == ()
