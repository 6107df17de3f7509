"""A mixed-integer linear model in Pyomo, solved by HiGHS or by another solver of Pyomo's.

HiGHS calls a relative gap of 1e-4 optimal by default, and its answers are floats. Here both gaps are set so that the integer
optimum is meant; answers are rounded and counted again, and one that does not recount is `UNKNOWN`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import highspy  # type: ignore[import-untyped]  # noqa: F401  Pyomo would report a missing HiGHS only as "not available"
import pyomo.environ as pyo  # type: ignore[import-untyped]
from pyomo.contrib.solver.common.base import PersistentSolverBase  # type: ignore[import-untyped]
from pyomo.contrib.solver.common.factory import SolverFactory  # type: ignore[import-untyped]
from pyomo.contrib.solver.common.results import SolutionStatus, TerminationCondition  # type: ignore[import-untyped]

from qeopt_solvers import recount
from qeopt_solvers.allocation import AllocationProblem, Term
from qeopt_solvers.outcome import Limits, Outcome, Status
from qeopt_solvers.traits import Traits

TRAITS = Traits(
    summary="a Pyomo model solved by HiGHS: exact, and independent of OR-Tools",
    exact=True,
    tie_breaks=True,
)

LARGEST_SUM = 2**44
"""Sums beyond this are not safe with a solver whose feasibility tolerance is a float."""


HANDING_OVER = 4.0
"""Pyomo takes about 2.8 to 3.6 times as long to hand a model to its solver as to write it down. Nothing interrupts that: a run is
not begun when it would leave no time to solve."""


class OutOfTime(Exception):  # noqa: N818  a signal inside this module
    """The end of the time given was reached while a model was written down."""


@dataclass(frozen=True, slots=True)
class MilpOptions:
    """Which solver Pyomo calls and what it is told."""

    solver: str = "highs"
    """A name of `pyomo.contrib.solver.common.factory.SolverFactory`; the solver must take `rel_gap` and `abs_gap`."""
    absolute_gap: float = 0.5
    """Below one unit of the objective, so that a proven answer is the integer optimum."""
    parameters: tuple[tuple[str, float | int | str], ...] = (
        ("threads", 1),
        ("presolve", "off"),  # HiGHS 1.13.1 with presolve calls a lesser answer optimal: tests/solvers/test_stopping.py
        ("mip_feasibility_tolerance", 1e-9),
        ("primal_feasibility_tolerance", 1e-9),
    )
    """Passed on in the solver's own words."""


DEFAULTS = MilpOptions()


def solve(problem: AllocationProblem, limits: Limits, options: MilpOptions = DEFAULTS) -> Outcome:
    """Maximise the value, then minimise each tie-break with everything before it held."""
    started = time.monotonic()
    if any(not link.allowed for link in problem.links):
        return Outcome(Status.INFEASIBLE, "milp")
    if _largest_sum(problem) >= LARGEST_SUM:
        return Outcome(Status.UNKNOWN, "milp", note="the numbers of this problem are too large for milp")
    until = None if limits.seconds is None else started + limits.seconds
    try:
        model = build(problem, until)
    except OutOfTime:
        return Outcome(Status.UNKNOWN, "milp", note="stopped by its limits while the model was written down")
    return _phases(problem, _Search(model, limits, options, until, HANDING_OVER * (time.monotonic() - started)))


def _phases(problem: AllocationProblem, search: _Search) -> Outcome:
    values = search.model.total([Term(index, choice.gains) for index, choice in enumerate(problem.choices)])
    found = search.run(values, pyo.maximize)
    if found.infeasible:
        return Outcome(Status.INFEASIBLE, "milp")
    if found.picks is None:
        return Outcome(Status.UNKNOWN, "milp", bound=found.bound, note="stopped by its limits")
    value = recount.value(problem, found.picks)
    if not found.proven:
        return Outcome(Status.FEASIBLE, "milp", found.picks, value, found.bound, note="stopped by its limits")
    search.model.require(values >= value)
    picks, proven = _tie_phases(problem, search, found.picks)
    return Outcome(Status.OPTIMAL, "milp", picks, value, value, proven)


def _tie_phases(problem: AllocationProblem, search: _Search, picks: tuple[int, ...]) -> tuple[tuple[int, ...], bool]:
    best = picks
    for phase, tie_break in enumerate(problem.tie_breaks, start=2):
        total = search.model.total(tie_break.terms)
        found = search.run(total, pyo.minimize)
        if found.picks is None or recount.key(problem, found.picks)[:phase] < recount.key(problem, best)[:phase]:
            return best, False
        best = found.picks
        if not found.proven:
            return best, False
        search.model.require(total <= recount.tie_value(tie_break, best))
    return best, True


@dataclass(frozen=True, slots=True)
class Model:
    """A Pyomo model: `options[c][o]` is 1 when choice `c` takes option `o`."""

    pyomo: Any
    options: tuple[tuple[Any, ...], ...]

    def total(self, terms: Sequence[Term]) -> Any:
        """Sum the costs of the options taken."""
        return pyo.quicksum(
            cost * variable for term in terms for cost, variable in zip(term.costs, self.options[term.choice], strict=True)
        )

    def require(self, relation: Any) -> None:
        """Add a constraint; one without variables is true or false by itself."""
        if relation is True:
            return
        self.pyomo.rows.add(pyo.Constraint.Infeasible if relation is False else relation)


def build(problem: AllocationProblem, until: float | None = None) -> Model:
    """Write the model down, without an objective: every link becomes one variable per allowed tuple, tied to its choices.

    Raises:
        OutOfTime: when that is not finished at `until` (monotonic).
    """
    model = pyo.ConcreteModel()
    model.rows = pyo.ConstraintList()
    model.option = pyo.Var(
        [(c, o) for c, choice in enumerate(problem.choices) for o in range(len(choice.labels))], domain=pyo.Binary
    )
    model.tuple = pyo.Var(
        [(number, place) for number, link in enumerate(problem.links) for place in range(len(link.allowed))],
        domain=pyo.NonNegativeReals,
        bounds=(0, 1),
    )
    options = tuple(tuple(model.option[c, o] for o in range(len(choice.labels))) for c, choice in enumerate(problem.choices))
    built = Model(model, options)
    for variables in options:
        built.require(pyo.quicksum(variables) == 1)
    for number, link in enumerate(problem.links):
        _check_clock(until)
        for position, choice in enumerate(link.choices):
            for option, variable in enumerate(options[choice]):
                places = [place for place, picks in enumerate(link.allowed) if picks[position] == option]
                built.require(pyo.quicksum(model.tuple[number, place] for place in places) == variable)
    for row in problem.rows:
        _check_clock(until)
        linked = pyo.quicksum(cost * model.tuple[t.link, place] for t in row.link_terms for place, cost in enumerate(t.costs))
        built.require(built.total(row.terms) + linked <= row.limit - row.fixed)
    return built


def _check_clock(until: float | None) -> None:
    if until is not None and time.monotonic() >= until:
        raise OutOfTime


@dataclass(frozen=True, slots=True)
class _Found:
    """What one run gave."""

    picks: tuple[int, ...] | None = None
    proven: bool = False
    infeasible: bool = False
    bound: int | None = None


@dataclass(slots=True)
class _Search:
    """Runs the phases of one call within one set of limits."""

    model: Model
    limits: Limits
    options: MilpOptions
    until: float | None
    handing_over: float
    """Seconds it takes to hand the model to the solver: an estimate, then what it took the last time."""

    def run(self, objective: Any, sense: Any) -> _Found:
        """Solve for one objective with the time that is left."""
        if self.until is not None and time.monotonic() + self.handing_over >= self.until:
            return _Found()
        model = self.model.pyomo
        if model.component("goal") is not None:
            model.del_component("goal")
        model.goal = pyo.Objective(expr=objective, sense=sense)
        solver = self._solver()
        began = time.monotonic()
        if isinstance(solver, PersistentSolverBase):
            solver.set_instance(model)
            self.handing_over = time.monotonic() - began
            began = time.monotonic()
        else:
            began += self.handing_over
        if self.until is not None:
            solver.config.time_limit = self.until - began
            if solver.config.time_limit <= 0:
                return _Found()
        results = solver.solve(model)
        if results.termination_condition in {
            TerminationCondition.provenInfeasible,
            TerminationCondition.infeasibleOrUnbounded,  # every variable is bounded
        }:
            return _Found(infeasible=True)
        bound = results.objective_bound
        whole = math.floor(bound + 1e-6) if bound is not None and math.isfinite(bound) else None
        if results.solution_status not in {SolutionStatus.feasible, SolutionStatus.optimal}:
            return _Found(bound=whole)
        results.solution_loader.load_vars()
        picks = tuple(
            max(range(len(variables)), key=lambda option, variables=variables: variables[option].value)  # type: ignore[misc]
            for variables in self.model.options
        )
        return _Found(picks, results.solution_status == SolutionStatus.optimal, bound=whole)

    def _solver(self) -> Any:
        """Make a new solver for every run, so that a run depends on nothing but the model."""
        solver = SolverFactory(self.options.solver)
        solver.config.rel_gap = 0.0
        solver.config.abs_gap = self.options.absolute_gap
        solver.config.load_solutions = False
        solver.config.raise_exception_on_nonoptimal_result = False
        solver.config.solver_options = dict(self.options.parameters) | {"random_seed": self.limits.seed}
        return solver


def _largest_sum(problem: AllocationProblem) -> int:
    """Bound every sum the solver forms, in absolute value."""
    sums = [sum(max(map(abs, choice.gains)) for choice in problem.choices)]
    for row in problem.rows:
        sums.append(sum(max(t.costs) for t in row.terms) + sum(max(t.costs) for t in row.link_terms) + abs(row.limit - row.fixed))
    sums.extend(sum(max(term.costs) for term in tie_break.terms) for tie_break in problem.tie_breaks)
    return max(sums)
