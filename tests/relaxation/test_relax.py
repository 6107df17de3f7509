"""The relaxation never bounds a structure below the score of its exact bits, and never calls one infeasible that is not."""

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.network import Bits
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.relaxation.rating.relax import Relaxer
from qeopt.score import QEScore
from qeopt.space import Space, Structure, Task
from qeopt.spec.model import build
from qeopt_solvers import Status

WEIGHTS: Any = ([2, 4, 8], [4, 8], [8])
ACTIVATIONS: Any = ([2, 4, 8], [4, 8])


def limits(rng: random.Random, space: Space, task: Task, runtime: Runtime, structure: Structure) -> Limits:
    """Budgets between what a structure needs at two and at eight bits, each present or not."""
    network = space.expand(structure, task)
    low, high = (count(network, runtime, Bits.uniform(network, bits)) for bits in (2, 8))

    def between(least: float, most: float) -> int:
        return max(1, round(least + rng.random() * (most - least)))

    return Limits(
        sram=rng.choice((None, between(low.sram_bytes, high.sram_bytes))),
        flash=rng.choice((None, between(low.flash_bytes, high.flash_bytes))),
        bitops=rng.choice((None, between(low.used["bitops"], high.used["bitops"]))),
        macs=rng.choice((None, None, between(low.used["macs"] / 2, 2 * low.used["macs"]))),
        layers=rng.choice((None, None, int(low.used["layers"]))),
    )


def test_bounds_exact_bits(
    each_runtime: Runtime,
    tiny_space: Callable[[random.Random], tuple[Space, Task]],
    random_structure: Callable[[Space, random.Random], Structure],
) -> None:
    rng = random.Random(23)
    runtime = each_runtime
    solved = loose = 0
    for round_number in range(12):
        space, task = tiny_space(rng)
        choices = build(
            BitChoices,
            {
                "weights": rng.choice(WEIGHTS),
                "activations": rng.choice(ACTIVATIONS),
                "tie": ("none", "unit")[round_number % 2],
            },
        )
        structures = list({random_structure(space, rng) for _ in range(4)})
        bounds = limits(rng, space, task, runtime, structures[0])
        refiner = Refiner(runtime, bounds, choices, build(QEScore, {}), QbrSettings())
        relaxed = Relaxer(space, task, refiner).relax(structures)
        for structure, bound in zip(structures, relaxed, strict=True):
            network = space.expand(structure, task)
            refined = refiner.refine(network)
            assert refined.status in {Status.OPTIMAL, Status.INFEASIBLE}
            if refined.score is None or refined.resources is None:
                continue
            if not all(use.fits for use in bounds.uses(refined.resources)):
                assert bound == -np.inf  # bits cannot help
                continue
            solved += 1
            assert bound >= refined.score - 1e-6
            loose += bound > refined.score + 1e-3
    assert solved >= 3
    if runtime.name in {"ideal", "in_place"}:
        assert loose < solved  # it is not always loose either


def test_is_exact_without_budgets(
    runtimes: Mapping[str, Runtime],
    tiny_space: Callable[[random.Random], tuple[Space, Task]],
    random_structure: Callable[[Space, random.Random], Structure],
) -> None:
    rng = random.Random(5)
    choices = build(BitChoices, {"weights": [2, 4, 8], "activations": [2, 4, 8]})
    for _ in range(5):
        space, task = tiny_space(rng)
        structure = random_structure(space, rng)
        refiner = Refiner(runtimes["ideal"], Limits(), choices, build(QEScore, {}), QbrSettings())
        refined = refiner.refine(space.expand(structure, task))
        assert Relaxer(space, task, refiner).relax([structure])[0] == pytest.approx(refined.score, abs=1e-9)
