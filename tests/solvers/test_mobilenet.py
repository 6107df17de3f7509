"""The instances the engines are tuned on. A lost CP-SAT setting shows here as an unproven answer."""

import pytest

from qeopt_solvers import Limits, Status, recount, table
from qeopt_solvers.solve import solve
from qeopt_solvers.testing.networks import inverted_residuals, mobilenet_instances

FEW = (2, 4, 8)
MANY = (2, 3, 4, 5, 6, 7, 8)


def test_the_network_is_mobilenet_v2() -> None:
    shape = inverted_residuals()
    assert len(shape.convs) == 52
    assert sum(conv.weights for conv in shape.convs) == 2_189_760
    assert sum(conv.macs for conv in shape.convs) == 299_494_272
    peak = max(shape.tensors[c.source] + shape.tensors[c.target] + (shape.tensors[c.held] if c.held else 0) for c in shape.convs)
    assert peak == 1470 * 1024


@pytest.mark.parametrize("bits", [FEW, MANY])
def test_cp_sat_proves_each_value_within_a_tenth_deterministic_second(bits: tuple[int, ...]) -> None:
    for name, problem in mobilenet_instances(bits).items():
        outcome = table.load("cp_sat")(problem, Limits(deterministic=0.1))
        assert outcome.status is Status.OPTIMAL, name
        assert outcome.ties_proven, name


@pytest.mark.parametrize(("bits", "share"), [(FEW, None), (MANY, None), (FEW, 24 / 64), (MANY, 24 / 64), (FEW, 16 / 64)])
def test_chain_finishes_alone_and_agrees_with_cp_sat(bits: tuple[int, ...], share: float | None) -> None:
    for name, problem in list(mobilenet_instances(bits, share).items())[::4]:
        own = table.load("chain")(problem, Limits())
        other = solve(problem, "cp_sat")
        assert own.status is other.status is Status.OPTIMAL, name
        assert own.picks is not None
        assert other.picks is not None
        assert recount.key(problem, own.picks) == recount.key(problem, other.picks), name


def test_a_certificate_is_checked_without_a_solver() -> None:
    problem = next(iter(mobilenet_instances(FEW, 24 / 64).values()))
    outcome = table.load("chain")(problem, Limits())
    assert outcome.certificate is not None
    assert outcome.value is not None
    proven = recount.priced_bound(problem, outcome.certificate)
    assert proven is not None
    assert outcome.value <= proven <= outcome.certificate.bound
    assert proven - outcome.value < outcome.value // 1000


@pytest.mark.parametrize("share", [16 / 64, 24 / 64])
@pytest.mark.parametrize(("engine", "most"), [("cp_sat", 0.2), ("chain", 0.05)])
def test_coupled_instances_are_proven_with_little_work(engine: str, most: float, share: float) -> None:
    """In each engine's own unit: work that grows means that the reduction or the bounds of labels have become worse."""
    for name, problem in list(mobilenet_instances(MANY, share).items())[::3]:
        outcome = solve(problem, engine, Limits(deterministic=most))
        assert outcome.status is Status.OPTIMAL, name
        assert outcome.ties_proven, name
        assert outcome.note == "", name
