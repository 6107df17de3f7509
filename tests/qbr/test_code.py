"""Code of the kernels in use is part of what bits may cost: against every assignment of bits, for both ways to state it."""

import random
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.memory.arena import overflow_bytes
from qeopt.network import Bits, Network
from qeopt.qbr import BitChoices, Impossible, QbrSettings, Refiner
from qeopt.qbr.code import Branch, in_use, least_code
from qeopt.score import QEScore, evaluate
from qeopt.spec.model import build
from qeopt_solvers import Status

MOST_CHOICES = 6


def with_code(plain: Runtime, rng: random.Random) -> Runtime:
    """A runtime whose kernels have sizes: measured ones by kind and bits, or stated ones by a formula."""
    told: dict[str, Any] = plain.model_dump(mode="json", by_alias=True)
    if rng.random() < 0.3:
        return build(
            Runtime, told | {"code": {"conv": f"{rng.randint(20, 300)} + 7 * in_bits * w_bits", "depthwise": "9 * out_bits"}}
        )
    sizes = {kind: [[i, w, rng.randint(0, 400)] for i, w in product((2, 4, 8), repeat=2)] for kind in ("conv", "depthwise")}
    linked = {"always": rng.randint(0, 100), "by_kind": {"add": 31, "conv": 17}, "by_bits": sizes, "runs_as": {"dense": "conv"}}
    return build(Runtime, told | {"linked": linked})


def best_by_trying(terms: Refiner, network: Network) -> float | None:
    """The best score of bits that fit with all code and have addresses."""
    compiled = terms.compile(network)
    assert not isinstance(compiled, Impossible)
    sram, flash = terms.limits.sram_bytes or 0, terms.limits.flash_bytes or 0
    scores = []
    for picks in product(*(range(len(choice.labels)) for choice in compiled.problem.choices)):
        bits = compiled.bits(picks)
        used = count(network, terms.runtime, bits)
        if used.flash_bytes <= flash and used.sram_bytes <= sram and not overflow_bytes(network, terms.runtime, bits, sram):
            scores.append(evaluate(terms.objective, network, bits))
    return max(scores, default=None)


def cases(
    runtimes: Mapping[str, Runtime], networks: Callable[[random.Random], Network], seed: int, number: int
) -> list[tuple[Refiner, Network]]:
    """Small networks under budgets between the least and the most that bits of theirs cost."""
    rng = random.Random(seed)
    found: list[tuple[Refiner, Network]] = []
    while len(found) < number:
        network = networks(rng)
        runtime = with_code(runtimes[rng.choice(("ideal", "in_place"))], rng)
        widths = rng.choice(((2, 4, 8), (4, 8), (2, 8)))
        choices = BitChoices(weights=widths, activations=widths)
        free = Refiner(runtime, Limits(sram=10**6, flash=10**6), choices, build(QEScore, {}), QbrSettings())
        compiled = free.compile(network)
        if isinstance(compiled, Impossible) or not 2 <= len(compiled.problem.choices) <= MOST_CHOICES:
            continue
        corners = [compiled.bits([end * (len(one.labels) - 1) for one in compiled.problem.choices]) for end in (0, 1)]
        small, large = (count(network, runtime, bits) for bits in corners)
        flash = rng.randint(*sorted((int(small.flash_bytes) - 100, int(large.flash_bytes) + 100)))
        sram = rng.randint(*sorted((int(small.sram_bytes), int(large.sram_bytes) + 10)))
        terms = Refiner(runtime, Limits(sram=sram, flash=max(flash, 1)), choices, build(QEScore, {}), QbrSettings())
        found.append((terms, network))
    return found


@pytest.mark.parametrize("engine", ["chain", "cp_sat"])
def test_bits_with_room_for_their_code_are_the_best_by_trying(
    engine: str,
    runtimes: Mapping[str, Runtime],
    random_graph: Callable[[random.Random], Network],
    random_chain: Callable[[random.Random], Network],
) -> None:
    ended = {Status.OPTIMAL: 0, Status.INFEASIBLE: 0}
    mended = 0
    made = random_chain if engine == "chain" else random_graph
    for terms, network in cases(runtimes, made, 7, 30):
        refined, best = terms.refine(network, engine), best_by_trying(terms, network)
        if refined.status is Status.UNKNOWN and engine == "chain":
            continue  # no chain
        ended[refined.status] += 1
        assert (refined.score is None) == (best is None)
        if best is None or refined.score is None or refined.bits is None:
            assert refined.status is Status.INFEASIBLE
            continue
        assert refined.score == pytest.approx(best, abs=1e-6)
        assert refined.outcome is not None
        assert refined.outcome.value == refined.outcome.bound
        compiled = terms.compile(network)
        assert not isinstance(compiled, Impossible)
        mended += terms.choose(compiled, engine).score != refined.score
    assert min(ended.values()) > 0
    assert mended > 2  # elsewhere the program alone was enough


def test_the_least_code_of_a_branch_is_never_more_than_its_bits_need(
    runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network]
) -> None:
    """And is just that where all of their kernels are paid."""
    rng = random.Random(3)
    for terms, network in cases(runtimes, random_graph, 11, 40):
        compiled = terms.compile(network)
        assert not isinstance(compiled, Impossible)
        bits = compiled.bits([rng.randrange(len(one.labels)) for one in compiled.problem.choices])
        code = count(network, terms.runtime, bits).flash_bytes - count(network, runtimes["ideal"], bits).flash_bytes
        used = in_use(network, terms.runtime, bits)
        some = frozenset(kernel for kernel in used if rng.random() < 0.5)
        every = {kernel for width in (2, 4, 8) for kernel in in_use(network, terms.runtime, Bits.uniform(network, width))}
        other = frozenset(every - used.keys())
        assert least_code(network, terms.runtime, compiled.decisions, Branch(some, other)) <= code
        assert least_code(network, terms.runtime, compiled.decisions, Branch(frozenset(used))) == code
