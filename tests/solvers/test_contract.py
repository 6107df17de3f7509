"""Every engine of the table keeps the contract that ships with the package."""

from qeopt_solvers import table
from qeopt_solvers.testing.contract import EngineContract


class TestChain(EngineContract):
    name = "chain"
    count = 200


class TestCpSat(EngineContract):
    name = "cp_sat"


class TestExhaustive(EngineContract):
    name = "exhaustive"


class TestMilp(EngineContract):
    name = "milp"
    count = 25


class TestPaper(EngineContract):
    name = "paper"


class TestRatio(EngineContract):
    name = "ratio"


class TestRusci(EngineContract):
    name = "rusci"


def test_every_engine_of_the_table_is_held_to_the_contract() -> None:
    tested = {contract.name for contract in EngineContract.__subclasses__()}
    assert tested >= set(table.ENGINES)
