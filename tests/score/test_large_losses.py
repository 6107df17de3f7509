"""Losses of any magnitude: scaled so that sums stay exact, and what is lost is said."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.network import Bits, Network
from qeopt.qbr import BitChoices, Compiled, QbrSettings, Refiner
from qeopt.score import MICRO, evaluate
from qeopt.score.sensitivity import Sensitivity
from qeopt.spec.model import build


@pytest.mark.parametrize("largest", [1e-2, 1.0, 1e6, 1e10, 1e14])
@pytest.mark.parametrize("engine", ["chain", "cp_sat"])
def test_the_best_bits_of_large_losses(
    largest: float, engine: str, random_chain: Callable[[random.Random], Network], runtimes: dict[str, Runtime]
) -> None:
    rng = random.Random(5)
    network = random_chain(rng)
    free = [op for op in network.ops if op.is_scored and op.weight_bits is None][:4]
    losses: Any = {op.name: {"2": largest * rng.random() + 0.5, "4": 0.3 * rng.random() * largest, "8": 0.0} for op in free}
    objective = build(Sensitivity, {"weights": losses})
    choices = BitChoices(weights=(2, 4, 8), activations=(8,))
    loose = Refiner(runtimes["ideal"], Limits(), choices, objective, QbrSettings())
    low, high = (count(network, loose.runtime, Bits.uniform(network, bits)).flash_bytes for bits in (2, 8))
    terms = replace(loose, limits=Limits(flash=int(low + 0.4 * (high - low))))
    refined = terms.refine(network, engine)
    assert refined.bits is not None, "unknown or infeasible would be wrong"
    compiled = terms.compile(network)
    assert isinstance(compiled, Compiled)
    assert (compiled.per_nat < MICRO) == bool(compiled.note) == (largest >= 1e10)
    best = -float("inf")
    for widths in product((2, 4, 8), repeat=len(free)):
        weights = {**dict.fromkeys(refined.bits.weights, 2), **{op.name: w for op, w in zip(free, widths, strict=True)}}
        weights |= {op.name: op.weight_bits for op in network.weighted_ops if op.weight_bits is not None}
        bits = Bits(weights, refined.bits.activations)
        if count(network, terms.runtime, bits).flash_bytes <= terms.limits["flash"]:
            best = max(best, evaluate(objective, network, bits))
    assert refined.score is not None
    assert refined.score == pytest.approx(best, abs=len(free) / compiled.per_nat)
