"""The models of CP-SAT and Pyomo, written out for every kind of part a problem can have and compared with stored ones.

To store them anew after an intended change: `QEOPT_STORE_GOLDEN=1 pytest tests/solvers/test_snapshots.py`.
"""

import os
from itertools import product
from pathlib import Path

import pyomo.environ as pyo  # type: ignore[import-untyped]
import pytest

from qeopt_solvers import AllocationProblem, Choice, Link, LinkTerm, Row, Scope, Term, TieBreak
from qeopt_solvers.engines import cp_sat, milp

GOLDEN = Path(__file__).parent / "golden"
BITS = (2, 4, 8)
CHOICES = tuple(Choice(name, BITS, gains) for name, gains in (("a", (1, 3, 4)), ("b", (2, 5, 6)), ("c", (0, 2, 7))))
PAIRS = tuple(product(range(3), range(3)))
LOWER = tuple(pair for pair in PAIRS if pair[0] >= pair[1])
TRIPLES = tuple(t for t in product(range(3), range(3), range(3)) if sum(t) in {2, 3})
COSTS = (10, 20, 40)

CASES: dict[str, AllocationProblem] = {
    "row local terms": AllocationProblem(
        CHOICES, rows=(Row("step", "sram", "B", Scope.LOCAL, 70, (Term(0, COSTS), Term(1, COSTS)), fixed=5),)
    ),
    "row total terms": AllocationProblem(
        CHOICES, rows=(Row("flash", "flash", "B", Scope.TOTAL, 90, tuple(Term(i, COSTS) for i in range(3)), fixed=3),)
    ),
    "row total link_terms": AllocationProblem(
        CHOICES,
        (Link("op", (0, 1), PAIRS),),
        (Row("bitops", "bitops", "bit", Scope.TOTAL, 30, (), (LinkTerm(0, tuple(4 * (i + 1) for i in range(9))),)),),
    ),
    "row local link_terms": AllocationProblem(
        CHOICES,
        (Link("op", (0, 1), LOWER),),
        (Row("scratch", "sram", "B", Scope.LOCAL, 30, (Term(2, COSTS),), (LinkTerm(0, (1, 2, 3, 4, 5, 6)),)),),
    ),
    "link product": AllocationProblem(CHOICES, (Link("kernel", (0, 1), ((1, 1), (1, 2), (2, 1), (2, 2))),)),
    "link pair": AllocationProblem(CHOICES, (Link("kernel", (0, 1), LOWER),)),
    "link triple": AllocationProblem(CHOICES, (Link("kernel", (0, 1, 2), TRIPLES),)),
    "tie_breaks": AllocationProblem(CHOICES, tie_breaks=(TieBreak("flash", "B", (Term(0, COSTS), Term(2, COSTS))),)),
}


def cp_sat_text(problem: AllocationProblem) -> str:
    built = cp_sat.build(problem)
    built.model.maximize(built.total([Term(index, choice.gains) for index, choice in enumerate(problem.choices)]))
    for tie_break in problem.tie_breaks:
        built.model.add(built.total(tie_break.terms) <= 0)
    return str(built.model.proto)


def milp_text(problem: AllocationProblem, path: Path) -> str:
    built = milp.build(problem)
    built.pyomo.goal = pyo.Objective(
        expr=built.total([Term(index, choice.gains) for index, choice in enumerate(problem.choices)]), sense=pyo.maximize
    )
    for tie_break in problem.tie_breaks:
        built.require(built.total(tie_break.terms) <= 0)
    built.pyomo.write(str(path), io_options={"symbolic_solver_labels": True})
    return path.read_text()


def compare(name: str, text: str) -> None:
    stored = GOLDEN / name
    if os.environ.get("QEOPT_STORE_GOLDEN"):
        stored.write_text(text)
    assert stored.is_file(), f"no stored model {name}"
    assert text == stored.read_text(), f"{name} changed"


@pytest.mark.parametrize("case", CASES)
def test_the_cp_sat_model_is_the_stored_one(case: str) -> None:
    compare(f"{case.replace(' ', '_')}.cp_sat.txt", cp_sat_text(CASES[case]))


@pytest.mark.parametrize("case", CASES)
def test_the_pyomo_model_is_the_stored_one(case: str, tmp_path: Path) -> None:
    compare(f"{case.replace(' ', '_')}.lp", milp_text(CASES[case], tmp_path / "model.lp"))


def test_every_kind_of_part_has_a_model() -> None:
    """Every scope with every kind of term, and every field of a problem beside its choices, in some case."""
    wanted = {f"row {scope} {terms}" for scope in Scope for terms in ("terms", "link_terms")}
    wanted |= {"link product", "link pair", "link triple", "tie_breaks"}
    assert set(CASES) == wanted
    for problem, name in ((problem, name) for name, problem in CASES.items() if name.startswith("row")):
        _, scope, terms = name.split()
        assert any(row.scope == scope and getattr(row, terms) for row in problem.rows), name
    fields = set(AllocationProblem.__dataclass_fields__) - {"choices"}
    assert {field for field in fields for problem in CASES.values() if getattr(problem, field)} == fields


def test_no_stored_model_is_left_over() -> None:
    names = {f"{case.replace(' ', '_')}{ending}" for case in CASES for ending in (".cp_sat.txt", ".lp")}
    assert {path.name for path in GOLDEN.iterdir()} == names
