"""Engines are found by name, are imported on use, and can come from outside."""

import subprocess
import sys
from pathlib import Path

import pytest

from qeopt_solvers import AllocationProblem, Choice, Limits, Link, Status, table
from qeopt_solvers.outcome import Outcome
from qeopt_solvers.solve import checked, solve, solve_many

PROBLEM = AllocationProblem((Choice("a", (2, 4, 8), (1, 5, 9)),))
FREE = AllocationProblem((Choice("a", (2, 4), (1, 5)), Choice("b", (2, 4), (0, 9))), (Link("one", (0, 1), ((0, 1), (1, 0))),))

OUTSIDE = """
from qeopt_solvers import Outcome, Status, recount
from qeopt_solvers.traits import Traits

TRAITS = Traits(summary="takes the first tuple of the first link", exact=False, solve_many=True)

def solve(problem, limits):
    picks = problem.links[0].allowed[0]
    if recount.violations(problem, picks):
        return Outcome(Status.UNKNOWN, "first")
    return Outcome(Status.FEASIBLE, "first", picks, recount.value(problem, picks))

def solve_many(problems, limits):
    return tuple(solve(problem, limits) for problem in problems)

def lie(problem, limits):
    return Outcome(Status.OPTIMAL, "liar", (0,) * len(problem.choices), 10**6, 10**6)
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with two engines, as pip would: a module and the metadata beside it."""
    (tmp_path / "outside_engines.py").write_text(OUTSIDE)
    metadata = tmp_path / "outside_engines-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-engines\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[qeopt.engines]\nfirst = outside_engines:solve\nliar = outside_engines:lie\nbroken = not_there:solve\n"
        "no_function = outside_engines:missing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


def test_names_lists_every_bundled_engine() -> None:
    assert set(table.names()) >= {"chain", "cp_sat", "milp", "exhaustive", "ratio", "paper", "rusci"}


def test_a_wrong_name_gets_the_nearest_one() -> None:
    with pytest.raises(table.EngineError, match=r"no engine 'cp-sat'; did you mean 'cp_sat'\?"):
        table.load("cp-sat")


@pytest.mark.usefixtures("outside")
def test_an_engine_from_outside_is_found_and_used() -> None:
    assert "first" in table.names()
    assert not table.traits("first").exact
    outcome = solve(FREE, "first")
    assert (outcome.status, outcome.engine, outcome.value) == (Status.FEASIBLE, "first", 1 + 9)


@pytest.mark.usefixtures("outside")
def test_many_problems_go_to_the_engine_at_once_where_it_can() -> None:
    assert [outcome.engine for outcome in solve_many([FREE, FREE], "first")] == ["first", "first"]
    assert solve_many([FREE, PROBLEM], "chain") == (solve(FREE, "chain"), solve(PROBLEM, "chain"))


@pytest.mark.usefixtures("outside")
def test_a_false_answer_is_thrown_away() -> None:
    outcome = solve(PROBLEM, "liar")
    assert outcome.status is Status.UNKNOWN
    assert outcome.picks is None
    assert "recounts to" in outcome.note


@pytest.mark.usefixtures("outside")
def test_a_missing_package_is_named() -> None:
    with pytest.raises(table.EngineError, match=r"needs the package 'not_there'.*pip install not_there"):
        table.load("broken")


@pytest.mark.usefixtures("outside")
def test_a_missing_function_is_named() -> None:
    with pytest.raises(table.EngineError, match="outside_engines has no function 'missing'"):
        table.load("no_function")


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (Outcome(Status.OPTIMAL, "x"), "gave no picks"),
        (Outcome(Status.INFEASIBLE, "x", picks=(0,)), "gave picks all the same"),
        (Outcome(Status.FEASIBLE, "x", (2,), 9, bound=8), "bound 8 is below"),
        (Outcome(Status.OPTIMAL, "x", (2,), 9, bound=10), "does not meet"),
    ],
)
def test_contradictory_outcomes_are_thrown_away(outcome: Outcome, fault: str) -> None:
    found = checked(PROBLEM, outcome)
    assert found.status is Status.UNKNOWN
    assert fault in found.note


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_no_solver() -> None:
    heavy = run_python(
        "import sys, qeopt_solvers, qeopt_solvers.solve, qeopt_solvers.explain, qeopt_solvers.testing.contract\n"
        "print([name for name in ('ortools', 'pyomo', 'highspy', 'pytest') if name in sys.modules])"
    )
    assert heavy.strip() == "[]"


@pytest.mark.parametrize("order", [("cp_sat", "milp"), ("milp", "cp_sat")])
def test_ortools_and_highs_share_a_process_in_either_order(order: tuple[str, str]) -> None:
    """Some versions of the two bring the same shared library and cannot; the pins in pyproject.toml are there for this."""
    code = (
        "from qeopt_solvers import AllocationProblem, Choice\n"
        "from qeopt_solvers.outcome import Limits\n"
        "from qeopt_solvers import table\n"
        "problem = AllocationProblem((Choice('a', (2, 4), (1, 5)), Choice('b', (2, 4), (2, 3))))\n"
        f"print([table.load(name)(problem, Limits()).value for name in {order!r}])"
    )
    assert run_python(code).strip() == "[8, 8]"


def test_same_answer_under_another_hash_seed() -> None:
    code = (
        "from qeopt_solvers.solve import solve\n"
        "from qeopt_solvers.testing.networks import random_network_problem\n"
        "print([solve(random_network_problem(3), name).picks for name in ('chain', 'cp_sat', 'ratio', 'paper', 'rusci')])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed, "PATH": ""}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_an_unlimited_call_needs_no_limits() -> None:
    assert solve(PROBLEM, "chain") == solve(PROBLEM, "chain", Limits())
