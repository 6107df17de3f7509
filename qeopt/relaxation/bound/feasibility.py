"""Proof that no design of a space fits: where every design is worth nothing, a bound below nothing leaves none."""

from __future__ import annotations

from dataclasses import replace

from qeopt.qbr import Refiner
from qeopt.relaxation.bound.joint import JointBound, bound_space
from qeopt.relaxation.bound.part import BoundPart
from qeopt.score.zero import ZeroObjective
from qeopt.space import Space, Task

WALKS = 40
"""Walks at most, to find prices at which several budgets together exclude every structure."""
EXCLUDED = -1e-9
"""Below this the bound says that nothing is feasible: without a score it is 0 where something is, but for sums of floats."""


def worthless(refiner: Refiner) -> Refiner:
    """The same terms, under which every design is worth nothing."""
    return replace(refiner, objective=ZeroObjective())


def feasibility(space: Space, task: Task, refiner: Refiner) -> JointBound | None:
    """The bound where nothing has a worth: below 0 where nothing is feasible; None where the space is no chain.

    When the time of `refiner` is up, the best bound so far.
    """
    terms = worthless(refiner)
    return bound_space(
        space, task, terms, tolerance=0.0, most_walks=WALKS, found=lambda value, _: value < EXCLUDED or refiner.deadline.is_past
    )


def proof_that_none_fits(space: Space, task: Task, refiner: Refiner) -> tuple[BoundPart, ...] | None:
    """What proves that no structure of `space` fits at any legal bits; None where that is not proven."""
    bound = feasibility(space, task, refiner)
    return bound.parts if bound is not None and bound.value < EXCLUDED else None
