"""CP-SAT: the reference engine, and the one that proves every reported answer once more.

The default parameters of CP-SAT leave easy instances unproven on few cores, because nothing in them turns the linear relaxation
on. `linearization_level=2` with one worker does, and one worker repeats exactly for a given seed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from qeopt_solvers import recount
from qeopt_solvers.allocation import AllocationProblem, Link, Term
from qeopt_solvers.outcome import Limits, Outcome, Status
from qeopt_solvers.product import product_sets
from qeopt_solvers.traits import Traits

TRAITS = Traits(
    summary="OR-Tools CP-SAT: exact for every kind of row and link; the reference",
    exact=True,
    tie_breaks=True,
    deterministic=True,
    hint=True,
)

LARGEST_SUM = 2**53
"""CP-SAT reports bounds as floats; beyond this a float no longer holds every integer."""


def solve(problem: AllocationProblem, limits: Limits) -> Outcome:
    """Maximise the value, then minimise each tie-break with everything before it held."""
    started = time.monotonic()
    if any(not link.allowed for link in problem.links):
        return Outcome(Status.INFEASIBLE, "cp_sat", deterministic_time=0.0)
    if _largest_sum(problem) >= LARGEST_SUM:
        return Outcome(Status.UNKNOWN, "cp_sat", note="the numbers of this problem are too large for cp_sat")
    built = build(problem)
    search = _Search(built, limits, started)
    value_terms = [Term(index, choice.gains) for index, choice in enumerate(problem.choices)]
    built.model.maximize(built.total(value_terms))
    status = search.run(limits.hint)
    if status != cp_model.OPTIMAL or search.picks is None:
        return _stopped(problem, status, search)
    value = recount.value(problem, search.picks)
    if limits.hint is not None and recount.value(problem, limits.hint) == value and not recount.violations(problem, limits.hint):
        search.picks = limits.hint  # as good, and its ties may be settled
    built.model.add(built.total(value_terms) >= value)
    proven = _tie_phases(problem, search)
    return Outcome(
        Status.OPTIMAL, "cp_sat", search.picks, recount.value(problem, search.picks), value, proven, None, search.deterministic
    )


def _tie_phases(problem: AllocationProblem, search: _Search) -> bool:
    for tie_break in problem.tie_breaks:
        total = search.built.total(tie_break.terms)
        search.built.model.minimize(total)
        if search.picks is None or search.run(search.picks) != cp_model.OPTIMAL:
            return False
        search.built.model.add(total <= recount.tie_value(tie_break, search.picks))
    return True


def _stopped(problem: AllocationProblem, status: int, search: _Search) -> Outcome:
    if status == cp_model.INFEASIBLE:
        return Outcome(Status.INFEASIBLE, "cp_sat", deterministic_time=search.deterministic)
    bound = min(sum(max(choice.gains) for choice in problem.choices), search.bound)
    if search.picks is None:
        return Outcome(Status.UNKNOWN, "cp_sat", bound=bound, deterministic_time=search.deterministic, note="stopped by its limits")
    value = recount.value(problem, search.picks)
    return Outcome(
        Status.FEASIBLE, "cp_sat", search.picks, value, bound, False, None, search.deterministic, "stopped by its limits"
    )


@dataclass(frozen=True, slots=True)
class Built:
    """A model and its variables: `options[c][o]` is true when choice `c` takes option `o`."""

    model: cp_model.CpModel
    options: tuple[tuple[cp_model.IntVar, ...], ...]

    def total(self, terms: Sequence[Term]) -> cp_model.LinearExpr:
        """Sum the costs of the options taken."""
        variables = [variable for term in terms for variable in self.options[term.choice]]
        return weighted(variables, [cost for term in terms for cost in term.costs])


def weighted(variables: Sequence[cp_model.IntVar], costs: Sequence[int]) -> cp_model.LinearExpr:
    """Sum `costs[i] * variables[i]`, as an expression even when nothing is summed."""
    return cp_model.LinearExpr.weighted_sum([*variables, 0], [*costs, 0])


def build(problem: AllocationProblem) -> Built:
    """Write the model down, without an objective.

    A link priced by some row becomes one variable per allowed tuple, with marginals tied to the choices: the linear relaxation
    of priced tuples is hopeless otherwise. Unpriced links stay out of the objective's way as clauses, where tuple variables
    would only slow the solver down.
    """
    model = cp_model.CpModel()
    options = tuple(tuple(model.new_bool_var(f"{choice.name}={label}") for label in choice.labels) for choice in problem.choices)
    for variables in options:
        model.add_exactly_one(variables)
    built = Built(model, options)
    priced = {term.link for row in problem.rows for term in row.link_terms}
    tuples = {index: _add_tuples(built, link) for index, link in enumerate(problem.links) if index in priced}
    for index, link in enumerate(problem.links):
        if index not in priced:
            _add_link(built, link)
    for row in problem.rows:
        taken = [variable for term in row.link_terms for variable in tuples[term.link]]
        linked = weighted(taken, [cost for term in row.link_terms for cost in term.costs])
        model.add(built.total(row.terms) + linked <= row.limit - row.fixed)
    return built


def _add_tuples(built: Built, link: Link) -> list[cp_model.IntVar]:
    model = built.model
    variables = [model.new_bool_var(f"{link.name}:{picks}") for picks in link.allowed]
    model.add_exactly_one(variables)
    for place, choice in enumerate(link.choices):
        for option, variable in enumerate(built.options[choice]):
            taken = [var for var, picks in zip(variables, link.allowed, strict=True) if picks[place] == option]
            model.add(sum(taken) == variable)
    return variables


def _add_link(built: Built, link: Link) -> None:
    sets = product_sets(link)
    if sets is not None:
        for choice, legal in zip(link.choices, sets, strict=True):
            for option, variable in enumerate(built.options[choice]):
                if option not in legal:
                    built.model.add(variable == 0)
    elif len(link.choices) == 2:
        for place in (0, 1):
            _add_implications(built, link, place)
    else:
        _add_tuples(built, link)


def _add_implications(built: Built, link: Link, place: int) -> None:
    """One clause per option of one of two linked choices: taking it takes one of the other's matching options."""
    other = built.options[link.choices[1 - place]]
    for option, variable in enumerate(built.options[link.choices[place]]):
        matching = [other[picks[1 - place]] for picks in link.allowed if picks[place] == option]
        built.model.add_bool_or([variable.negated(), *matching])


class _Search:
    """Runs the phases of one call within one set of limits, keeping the best picks."""

    def __init__(self, built: Built, limits: Limits, started: float) -> None:
        self.built = built
        self.limits = limits
        self.started = started
        self.deterministic = 0.0
        self.picks: tuple[int, ...] | None = None
        self.bound: int = LARGEST_SUM

    def run(self, hint: Sequence[int] | None) -> int:
        """Solve the model as it stands and return CP-SAT's status; UNKNOWN without a try when no time is left."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.linearization_level = 2
        solver.parameters.random_seed = self.limits.seed
        solver.parameters.catch_sigint_signal = False  # CP-SAT would swallow Ctrl-C, and its caller would carry on
        if self.limits.seconds is not None:
            solver.parameters.max_time_in_seconds = max(0.0, self.limits.seconds - (time.monotonic() - self.started))
        if self.limits.deterministic is not None:
            solver.parameters.max_deterministic_time = max(0.0, self.limits.deterministic - self.deterministic)
        self._hint(hint)
        status = solver.solve(self.built.model)
        self.deterministic += solver.response_proto.deterministic_time
        if status in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
            self.picks = tuple(
                next(option for option, variable in enumerate(variables) if solver.boolean_value(variable))
                for variables in self.built.options
            )
        if status == cp_model.FEASIBLE:  # without a solution the reported bound may be a mere 0
            self.bound = math.floor(min(LARGEST_SUM, solver.best_objective_bound) + 1e-6)
        return int(status)

    def _hint(self, hint: Sequence[int] | None) -> None:
        self.built.model.clear_hints()  # type: ignore[no-untyped-call]
        if hint is None:
            return
        for variables, pick in zip(self.built.options, hint, strict=True):
            for option, variable in enumerate(variables):
                self.built.model.add_hint(variable, option == pick)


def _largest_sum(problem: AllocationProblem) -> int:
    """Bound every sum the solver forms, in absolute value."""
    sums = [sum(max(map(abs, choice.gains)) for choice in problem.choices)]
    for row in problem.rows:
        own = sum(max(term.costs) for term in row.terms)
        linked = sum(max(term.costs) for term in row.link_terms)
        sums.append(own + linked + abs(row.limit - row.fixed))
    sums.extend(sum(max(term.costs) for term in tie_break.terms) for tie_break in problem.tie_breaks)
    return max(sums)
