"""Why nothing fits, what budgets are worth, and grids of budgets."""

from itertools import pairwise, product
from random import Random

import pytest

from qeopt_solvers import AllocationProblem, Choice, Limits, Link, Row, Scope, Status, Term
from qeopt_solvers.budgets import kinds, most_extra, relaxed, with_limits
from qeopt_solvers.engines import cp_sat
from qeopt_solvers.explain import explain_feasible, explain_infeasible
from qeopt_solvers.recount import usage, value, violations
from qeopt_solvers.solve import solve
from qeopt_solvers.sweep import sweep
from qeopt_solvers.testing.networks import inverted_residuals, network_problem

BITS = (2, 4, 8)


def two_kinds(sram: int, flash: int) -> AllocationProblem:
    return AllocationProblem(
        (Choice("a", BITS, (1, 4, 6)), Choice("b", BITS, (2, 5, 9))),
        rows=(
            Row("step 0", "sram", "B", Scope.LOCAL, sram, (Term(0, (10, 20, 40)),), fixed=5),
            Row("step 1", "sram", "B", Scope.LOCAL, sram, (Term(0, (10, 20, 40)), Term(1, (3, 6, 12)))),
            Row("flash", "flash", "B", Scope.TOTAL, flash, (Term(1, (30, 60, 120)),)),
        ),
    )


@pytest.mark.parametrize("engine", ["cp_sat", "chain"])
def test_the_least_relaxation_of_one_budget_is_exact(engine: str) -> None:
    found = explain_infeasible(two_kinds(12, 100), engine=engine)
    sram, flash = found.singles
    assert (sram.extra, sram.suffices, sram.proven) == ((("sram", 3),), True, True)
    assert sram.outcome is not None
    assert sram.outcome.value == 1 + 2
    assert not flash.suffices
    assert flash.proven


def test_the_least_joint_relaxation_is_exact() -> None:
    problem = two_kinds(12, 20)
    found = explain_infeasible(problem, weights={"sram": 1, "flash": 4})
    assert [single.suffices for single in found.singles] == [False, False]
    assert found.joint.extra == (("sram", 3), ("flash", 12))
    assert found.joint.proven
    assert solve(relaxed(problem, dict(found.joint.extra))).has_picks
    assert solve(relaxed(problem, {"sram": 2, "flash": 8})).status is Status.INFEASIBLE


def test_links_that_contradict_are_told_from_budgets() -> None:
    links = (Link("x", (0, 1), ((0, 0),)), Link("y", (0, 1), ((1, 1),)))
    base = two_kinds(100, 200)
    found = explain_infeasible(AllocationProblem(base.choices, links, base.rows))
    assert not found.joint.suffices
    assert found.joint.proven


def test_worth_tells_binding_kinds() -> None:
    problem = two_kinds(40, 500)
    outcome = solve(problem)
    sram, flash = explain_feasible(problem, outcome, steps={"sram": 12})
    assert outcome.value == 4 + 9
    assert (sram.slack, sram.tightest) == (8, ("step 1",))
    assert (sram.gain, sram.unlimited_gain) == (2, 2)
    assert (flash.gain, flash.unlimited_gain) == (0, 0)
    with pytest.raises(ValueError, match="no answer to explain"):
        explain_feasible(problem, solve(two_kinds(1, 1)))


def test_limits_are_set_by_kind() -> None:
    problem = with_limits(two_kinds(40, 500), {"sram": 50})
    assert [row.limit for row in problem.rows] == [50, 50, 500]
    assert kinds(problem) == ("sram", "flash")
    with pytest.raises(ValueError, match=r"no row is of kind ram \(kinds: sram, flash\)"):
        with_limits(problem, {"ram": 1})


@pytest.mark.parametrize("engine", ["chain", "cp_sat"])
def test_a_sweep_is_monotone_and_equals_single_solves(engine: str) -> None:
    problem = network_problem(inverted_residuals(((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 2, 2))), BITS, sram_bytes=0, flash_bytes=0)
    grid = {"sram": [k * 1024 for k in (900, 1020, 1100, 1300)], "flash": [18_000, 25_000, 60_000]}
    points = sweep(problem, grid, engine=engine)
    assert len(points) == 12
    values = {point.limits: point.outcome.value for point in points}
    for flash in grid["flash"]:
        column = [values[("sram", sram), ("flash", flash)] or 0 for sram in grid["sram"]]
        assert all(before <= after for before, after in pairwise(column))
    for point in points[::5]:
        assert point.outcome.value == solve(with_limits(problem, dict(point.limits)), "cp_sat").value
    assert {point.outcome.status for point in points} == {Status.OPTIMAL, Status.INFEASIBLE}


def test_a_stopped_sweep_keeps_what_tighter_points_found() -> None:
    problem = network_problem(inverted_residuals(((1, 16, 1, 1), (6, 24, 2, 2))), BITS, sram_bytes=0, flash_bytes=10**6)
    points = sweep(problem, {"sram": [4_040_000, 4_090_000]}, engine="exhaustive", limits=Limits(deterministic=0.05))
    values = [point.outcome.value for point in points]
    assert values[0] is not None
    assert values[1] is not None
    assert values[0] <= values[1]


@pytest.mark.parametrize(("sram", "flash"), [(40, 500), (15, 30), (17, 60), (31, 100), (52, 120)])
def test_the_least_that_buys_anything_is_what_trying_every_amount_finds(sram: int, flash: int) -> None:
    problem = two_kinds(sram, flash)
    outcome = solve(problem)
    for worth in explain_feasible(problem, outcome):
        tried = [
            (solve(relaxed(problem, {worth.kind: more}), "chain").value or 0) - (outcome.value or 0)
            for more in range(most_extra(problem, worth.kind) + 1)
        ]
        first = next((more for more, gain in enumerate(tried) if gain), None)
        assert (worth.least, worth.least_gain) == (first, None if first is None else tried[first])
        assert worth.unlimited_gain == tried[-1]


@pytest.mark.parametrize("seed", range(90, 200))
def test_the_least_that_buys_anything_is_what_enumeration_finds(seed: int) -> None:
    draw = Random(seed)
    granule = draw.choice([1, 1, 8])
    choices = tuple(Choice(f"c{index}", BITS, tuple(draw.choices(range(40), k=3))) for index in range(3))
    rows = tuple(
        Row(
            *(f"row {number}", kind, "B", Scope.TOTAL, granule * draw.randint(4, 16)),
            tuple(Term(index, tuple(granule * cost for cost in draw.choices(range(13), k=3))) for index in range(3)),
        )
        for number, kind in enumerate(("sram", "sram", "flash"))
    )
    problem = AllocationProblem(choices, rows=rows)
    outcome = solve(problem, "exhaustive")
    if outcome.status is not Status.OPTIMAL:
        return
    for worth in explain_feasible(problem, outcome, engine="exhaustive", steps={"sram": 3, "flash": 3}):
        others = with_limits(problem, {worth.kind: 10**6})
        above = {
            picks: max(0, *((usage(problem, row, picks) or 0) - row.limit for row in rows if row.kind == worth.kind))
            for picks in product(range(3), repeat=3)
            if not violations(others, picks)
        }
        better = [(extra, picks) for picks, extra in above.items() if value(problem, picks) > (outcome.value or 0)]
        least = min((extra for extra, _ in better), default=None)
        most = None if least is None else max(value(problem, picks) for extra, picks in better if extra == least)
        assert (worth.least, worth.least_gain) == (least, None if most is None else most - (outcome.value or 0))


def test_an_answer_at_hand_that_is_as_good_is_kept() -> None:
    problem = AllocationProblem((Choice("a", BITS, (3, 3, 3)), Choice("b", BITS, (1, 5, 5))))
    for picks in product(range(3), (1, 2)):
        assert cp_sat.solve(problem, Limits(hint=picks)).picks == picks


def test_what_no_limit_would_use() -> None:
    sram, flash = explain_feasible(two_kinds(40, 60), solve(two_kinds(40, 60)))
    assert (sram.unlimited_use, flash.unlimited_use) == (46, 120), "the second choice at 4 bits under flash, at 8 without"
