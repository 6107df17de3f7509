"""The definition of correct: legality, use, and the bound that prices prove."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt_solvers import AllocationProblem, Certificate, Choice, Link, LinkTerm, Row, Scope, Term, recount
from qeopt_solvers.testing.problems import brute_force, random_problem

CHOICES = (Choice("a", (2, 4), (1, 5)), Choice("b", (2, 4), (2, 3)))
LINK = Link("pair", (0, 1), ((0, 0), (0, 1), (1, 0)))
ROW = Row("total", "flash", "B", Scope.TOTAL, 10, (Term(0, (1, 4)),), (LinkTerm(0, (3, 5, 7)),), fixed=1)
PROBLEM = AllocationProblem(CHOICES, (LINK,), (ROW,))


def test_use_counts_fixed_terms_and_tuples() -> None:
    assert recount.usage(PROBLEM, ROW, (0, 1)) == 1 + 1 + 5
    assert recount.usage(PROBLEM, ROW, (1, 1)) is None


def test_violations_name_rows_and_links() -> None:
    assert recount.violations(PROBLEM, (0, 0)) == ()
    assert [v.name for v in recount.violations(PROBLEM, (1, 0))] == ["total"]
    assert [v.name for v in recount.violations(PROBLEM, (1, 1))] == ["pair"]
    with pytest.raises(ValueError, match="1 picks for 2 choices"):
        recount.violations(PROBLEM, (0,))
    with pytest.raises(ValueError, match="has no option 2"):
        recount.violations(PROBLEM, (0, 2))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(seed=st.integers(0, 10**9), numbers=st.lists(st.integers(0, 400), min_size=8, max_size=8))
def test_any_prices_bound_every_answer(seed: int, numbers: list[int]) -> None:
    problem = random_problem(seed)
    prices = tuple(numbers[: len(problem.rows)])
    best = brute_force(problem)
    bound = recount.priced_bound(problem, Certificate(prices, 100, 0))
    if best is not None:
        assert bound is not None
        assert bound >= best[0]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(seed=st.integers(0, 10**9))
def test_without_prices_the_bound_is_the_best_under_local_rows_and_links(seed: int) -> None:
    problem = random_problem(seed)
    local = replace(problem, rows=tuple(row for row in problem.rows if row.scope is Scope.LOCAL))
    values = [
        recount.value(local, picks)
        for picks in product(*(range(len(choice.labels)) for choice in local.choices))
        if not recount.violations(local, picks)
    ]
    assert recount.priced_bound(problem, Certificate((0,) * len(problem.rows), 1, 0)) == max(values, default=None)


@pytest.mark.parametrize("certificate", [Certificate((), 1, 0), Certificate((-1,), 1, 0), Certificate((1,), 0, 0)])
def test_a_senseless_certificate_is_refused(certificate: Certificate) -> None:
    with pytest.raises(ValueError, match="a certificate needs"):
        recount.priced_bound(PROBLEM, certificate)
