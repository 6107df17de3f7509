"""A part of a space that is one structure: its best bits bound it, and nothing is left out."""

from __future__ import annotations

import math

from qeopt.qbr import Refined, Refiner
from qeopt.relaxation.bound.bounder import outward
from qeopt.space import Space, Structure, Task
from qeopt_solvers import Status


def best_bits(space: Space, task: Task, refiner: Refiner, structure: Structure, engine: str | None = None) -> Refined | None:
    """The best bits of a structure; None where it is over a budget that no bits change.

    Raises:
        EngineError: when the engine is unknown or its package is missing.
    """
    network = space.expand(structure, task, space.name)
    used = refiner.structural_totals(network)
    if any(limit is not None and used[name] > limit for name, limit in refiner.limits.items() if name in used):
        return None
    return refiner.refine(network, engine)


def bound_of(found: Refined | None) -> float | None:
    """What best bits prove of their structure, in nats: -inf where it does not fit; None where nothing is proven."""
    if found is None or found.status is Status.INFEASIBLE:
        return -math.inf
    return None if found.bound is None else outward(found.bound)
