"""The least that rows count, against every answer."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt_solvers import AllocationProblem, Limits, Row, Scope, Status, recount
from qeopt_solvers.testing.problems import Recipe, random_problem
from qeopt_solvers.turned import least_use

ENGINES = ("chain", "cp_sat", "exhaustive", "milp")


def least(problem: AllocationProblem, costs: tuple[Row, ...]) -> tuple[int, ...] | None:
    """What each row counts at the answers of which the first counts least, then the second, and so on."""
    counted = (
        tuple(recount.usage(problem, row, picks) or 0 for row in costs)
        for picks in product(*(range(len(choice.labels)) for choice in problem.choices))
        if not recount.violations(problem, picks)
    )
    return min(counted, default=None)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9), largest=st.sampled_from((5, 30, 1000)), monotone=st.booleans())
def test_equals_brute_force(seed: int, largest: int, monotone: bool) -> None:
    problem = random_problem(seed, Recipe(links=(1, 3), total_rows=(2, 4), priced=0.8, largest=largest, monotone=monotone))
    costs = tuple(row for row in problem.rows if row.scope is Scope.TOTAL)[:2]
    problem = replace(problem, rows=tuple(row for row in problem.rows if row not in costs))
    expected = least(problem, costs)
    for engine in ENGINES[: 4 if seed % 4 == 0 else 3]:
        found = least_use(problem, costs, engine)
        assert found.status is (Status.INFEASIBLE if expected is None else Status.OPTIMAL), engine
        if found.picks is not None and expected is not None:
            assert tuple(recount.usage(problem, row, found.picks) for row in costs) == expected, engine
            assert found.value == found.bound == -expected[0]
            assert recount.violations(problem, found.picks) == ()
            assert found.ties_proven
            again = least_use(problem, costs, engine, Limits(hint=found.picks))
            assert again.value == found.value


def test_a_hint_that_is_not_legal_is_left_out() -> None:
    problem = next(problem for problem in map(random_problem, range(100)) if any(link.allowed for link in problem.links))
    rows = tuple(row for row in problem.rows if row.scope is Scope.TOTAL) or (Row("none", "none", "", Scope.TOTAL, 0),)
    picks = tuple(0 for _ in problem.choices)
    assert least_use(problem, rows[:1], limits=Limits(hint=picks)) == pytest.approx(least_use(problem, rows[:1]))
