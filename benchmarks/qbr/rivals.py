"""What a user would otherwise use, on the same problems. Each takes a problem and seconds, and returns (picks or None, proved)."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pulp
from model_compression_toolkit.core.common.mixed_precision.resource_utilization_tools.resource_utilization import RUTarget
from model_compression_toolkit.core.common.mixed_precision.search_methods import linear_programming
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from qeopt_solvers import AllocationProblem, Scope

Answer = tuple[tuple[int, ...] | None, bool]
Rival = Callable[[AllocationProblem, float], Answer]


def columns(problem: AllocationProblem) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """List (choice, option) and (link, place) in the order of the variables."""
    options = [(c, o) for c, choice in enumerate(problem.choices) for o in range(len(choice.labels))]
    tuples = [(number, place) for number, link in enumerate(problem.links) for place in range(len(link.allowed))]
    return options, tuples


def pulp_cbc(problem: AllocationProblem, seconds: float) -> Answer:
    """PuLP with the CBC it brings: the model one would write down, tuple variables for links."""
    options, tuples = columns(problem)
    model = pulp.LpProblem("bits", pulp.LpMaximize)
    x = {key: pulp.LpVariable(f"x_{key[0]}_{key[1]}", cat="Binary") for key in options}
    y = {key: pulp.LpVariable(f"y_{key[0]}_{key[1]}", 0, 1) for key in tuples}
    model += pulp.lpSum(problem.choices[c].gains[o] * x[c, o] for c, o in options)
    for c, choice in enumerate(problem.choices):
        model += pulp.lpSum(x[c, o] for o in range(len(choice.labels))) == 1
    for number, link in enumerate(problem.links):
        for place, c in enumerate(link.choices):
            for o in range(len(problem.choices[c].labels)):
                taken = [y[number, t] for t, picks in enumerate(link.allowed) if picks[place] == o]
                model += pulp.lpSum(taken) == x[c, o]
    for row in problem.rows:
        terms = [cost * x[t.choice, o] for t in row.terms for o, cost in enumerate(t.costs)]
        terms += [cost * y[t.link, place] for t in row.link_terms for place, cost in enumerate(t.costs)]
        model += pulp.lpSum(terms) <= row.limit - row.fixed
    model.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=seconds, threads=1, gapRel=0))
    if model.sol_status not in {pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible}:
        return None, model.status == pulp.LpStatusInfeasible
    picks = tuple(max(range(len(choice.labels)), key=lambda o, c=c: x[c, o].value()) for c, choice in enumerate(problem.choices))
    return picks, model.sol_status == pulp.LpSolutionOptimal


def scipy_milp(problem: AllocationProblem, seconds: float) -> Answer:
    """SciPy's `milp` (its own HiGHS) with sparse matrices."""
    options, tuples = columns(problem)
    place_of = {key: number for number, key in enumerate(options)}
    tuple_of = {key: len(options) + number for number, key in enumerate(tuples)}
    entries: list[tuple[int, int, float]] = []
    low, high = [], []

    def add(terms: Iterator[tuple[int, float]] | list[tuple[int, float]], least: float, most: float) -> None:
        entries.extend((len(low), column, value) for column, value in terms)
        low.append(least)
        high.append(most)

    for c, choice in enumerate(problem.choices):
        add([(place_of[c, o], 1) for o in range(len(choice.labels))], 1, 1)
    for number, link in enumerate(problem.links):
        for place, c in enumerate(link.choices):
            for o in range(len(problem.choices[c].labels)):
                taken = [(tuple_of[number, t], 1.0) for t, picks in enumerate(link.allowed) if picks[place] == o]
                add([*taken, (place_of[c, o], -1.0)], 0, 0)
    for row in problem.rows:
        terms = [(place_of[t.choice, o], cost) for t in row.terms for o, cost in enumerate(t.costs)]
        terms += [(tuple_of[t.link, place], cost) for t in row.link_terms for place, cost in enumerate(t.costs)]
        add(terms, -np.inf, row.limit - row.fixed)
    lines, places, values = zip(*entries, strict=True)
    count = len(options) + len(tuples)
    result = milp(
        [-problem.choices[c].gains[o] for c, o in options] + [0] * len(tuples),
        integrality=[1] * len(options) + [0] * len(tuples),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(coo_array((values, (lines, places)), shape=(len(low), count)).tocsr(), low, high),
        options={"time_limit": seconds, "mip_rel_gap": 0},
    )
    if result.x is None:
        return None, result.status == 2
    picks = tuple(
        max(range(len(choice.labels)), key=lambda o, c=c: result.x[place_of[c, o]]) for c, choice in enumerate(problem.choices)
    )
    return picks, result.status == 0


def mct(problem: AllocationProblem, seconds: float) -> Answer:
    """The integer program of Sony's Model Compression Toolkit. It has no place for costs of linked combinations."""
    if any(row.link_terms for row in problem.rows):
        raise NotImplementedError("rows over linked combinations")
    linear_programming.SOLVER_TIME_LIMIT = seconds
    options, _ = columns(problem)
    costs = {c: [max(choice.gains) - gain for gain in choice.gains] for c, choice in enumerate(problem.choices)}
    use, left = {}, {}
    for target, scope in ((RUTarget.WEIGHTS, Scope.TOTAL), (RUTarget.ACTIVATION, Scope.LOCAL)):
        rows = [row for row in problem.rows if row.scope is scope]
        by_choice = [{term.choice: term.costs for term in row.terms} for row in rows]
        use[target] = np.array([[of[c][o] - min(of[c]) if c in of else 0 for of in by_choice] for c, o in options])
        left[target] = np.array([row.limit - row.fixed - sum(min(t.costs) for t in row.terms) for row in rows])
    solver = linear_programming.MixedPrecisionIntegerLPSolver(costs, use, left)
    with silence():
        found = solver.run()
    return tuple(int(found[c]) for c in range(len(problem.choices))), True


@contextmanager
def silence() -> Iterator[None]:
    """Send what CBC writes to the standard output nowhere."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


RIVALS: dict[str, Rival] = {"pulp_cbc": pulp_cbc, "scipy_milp": scipy_milp, "mct": mct}
