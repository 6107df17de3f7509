"""What every engine must keep, as tests to inherit.

In a test file of your own::

    from qeopt_solvers.testing.contract import EngineContract

    class TestMyEngine(EngineContract):
        name = "my_engine"

The engine is found by name in `qeopt_solvers.table`, so an entry point must be installed; or override `engine` and `traits`. What
is tested follows from the traits; tests that do not apply are skipped. pytest runs this; importing it does not need pytest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from unittest import SkipTest

from qeopt_solvers import recount, table
from qeopt_solvers.allocation import AllocationProblem, Choice, Link, Row, Scope, Term, TieBreak
from qeopt_solvers.outcome import Engine, Limits, Outcome, Status
from qeopt_solvers.testing.problems import Recipe, brute_force, random_problem
from qeopt_solvers.traits import Traits

SECONDS_OVER = 0.2
"""A limit in seconds may be overrun by this or a tenth, whichever is more; the test allows for slow machines on top."""


class EngineContract:
    """Inherit, set `name`, and pytest does the rest."""

    name: str = ""
    """The engine's name in the table."""
    count: int = 60
    """Random problems per test."""

    def engine(self) -> Engine:
        """Give the engine under test."""
        return table.load(self.name)

    def traits(self) -> Traits:
        """Give its capabilities."""
        return table.traits(self.name)

    def problems(self, start: int = 0) -> Iterator[AllocationProblem]:
        """Yield random problems that the traits say the engine understands."""
        traits = self.traits()
        for seed in range(start, start + self.count):
            problem = random_problem(seed, Recipe(largest=(9, 40, 1000)[seed % 3], monotone=seed % 2 == 0))
            if problem.links and not traits.links:
                continue
            if any(row.link_terms for row in problem.rows) and not traits.link_terms:
                continue
            yield problem

    def solve(self, problem: AllocationProblem, limits: Limits | None = None) -> Outcome:
        """Run the engine and check what no outcome may break."""
        outcome = self.engine()(problem, limits or Limits())
        self.check_shape(problem, outcome)
        return outcome

    def check_shape(self, problem: AllocationProblem, outcome: Outcome) -> None:
        """Check what an outcome says of itself against a recount."""
        assert outcome.has_picks == (outcome.status in {Status.OPTIMAL, Status.FEASIBLE})
        if outcome.picks is not None:
            assert recount.violations(problem, outcome.picks) == ()
            assert outcome.value == recount.value(problem, outcome.picks)
        if not self.traits().exact:
            assert outcome.status in {Status.FEASIBLE, Status.UNKNOWN}
            assert outcome.bound is None
        elif outcome.status is Status.OPTIMAL:
            assert outcome.bound == outcome.value
        elif outcome.status is Status.FEASIBLE:
            assert outcome.bound is not None
            assert outcome.value is not None
            assert outcome.bound >= outcome.value
        if outcome.certificate is not None and outcome.has_picks:
            proven = recount.priced_bound(problem, outcome.certificate)
            assert proven is not None
            assert outcome.value is not None
            assert outcome.value <= proven <= outcome.certificate.bound

    def test_equals_brute_force(self) -> None:
        """An exact engine finds the best value and ties, or proves that nothing fits; another never claims more."""
        exact, ties = self.traits().exact, self.traits().tie_breaks
        for problem in self.problems():
            best = brute_force(problem)
            outcome = self.solve(problem)
            if exact:
                assert outcome.status is (Status.INFEASIBLE if best is None else Status.OPTIMAL)
            if outcome.picks is not None and best is not None:
                key = recount.key(problem, outcome.picks)
                assert key <= best
                if exact and ties:
                    assert key == best
                    assert outcome.ties_proven or not problem.tie_breaks
                elif exact:
                    assert key[0] == best[0]

    def test_repeats(self) -> None:
        """The same problem, limits and seed give the same outcome."""
        for problem in list(self.problems(1000))[:10]:
            assert self.solve(problem) == self.solve(problem)

    def test_stops_in_time(self) -> None:
        """A stopped engine answers what it has; a bound, if any, is a true one."""
        problem = _entangled(40)
        for seconds in (0.0, 0.05):
            started = time.monotonic()
            outcome = self.solve(problem, Limits(seconds=seconds))
            assert time.monotonic() - started < 10 * (seconds + SECONDS_OVER)
            assert outcome.status is not Status.INFEASIBLE
            assert outcome.bound is None or outcome.bound >= _known_value(problem)

    def test_deterministic_stop_repeats(self) -> None:
        """A stop by the engine's own measure of work repeats exactly."""
        if not self.traits().deterministic:
            raise SkipTest("this engine has no deterministic limit")
        limits = Limits(deterministic=0.001)
        assert self.solve(_entangled(40), limits) == self.solve(_entangled(40), limits)

    def test_uses_any_hint(self) -> None:
        """A hint, feasible or not, never changes what is proven."""
        if not self.traits().hint:
            raise SkipTest("this engine takes no hints")
        rng = Random(7)
        for problem in list(self.problems(2000))[:20]:
            hint = tuple(rng.randrange(len(choice.labels)) for choice in problem.choices)
            plain, hinted = self.solve(problem), self.solve(problem, Limits(hint=hint))
            assert (plain.status, plain.value) == (hinted.status, hinted.value)

    def test_looser_budget_never_lowers_the_value(self) -> None:
        """More room is never worse."""
        self._skip_unless_exact()
        for problem in self.problems(3000):
            rows = tuple(replace(row, limit=row.limit + 2) for row in problem.rows)
            tight, loose = self.solve(problem), self.solve(replace(problem, rows=rows))
            assert tight.value is None or (loose.value is not None and loose.value >= tight.value)

    def test_dominated_option_changes_nothing(self) -> None:
        """An option that is worse in everything and legal nowhere new is not missed and not taken."""
        self._skip_unless_exact()
        for problem in self.problems(4000):
            assert self.solve(_with_dominated_option(problem)).value == self.solve(problem).value

    def test_order_changes_nothing(self) -> None:
        """Neither the order of choices nor that of rows matters."""
        self._skip_unless_exact()
        for seed, problem in enumerate(self.problems(5000)):
            shuffled = _shuffled(problem, Random(seed))
            assert self.solve(shuffled).value == self.solve(problem).value

    def test_scaling_a_row_changes_nothing(self) -> None:
        """Units are not part of a problem."""
        self._skip_unless_exact()
        for problem in self.problems(6000):
            assert self.solve(_scaled(problem, 7)).value == self.solve(problem).value

    def test_many_at_once_are_as_many_alone(self) -> None:
        """A batch proves what single calls prove, with answers as good, tie-breaks included."""
        if not self.traits().solve_many:
            raise SkipTest("this engine takes one problem at a time")
        problems = list(self.problems(7000))
        outcomes = table.engine_module(self.name).solve_many(problems, Limits())
        for problem, outcome in zip(problems, outcomes, strict=True):
            alone = self.solve(problem)
            assert (outcome.status, outcome.value, outcome.bound) == (alone.status, alone.value, alone.bound)
            assert outcome.ties_proven == alone.ties_proven
            if outcome.picks is not None and alone.picks is not None and outcome.ties_proven:
                assert recount.key(problem, outcome.picks) == recount.key(problem, alone.picks)
            if outcome.certificate is not None and outcome.value is not None:
                proven = recount.priced_bound(problem, outcome.certificate)
                assert proven is not None
                assert outcome.value <= proven <= outcome.certificate.bound

    def test_nothing_to_choose(self) -> None:
        """No choices, no rows: the empty answer is optimal."""
        outcome = self.solve(AllocationProblem((Choice("only", (8,), (5,)),)))
        assert outcome.value == 5

    def test_empty_link_is_infeasible(self) -> None:
        """A link without tuples is a result, not an error."""
        if not self.traits().links:
            raise SkipTest("this engine knows no links")
        problem = AllocationProblem((Choice("a", (2, 4), (0, 1)),), (Link("none", (0,), ()),))
        expected = Status.INFEASIBLE if self.traits().exact else Status.UNKNOWN
        assert self.solve(problem).status is expected

    def _skip_unless_exact(self) -> None:
        if not self.traits().exact:
            raise SkipTest("only exact engines keep this law")


def _entangled(count: int) -> AllocationProblem:
    """A knapsack in three dimensions: far too much for enumeration, and not trivial for anyone."""
    rng = Random(count)
    options = (2, 4, 8)
    choices = tuple(Choice(f"c{i}", options, tuple(sorted(rng.randint(0, 10**6) for _ in options))) for i in range(count))
    rows = []
    for number in range(3):
        terms = tuple(Term(i, tuple(sorted(rng.randint(0, 10**5) for _ in options))) for i in range(count))
        limit = sum(sum(term.costs) for term in terms) // 3
        rows.append(Row(f"total {number}", f"kind {number}", "u", Scope.TOTAL, limit, terms))
    return AllocationProblem(choices, (), tuple(rows), (TieBreak("use", "u", rows[0].terms),))


def _known_value(problem: AllocationProblem) -> int:
    """A value that some answer has: everything at its first option, which costs least."""
    return recount.value(problem, (0,) * len(problem.choices))


def _with_dominated_option(problem: AllocationProblem) -> AllocationProblem:
    """Append to the first choice a copy of its first option that gains one less; links do not allow it."""
    first = problem.choices[0]
    choice = replace(first, labels=(*first.labels, first.labels[-1] + 1), gains=(*first.gains, first.gains[0] - 1))

    def longer(terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return tuple(replace(t, costs=(*t.costs, t.costs[0])) if t.choice == 0 else t for t in terms)

    return replace(
        problem,
        choices=(choice, *problem.choices[1:]),
        rows=tuple(replace(row, terms=longer(row.terms)) for row in problem.rows),
        tie_breaks=tuple(replace(tie, terms=longer(tie.terms)) for tie in problem.tie_breaks),
    )


def _shuffled(problem: AllocationProblem, rng: Random) -> AllocationProblem:
    order = list(range(len(problem.choices)))
    rng.shuffle(order)
    place = {old: new for new, old in enumerate(order)}

    def moved(terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return tuple(replace(term, choice=place[term.choice]) for term in terms)

    rows = [replace(row, terms=moved(row.terms)) for row in problem.rows]
    rng.shuffle(rows)
    return AllocationProblem(
        tuple(problem.choices[old] for old in order),
        tuple(replace(link, choices=tuple(place[choice] for choice in link.choices)) for link in problem.links),
        tuple(rows),
        tuple(replace(tie, terms=moved(tie.terms)) for tie in problem.tie_breaks),
    )


def _scaled(problem: AllocationProblem, factor: int) -> AllocationProblem:
    rows = tuple(
        replace(
            row,
            limit=row.limit * factor,
            fixed=row.fixed * factor,
            terms=tuple(replace(t, costs=tuple(c * factor for c in t.costs)) for t in row.terms),
            link_terms=tuple(replace(t, costs=tuple(c * factor for c in t.costs)) for t in row.link_terms),
        )
        for row in problem.rows
    )
    return replace(problem, rows=rows)
