"""Bits whose buffers find no addresses, or whose kernels take too much code, are not the answer; the status says what is proven."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.memory.arena import overflow_bytes
from qeopt.network import Bits, Network, NetworkBuilder, Tensor
from qeopt.qbr import BitChoices, Impossible, QbrSettings, Refiner
from qeopt.score import QEScore, evaluate
from qeopt.spec.model import build
from qeopt_solvers import Status

SEED = 1813
"""A random graph whose buffers, at 8 bits, need 213 bytes where 208 are live at most."""


def refiner(runtime: Runtime, widths: tuple[int, ...], sram_bytes: int, arenas: tuple[int, ...] = ()) -> Refiner:
    choices = BitChoices(weights=(8,), activations=widths)
    return Refiner(runtime, Limits(sram=sram_bytes), choices, build(QEScore, {}), QbrSettings(), arenas)


def best_with_addresses(terms: Refiner, network: Network) -> float | None:
    """The best score by trying all bits."""
    compiled = terms.compile(network)
    assert not isinstance(compiled, Impossible)
    limit, rooms = terms.limits.sram_bytes or 0, terms.rooms
    best = None
    for picks in product(*(range(len(choice.labels)) for choice in compiled.problem.choices)):
        bits = compiled.bits(picks)
        if count(network, terms.runtime, bits).sram_bytes > limit or overflow_bytes(network, terms.runtime, bits, limit, rooms):
            continue
        score = evaluate(terms.objective, network, bits)
        best = score if best is None else max(best, score)
    return best


@pytest.mark.parametrize("widths", [(2, 4, 8), (4, 8), (7, 8)])
def test_the_best_bits_with_addresses_are_found_and_proven(
    widths: tuple[int, ...], runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network]
) -> None:
    network = random_graph(random.Random(SEED))
    terms = refiner(runtimes["shared_scratch"], widths, 208)
    refined = terms.refine(network)
    best = best_with_addresses(terms, network)
    assert refined.status is Status.OPTIMAL
    assert refined.note == ""
    assert refined.bits is not None
    assert refined.bound is not None
    assert best is not None
    assert refined.score == pytest.approx(best, abs=1e-6)
    assert best <= refined.bound
    assert overflow_bytes(network, terms.runtime, refined.bits, 208) == 0


@pytest.mark.parametrize("runtime_name", ["ideal", "in_place", "shared_scratch", "everything", "paper"])
def test_a_program_with_less_is_the_program_of_smaller_limits(
    runtime_name: str, runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network]
) -> None:
    network, runtime = random_graph(random.Random(SEED)), runtimes[runtime_name]
    terms = replace(refiner(runtime, (2, 4, 8), 200), limits=Limits(sram=200, flash=3000, bitops=10**9))
    compiled = terms.compile(network)
    assert not isinstance(compiled, Impossible)
    for sram, flash in ((0, 0), (17, 123), (201, 5)):
        smaller = replace(terms, limits=Limits(sram=max(200 - sram, 0), flash=3000 - flash, bitops=10**9)).compile(network)
        assert compiled.less(sram=sram * runtime.unit_per_byte, flash=flash * runtime.unit_per_byte) == smaller


@pytest.mark.parametrize("runtime_name", ["ideal", "in_place", "shared_scratch", "everything"])
def test_the_best_bits_in_several_arenas_are_found_and_proven(
    runtime_name: str, runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network]
) -> None:
    """As good as trying all bits, and infeasible only where none have addresses."""
    runtime, rng = runtimes[runtime_name], random.Random(41)
    found = {Status.OPTIMAL: 0, Status.INFEASIBLE: 0}
    spread = 0
    for _ in range(60):
        network = random_graph(rng)
        most = round(count(network, runtime, Bits.uniform(network, 8)).sram_bytes)
        total = rng.randint(2 * most // 3, 3 * most // 2)
        arenas = (total - total // 3, total // 3) if rng.random() < 0.5 else (total // 2, total // 4, total // 4)
        terms = refiner(runtime, (4, 8), sum(arenas) - rng.randint(0, 1), arenas)
        compiled = terms.compile(network)
        if isinstance(compiled, Impossible) or len(compiled.problem.choices) > 6:
            continue
        refined, best = terms.refine(network), best_with_addresses(terms, network)
        found[refined.status] += 1
        assert (refined.score is None) == (best is None)
        if refined.bits is None or refined.score is None:
            assert refined.status is Status.INFEASIBLE
            continue
        assert refined.status is Status.OPTIMAL
        assert refined.score == pytest.approx(best, abs=1e-6)
        spread += terms.choose(compiled, "cp_sat").score != refined.score
    assert min(found.values()) > 0
    assert spread > 0  # somewhere the sum of the arenas was not enough


def test_where_nothing_is_proven_bits_with_addresses_are_found_all_the_same(
    runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qeopt.qbr.parts.ROUNDS", 0)
    network = random_graph(random.Random(SEED))
    for widths in ((2, 4, 8), (4, 8)):
        terms = refiner(runtimes["shared_scratch"], widths, 208)
        refined, best = terms.refine(network), best_with_addresses(terms, network)
        assert refined.status is Status.FEASIBLE
        assert refined.note
        assert refined.bits is not None
        assert refined.score is not None
        assert refined.bound is not None
        assert best is not None
        assert refined.score <= best + 1e-9 <= refined.bound + 2e-9
        assert overflow_bytes(network, terms.runtime, refined.bits, 208) == 0


def test_with_room_for_addresses_the_best_bits_stand(
    runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network]
) -> None:
    network = random_graph(random.Random(SEED))
    refined = refiner(runtimes["shared_scratch"], (2, 4, 8), 213).refine(network)
    assert (refined.status, refined.note) == (Status.OPTIMAL, "")


def test_a_runtime_that_only_counts_has_no_addresses(
    runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network]
) -> None:
    network = random_graph(random.Random(SEED))
    bits = refiner(runtimes["paper"], (8,), 10**6).refine(network).bits
    assert bits is not None
    assert overflow_bytes(network, runtimes["paper"], bits, 1) == 0


def test_code_of_the_kernels_in_use_has_to_fit(runtimes: Mapping[str, Runtime]) -> None:
    """Two kernels take twice the code of one; the program charges the least, the recount both."""
    image = Tensor("image", 4, 4, 8, bits=8, is_image=True)
    builder = NetworkBuilder("two", image)
    builder.conv("b", builder.conv("a", image, 16), 8)
    builder.end_stage()
    network = builder.finish()
    plain = runtimes["ideal"].model_dump(mode="json", by_alias=True) | {"code": {"conv": "100"}}
    runtime = build(Runtime, plain)
    choices = BitChoices(weights=(4, 8), activations=(8,))
    terms = Refiner(runtime, Limits(flash=300), choices, build(QEScore, {}), QbrSettings())
    assert terms.limits.flash_bytes == 300
    mixed = terms.refine(network)  # 64 + 128 bytes of weights and 100 of code would be 292, but two kernels are 392
    assert mixed.bits is not None
    assert set(mixed.bits.weights.values()) == {4}
    assert mixed.resources is not None
    assert mixed.resources.flash_bytes == 64 + 64 + 100
    assert mixed.status is Status.OPTIMAL
    roomy = replace(terms, limits=Limits(flash=400)).refine(network)
    assert roomy.status is Status.OPTIMAL
    assert roomy.resources is not None
    assert roomy.resources.flash_bytes == 128 + 128 + 100


def test_known_bits_with_addresses_are_kept(
    runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network]
) -> None:
    """What another engine found is not given up for less."""
    network = random_graph(random.Random(SEED))
    terms = refiner(runtimes["shared_scratch"], (2, 4, 8), 208)
    best = best_with_addresses(terms, network)
    compiled = terms.compile(network)
    assert not isinstance(compiled, Impossible)
    assert best is not None
    for picks in product(*(range(len(choice.labels)) for choice in compiled.problem.choices)):
        hint = compiled.bits(picks)
        refined = terms.refine(network, hint=hint)
        assert refined.score is not None
        assert refined.score <= best + 1e-9
        assert refined.bits is not None
        assert overflow_bytes(network, terms.runtime, refined.bits, 208) == 0
        fits = count(network, terms.runtime, hint).sram_bytes <= 208 and not overflow_bytes(network, terms.runtime, hint, 208)
        assert not fits or refined.score >= evaluate(terms.objective, network, hint) - 1e-9
