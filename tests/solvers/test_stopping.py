"""What engines say when they are stopped, and answers that solvers have got wrong."""

import pytest

from qeopt_solvers import AllocationProblem, Choice, Limits, Link, LinkTerm, Outcome, Row, Scope, Status, Term, recount, table
from qeopt_solvers.engines import chain, milp
from qeopt_solvers.engines.milp import DEFAULTS, MilpOptions
from qeopt_solvers.engines.milp import solve as solve_milp
from qeopt_solvers.solve import solve
from qeopt_solvers.testing.networks import mobilenet_instances

HIGHS_PRESOLVE = AllocationProblem(
    (Choice("c0", (5,), (28,)), Choice("c1", (3, 4), (10, 25)), Choice("c2", (2, 3), (9, 15))),
    (Link("link 0", (2,), ((0,), (1,))), Link("link 1", (1, 2), ((0, 1), (1, 0), (1, 1)))),
    (
        Row("a", "a", "u", Scope.TOTAL, 58, (Term(1, (14, 25)), Term(2, (6, 11))), (LinkTerm(1, (0, 25, 15)),)),
        Row(
            "b",
            "b",
            "u",
            Scope.TOTAL,
            77,
            (Term(1, (12, 26)), Term(2, (7, 16))),
            (LinkTerm(0, (23, 13)), LinkTerm(1, (19, 19, 29))),
        ),
    ),
)
"""HiGHS 1.13.1 with its presolve on calls 53 the optimum of this."""


@pytest.mark.parametrize("name", ["chain", "cp_sat", "exhaustive", "milp"])
def test_every_exact_engine_finds_what_highs_presolve_loses(name: str) -> None:
    assert table.load(name)(HIGHS_PRESOLVE, Limits()).value == 62


def test_presolve_is_off_by_default() -> None:
    assert ("presolve", "off") in DEFAULTS.parameters


@pytest.mark.parametrize("deterministic", [0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2])
def test_cp_sat_stopped_in_any_phase_claims_no_more_than_it_proved(deterministic: float) -> None:
    problem = next(iter(mobilenet_instances((2, 3, 4, 5, 6, 7, 8)).values()))
    best = table.load("chain")(problem, Limits())
    assert best.value is not None
    assert best.picks is not None
    stopped = table.load("cp_sat")(problem, Limits(deterministic=deterministic))
    assert stopped.status is not Status.INFEASIBLE
    assert stopped.bound is None or stopped.bound >= best.value
    if stopped.status is Status.OPTIMAL:
        assert stopped.value == best.value
        assert stopped.picks is not None
        same = recount.key(problem, stopped.picks) == recount.key(problem, best.picks)
        assert same or not stopped.ties_proven
    if stopped.status is Status.FEASIBLE:
        assert stopped.note == "stopped by its limits"
        assert not stopped.ties_proven


def test_chain_stopped_gives_its_bound() -> None:
    problem = next(iter(mobilenet_instances((2, 4, 8), 24 / 64).values()))
    best = table.load("chain")(problem, Limits())
    stopped = table.load("chain")(problem, Limits(seconds=0.0))
    assert best.value is not None
    assert stopped.status is Status.FEASIBLE
    assert stopped.note == "stopped by its limits"
    assert stopped.value is not None
    assert stopped.bound is not None
    assert stopped.value <= best.value <= stopped.bound


def test_chain_stops_at_its_count_of_labels_and_repeats() -> None:
    problem = next(iter(mobilenet_instances((2, 3, 4, 5, 6, 7, 8), 24 / 64).values()))
    best = table.load("chain")(problem, Limits())
    assert best.value is not None
    assert best.deterministic_time is not None
    assert best.deterministic_time * 1e6 > 10_000, "the instance is too easy to be stopped on the way"
    for labels in (0, 100, 2000, round(best.deterministic_time * 1e6) - 1):
        limits = Limits(deterministic=labels / 1e6)
        stopped = table.load("chain")(problem, limits)
        assert stopped == table.load("chain")(problem, limits)
        assert stopped.deterministic_time is not None
        assert labels <= round(stopped.deterministic_time * 1e6) <= labels + 20_000
        if stopped.status is not Status.OPTIMAL:  # the last step may still be made
            assert (stopped.status, stopped.note) == (Status.FEASIBLE, "stopped by its limits")
            assert stopped.value is not None
            assert stopped.bound is not None
            assert stopped.value <= best.value <= stopped.bound
            assert labels < best.deterministic_time * 1e6 - 1 or stopped.value == best.value
    assert table.load("chain")(problem, Limits(deterministic=best.deterministic_time)) == best


def test_chain_leaves_its_fallback_what_is_left_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "MOST_LABELS", 20)
    given = []

    def fallback(_: AllocationProblem, limits: Limits) -> Outcome:
        given.append(limits.deterministic)
        return Outcome(Status.UNKNOWN, "other")

    problem = next(iter(mobilenet_instances((2, 4, 8), 24 / 64).values()))
    alone = chain.solve(problem, Limits())
    outcome = chain.solve(problem, Limits(deterministic=5.0), fallback=fallback)
    assert alone.deterministic_time is not None
    assert 0 < alone.deterministic_time < 1
    assert given == [5.0 - alone.deterministic_time]
    assert (outcome.status, outcome.picks) == (Status.FEASIBLE, alone.picks)


def test_milp_does_not_begin_what_it_could_not_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = next(iter(mobilenet_instances((2, 4, 8)).values()))
    monkeypatch.setattr(milp, "HANDING_OVER", 1e9)
    stopped = table.load("milp")(problem, Limits(seconds=60))
    assert (stopped.status, stopped.note) == (Status.UNKNOWN, "stopped by its limits")
    assert table.load("milp")(problem, Limits()).status is Status.OPTIMAL


def test_milp_stops_while_it_writes_the_model() -> None:
    problem = next(iter(mobilenet_instances((2, 4, 8)).values()))
    with pytest.raises(milp.OutOfTime):
        milp.build(problem, until=0.0)


def test_milp_stopped_before_the_start_is_unknown() -> None:
    problem = next(iter(mobilenet_instances((2, 4, 8)).values()))
    assert solve(problem, "milp", Limits(seconds=0.0)).status is Status.UNKNOWN


def test_milp_refuses_numbers_beyond_its_tolerance() -> None:
    row = Row("r", "r", "u", Scope.TOTAL, 2**50, (Term(0, (0, 2**51)),))
    outcome = solve_milp(AllocationProblem((Choice("a", (2, 4), (0, 1)),), rows=(row,)), Limits())
    assert (outcome.status, outcome.note) == (Status.UNKNOWN, "the numbers of this problem are too large for milp")


def test_milp_takes_another_gap() -> None:
    assert solve_milp(HIGHS_PRESOLVE, Limits(), MilpOptions(absolute_gap=0.9)).value == 62
