"""Reducing keeps the answer: status, value and every tie-break."""

from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt_solvers import AllocationProblem, Choice, Link, LinkTerm, Row, Scope, Status, Term, TieBreak, recount
from qeopt_solvers.product import product_sets
from qeopt_solvers.project_links import project_links
from qeopt_solvers.reduce import reduce
from qeopt_solvers.solve import solve
from qeopt_solvers.testing.networks import mobilenet_instances
from qeopt_solvers.testing.problems import Recipe, brute_force, random_problem

BITS = (2, 4, 8)


def small(gains: tuple[int, ...], *rows: Row, ties: tuple[TieBreak, ...] = (), links: tuple[Link, ...] = ()) -> AllocationProblem:
    return AllocationProblem((Choice("a", BITS, gains), Choice("b", BITS, (0, 5, 9))), links, rows, ties)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(seed=st.integers(0, 10**9), monotone=st.booleans(), largest=st.sampled_from((5, 30, 1000)))
def test_the_best_key_survives(seed: int, monotone: bool, largest: int) -> None:
    problem = random_problem(seed, Recipe(monotone=monotone, largest=largest))
    best = brute_force(problem)
    reduced = reduce(problem)
    if reduced is None:
        assert best is None
        return
    lifted = (
        reduced.lift(picks)
        for picks in product(*(range(len(choice.labels)) for choice in reduced.problem.choices))
        if not recount.violations(reduced.problem, picks)
    )
    assert max((recount.key(problem, picks) for picks in lifted), default=None) == best


@settings(derandomize=True, deadline=None, max_examples=100)
@given(seed=st.integers(0, 10**9))
def test_lifted_picks_count_the_same(seed: int) -> None:
    problem = random_problem(seed)
    reduced = reduce(problem)
    if reduced is None:
        return
    picks = tuple(0 for _ in reduced.problem.choices)
    lifted = reduced.lift(picks)
    assert reduced.lower(lifted) == picks
    assert recount.value(reduced.problem, picks) == recount.value(problem, lifted)
    if not recount.violations(reduced.problem, picks):
        assert not recount.violations(problem, lifted)


def test_out_of_time_nothing_is_dropped() -> None:
    problem = next(iter(mobilenet_instances(BITS).values()))
    reduced = reduce(problem, until=0.0)
    assert reduced is not None
    assert [len(kept) for kept in reduced.kept] == [len(choice.labels) for choice in problem.choices]
    assert len(reduced.problem.rows) == len(problem.rows)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(seed=st.integers(0, 10**9), flat=st.lists(st.booleans(), min_size=3, max_size=3))
def test_narrowed_links_mean_the_same(seed: int, flat: list[bool]) -> None:
    """Costs that do not depend on some of three choices, with one entry disturbed now and then."""
    rng = Random(seed)
    tuples = tuple(product(range(3), range(3), range(3)))
    keyed = {key: rng.randrange(9) for key in product(range(3), repeat=3)}
    costs = [keyed[tuple(0 if still else pick for still, pick in zip(flat, picks, strict=True))] for picks in tuples]
    if rng.random() < 0.5:
        costs[rng.randrange(27)] += 1
    row = Row("bitops", "bitops", "bit", Scope.TOTAL, 5, (), (LinkTerm(0, tuple(costs)),))
    base = small((0, 5, 9))
    problem = AllocationProblem((*base.choices, Choice("c", BITS, (0, 1, 2))), (Link("op", (0, 1, 2), tuples),), (row,))
    assert brute_force(project_links(problem)) == brute_force(problem)


def test_a_slack_row_goes_and_a_tight_one_is_divided() -> None:
    slack = Row("slack", "sram", "B", Scope.LOCAL, 100, (Term(0, (1, 2, 3)),))
    tight = Row("tight", "sram", "B", Scope.LOCAL, 125, (Term(0, (20, 40, 80)), Term(1, (20, 40, 80))), fixed=5)
    reduced = reduce(small((0, 5, 9), slack, tight))
    assert reduced is not None
    assert [row.name for row in reduced.problem.rows] == ["tight"]
    assert reduced.problem.rows[0].terms[0].costs == (1, 2, 4)
    assert (reduced.problem.rows[0].limit, reduced.problem.rows[0].fixed) == (6, 0)


def test_an_option_that_never_fits_goes() -> None:
    row = Row("sram", "sram", "B", Scope.LOCAL, 10, (Term(0, (1, 2, 9)), Term(1, (2, 3, 4))))
    reduced = reduce(small((0, 5, 9), row))
    assert reduced is not None
    assert 2 not in reduced.kept[0]
    assert 1 in reduced.kept[0]


def test_a_saturated_option_goes_only_when_no_tie_break_prefers_it() -> None:
    row = Row("sram", "sram", "B", Scope.LOCAL, 8, (Term(0, (1, 2, 3)), Term(1, (1, 2, 6))))
    cheap = TieBreak("cheap", "u", (Term(0, (0, 1, 2)),))
    dear = TieBreak("dear", "u", (Term(0, (2, 1, 0)),))
    kept = {tie.name: reduce(small((0, 5, 5), row, ties=(tie,))) for tie in (cheap, dear)}
    assert kept["cheap"] is not None
    assert kept["dear"] is not None
    assert 2 not in kept["cheap"].kept[0]
    assert 2 in kept["dear"].kept[0]


def test_a_product_link_becomes_missing_options() -> None:
    link = Link("kernel", (0, 1), ((0, 1), (0, 2), (1, 1), (1, 2)))
    assert product_sets(link) == (frozenset({0, 1}), frozenset({1, 2}))
    reduced = reduce(small((0, 5, 9), links=(link,)))
    assert reduced is not None
    assert reduced.problem.links == ()
    assert 2 not in reduced.kept[0]


def test_a_row_over_its_limit_at_the_least_is_infeasible() -> None:
    assert reduce(small((0, 5, 9), Row("sram", "sram", "B", Scope.LOCAL, 3, (Term(0, (1, 2, 3)),), fixed=3))) is None


def test_priced_tuples_out_of_reach_go() -> None:
    problem = next(iter(mobilenet_instances((2, 3, 4, 5, 6, 7, 8), 24 / 64).values()))
    reduced = reduce(problem)
    assert reduced is not None
    before = sum(len(link.allowed) for link in problem.links)
    after = sum(len(link.allowed) for link in reduced.problem.links)
    assert after < before / 4


def test_a_link_is_narrowed_to_what_its_costs_depend_on() -> None:
    third = Choice("c", BITS, (0, 1, 2))
    tuples = tuple(product(range(3), range(3), range(3)))
    link = Link("op", (0, 1, 2), tuples)
    row = Row("bitops", "bitops", "bit", Scope.TOTAL, 20, (), (LinkTerm(0, tuple(BITS[a] * BITS[w] for a, w, _ in tuples)),))
    base = small((0, 5, 9))
    problem = AllocationProblem((*base.choices, third), (link,), (row,))
    slim = project_links(problem)
    assert slim.links[0].choices == (0, 1)
    assert slim.rows[0].link_terms[0].costs == tuple(a * w for a in BITS for w in BITS)
    assert brute_force(slim) == brute_force(problem)
    assert project_links(slim) is slim


def test_link_terms_follow_their_links() -> None:
    link = Link("pair", (0, 1), tuple((a, b) for a in range(3) for b in range(3)))
    row = Row("ops", "ops", "u", Scope.TOTAL, 5, (), (LinkTerm(0, (1, 2, 9, 2, 4, 9, 9, 9, 9)),))
    reduced = reduce(small((0, 5, 9), row, links=(link,)))
    assert reduced is not None
    assert set(reduced.kept[0]) <= {0, 1}
    assert brute_force(reduced.problem) == brute_force(small((0, 5, 9), row, links=(link,)))


def test_a_chain_that_nothing_fits_is_left_to_the_engine() -> None:
    """Rows forbid every pair of the first two of four choices that a total ties together."""
    pairs = [(0, first, second) for first, second in product(range(3), repeat=2)] + [(1, 2, 2), (2, 2, 2)]
    forbidden = tuple(
        Row(
            f"{index} not {first}{second}", "kernels", "", Scope.LOCAL, 1,
            (Term(index, tuple(int(o == first) for o in range(3))), Term(index + 1, tuple(int(o == second) for o in range(3)))),
        )
        for index, first, second in pairs
    )  # fmt: skip
    total = Row("total", "flash", "B", Scope.TOTAL, 10, tuple(Term(index, (1, 2, 3)) for index in range(4)))
    choices = tuple(Choice(f"c{index}", BITS, (0, 1, 2)) for index in range(4))
    problem = AllocationProblem(choices, (), (total, *forbidden))
    assert brute_force(problem) is None
    for engine in ("chain", "cp_sat"):
        assert solve(problem, engine).status is Status.INFEASIBLE
