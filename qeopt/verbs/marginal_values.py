"""What more of each budget would buy one network, by exact solves."""

from __future__ import annotations

from dataclasses import replace

from qeopt.budgets import budget
from qeopt.infeasibility.network import fast_exact
from qeopt.network import Network
from qeopt.qbr import Impossible, Refiner
from qeopt.score import MICRO
from qeopt_solvers import Status
from qeopt_solvers.budgets import kinds
from qeopt_solvers.explain import Worth, explain_feasible
from qeopt_solvers.solve import solve as solve_program

KIB = 1024


def worths(refiner: Refiner, network: Network) -> tuple[Worth, ...]:
    """Tell by exact solves what each budget is worth to the bits of `network`: 1 KiB of memory, a hundredth of anything else.

    Addresses of buffers, and code beyond the least, are left out. Nothing where no best bits are proven.
    """
    compiled = refiner.compile(network)
    if isinstance(compiled, Impossible):
        return ()
    engine, limits = fast_exact(refiner), refiner.solve_limits()
    outcome = solve_program(compiled.problem, engine, limits)
    if outcome.status is not Status.OPTIMAL:
        return ()
    kibibyte = KIB * refiner.runtime.unit_per_byte
    steps = {kind: kibibyte for kind in kinds(compiled.problem) if budget(kind).unit.is_memory}
    found = explain_feasible(compiled.problem, outcome, engine=engine, limits=limits, steps=steps)
    return tuple(_in_millionths(worth, MICRO // compiled.per_nat) for worth in found)


def _in_millionths(worth: Worth, factor: int) -> Worth:
    """A worth whose gains are counted more coarsely, in millionths of a nat."""
    found = (worth.gain, worth.unlimited_gain, worth.least_gain)
    gain, unlimited, least = (None if value is None else value * factor for value in found)
    return replace(worth, gain=gain, unlimited_gain=unlimited, least_gain=least)
