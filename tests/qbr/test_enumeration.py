"""The integer program against every assignment of bits: the same ones are allowed, at the same score, within the same budgets.

Legality is read from the runtime's declaration and budgets from `qeopt.memory.count`; nothing of the compiler takes part.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits, Resources, count
from qeopt.network import Bits, Network, Op, OpKind, Tensor
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.qbr.compile import Compiled, Impossible, compile_bits
from qeopt.score import MICRO, QEScore, evaluate
from qeopt.spec.model import build
from qeopt_solvers import Status
from qeopt_solvers.recount import tie_value, value, violations

OBJECTIVE = build(QEScore, {})
CASES = 18
"""Networks per runtime."""
MOST = 900
"""Assignments that a network may have to be enumerated."""
Key = tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]


def key(bits: Bits) -> Key:
    return tuple(sorted(bits.weights.items())), tuple(sorted(bits.activations.items()))


def assignments(network: Network, choices: BitChoices) -> Iterator[Bits]:
    """Every way to give the free weights and activation tensors bits, ties between tensors of the network respected."""
    owners = {tensor.name: network.bits_owner(tensor) for tensor in network.tensors}
    free = sorted({owner.name for owner in owners.values() if owner.bits is None})
    open_ops = [op.name for op in network.weighted_ops if op.weight_bits is None]
    fixed = {op.name: op.weight_bits for op in network.weighted_ops if op.weight_bits is not None}
    for a_bits in product(choices.activations, repeat=len(free)):
        chosen = dict(zip(free, a_bits, strict=True))
        activations = {name: owner.bits or chosen[owner.name] for name, owner in owners.items()}
        for w_bits in product(choices.weights, repeat=len(open_ops)):
            yield Bits({**fixed, **dict(zip(open_ops, w_bits, strict=True))}, activations)


def size(network: Network, choices: BitChoices) -> int:
    free = {network.bits_owner(t).name for t in network.tensors if network.bits_owner(t).bits is None}
    open_ops = [op for op in network.weighted_ops if op.weight_bits is None]
    return int(len(choices.activations) ** len(free) * len(choices.weights) ** len(open_ops))


def follows_ties(network: Network, choices: BitChoices, bits: Bits) -> bool:
    """Under `tie: unit`, a unit has one width for its free weights and one for the free tensors that its convolutions read."""
    if choices.tie == "none":
        return True
    units = {op.unit for op in network.ops if op.unit}
    for unit in units:
        ops = [op for op in network.weighted_ops if op.unit == unit]
        read = [op.inputs[0] for op in ops if op.is_scored and network.bits_owner(op.inputs[0]).bits is None]
        if len({bits.weights[op.name] for op in ops if op.weight_bits is None}) > 1:
            return False
        if len({bits.activations[tensor.name] for tensor in read}) > 1:
            return False
    return True


def runs(network: Network, runtime: Runtime, bits: Bits) -> bool:
    """Whether the runtime has a kernel for every operator at these bits."""
    if runtime.kernels == "any":
        return True
    return all(_has_kernel(runtime, op, source, bits) for op in network.ops for source in op.inputs)


def _has_kernel(runtime: Runtime, op: Op, source: Tensor, bits: Bits) -> bool:
    assert runtime.kernels != "any"
    kernel = runtime.kernels.get(op.kind)
    if kernel is None:
        return False
    read, written = bits.activations[source.name], bits.activations[op.output.name]
    weight = bits.weights.get(op.name, 0)
    if kernel.tuples:
        known = (read, weight, written) in kernel.tuples
    else:
        known = read in kernel.inputs and written in kernel.outputs and (weight in kernel.weights or not op.has_weights)
    channels = {read: _channels(runtime, source)}, {written: _channels(runtime, op.output)}
    by_activations = all(count % kernel.channel_multiple.get(width, 1) == 0 for side in channels for width, count in side.items())
    counts = [_channels(runtime, tensor) for tensor in (source, op.output)]
    by_weights = all(count % kernel.weight_channel_multiple.get(weight, 1) == 0 for count in counts)
    width = op.kernel if op.kernel_width is None else op.kernel_width
    summed = op.kernel * width * (1 if op.kind is OpKind.DEPTHWISE else counts[0] // op.groups)
    by_columns = not op.has_weights or summed % kernel.columns.get(weight, 1) == 0
    shape = by_columns and (
        max(counts) <= (kernel.max_channels or math.inf)
        and op.kernel in (kernel.windows or (op.kernel,))
        and op.stride in (kernel.strides or (op.stride,))
        and not (kernel.square and any(tensor.height != tensor.width for tensor in (source, op.output)))
    )
    return known and by_activations and by_weights and shape


def _channels(runtime: Runtime, tensor: Tensor) -> int:
    assert isinstance(tensor.channels, int)
    multiple = runtime.memory.pad_image_channels if tensor.is_image else 1
    return math.ceil(tensor.channels / multiple) * multiple


def limits_between(rng: random.Random, counted: list[Resources]) -> Limits:
    """Budgets that some assignments meet, often exactly, and others do not."""
    sram, flash, bitops, cycles, energy = (rng.choice(counted) for _ in range(5))
    slack = rng.choice((0, 0, -1, 1))
    return Limits(
        sram=rng.choice((None, max(1, math.floor(sram.sram_bytes) + slack))),
        flash=rng.choice((None, max(1, math.floor(flash.flash_bytes) + slack))),
        bitops=rng.choice((None, max(1, int(bitops.used["bitops"]) + slack))),
        cycles=rng.choice((None, max(1, int(cycles.used.get("cycles", 0)) + slack))) if cycles.used.get("cycles") else None,
        picojoules=rng.choice((None, max(1, int(energy.used.get("picojoules", 0)) + slack)))
        if energy.used.get("picojoules")
        else None,
    )


def within(limits: Limits, resources: Resources) -> bool:
    return all(use.fits for use in limits.uses(resources))


def program(compiled: Compiled) -> dict[Key, tuple[int, ...]]:
    """Every answer that the integer program allows."""
    every = product(*(range(len(choice.labels)) for choice in compiled.problem.choices))
    return {key(compiled.bits(picks)): picks for picks in every if not violations(compiled.problem, picks)}


def cases(
    seed: int, maker: Callable[[random.Random], Network], ties: tuple[str, ...], number: int
) -> Iterator[tuple[random.Random, Network, BitChoices]]:
    """Random networks small enough to enumerate, with random sets of bits."""
    rng = random.Random(seed)
    while number:
        sets: Any = ([2, 4, 8], [4, 8], [2, 8], [2, 4], [8])
        choices = build(BitChoices, {"weights": rng.choice(sets), "activations": rng.choice(sets), "tie": rng.choice(ties)})
        network = maker(rng)
        if size(network, choices) <= MOST:
            number -= 1
            yield rng, network, choices


def test_chains_of_cells(each_runtime: Runtime, random_chain: Callable[[random.Random], Network]) -> None:
    """Blocks as spaces build them, with and without tied units."""
    found = [_agree(*case, each_runtime) for case in cases(11, random_chain, ("none", "unit"), CASES)]
    assert any(found)


def test_graphs(each_runtime: Runtime, random_graph: Callable[[random.Random], Network]) -> None:
    """Networks whose tensors are read late, twice or never, and whose additions need not share bits."""
    found = [_agree(*case, each_runtime) for case in cases(7, random_graph, ("none",), CASES)]
    assert any(found)


@pytest.mark.parametrize("seed", [3, 4])
def test_code_that_depends_on_all_kernels_together(
    seed: int, runtimes: Mapping[str, Runtime], random_chain: Callable[[random.Random], Network]
) -> None:
    """No sum says what a set of kernels takes: the program charges the least, and what it lets through is weeded out afterwards."""
    runtime = runtimes["coded"]
    narrowed = found = 0
    for rng, network, choices in cases(seed, random_chain, ("none", "unit"), CASES):
        legal = {
            key(bits): count(network, runtime, bits)
            for bits in assignments(network, choices)
            if follows_ties(network, choices, bits)
        }
        limits = Limits(flash=int(rng.choice(list(legal.values())).flash_bytes))
        compiled = compile_bits(network, runtime, limits, choices, OBJECTIVE)
        assert isinstance(compiled, Compiled)
        allowed = program(compiled)
        fitting = {name for name, resources in legal.items() if within(limits, resources)}
        assert fitting <= allowed.keys()
        narrowed += len(fitting) < len(allowed)
        refined = Refiner(runtime, limits, choices, OBJECTIVE, QbrSettings()).refine(network, "exhaustive")
        if refined.bits is None:
            assert refined.status is Status.UNKNOWN
            continue
        found += 1
        assert key(refined.bits) in fitting
        best = max(value(compiled.problem, allowed[name]) for name in fitting)
        assert value(compiled.problem, allowed[key(refined.bits)]) <= best
        if refined.status is Status.OPTIMAL:
            assert value(compiled.problem, allowed[key(refined.bits)]) == best
    assert narrowed
    assert found > CASES // 2


def _agree(rng: random.Random, network: Network, choices: BitChoices, runtime: Runtime) -> bool:
    """Compare program and enumeration without budgets and with random ones; say whether anything was allowed."""
    legal = {
        key(bits): (bits, count(network, runtime, bits))
        for bits in assignments(network, choices)
        if follows_ties(network, choices, bits) and runs(network, runtime, bits)
    }
    bounds = [Limits()] + [limits_between(rng, [r for _, r in legal.values()]) for _ in range(3) if legal]
    for limits in bounds:
        compiled = compile_bits(network, runtime, limits, choices, OBJECTIVE)
        if isinstance(compiled, Impossible):
            assert not legal, compiled.reason
            continue
        expected = {name: found for name, found in legal.items() if within(limits, found[1])}
        allowed = program(compiled)
        assert allowed.keys() == expected.keys()
        _same_values(network, compiled, allowed, expected)
        _same_tie_breaks(compiled, allowed, expected, runtime)
        _same_optimum(network, compiled, allowed, Refiner(runtime, limits, choices, OBJECTIVE, QbrSettings()))
    return bool(legal)


def _same_values(
    network: Network,
    compiled: Compiled,
    allowed: Mapping[Key, tuple[int, ...]],
    expected: Mapping[Key, tuple[Bits, Resources]],
) -> None:
    rounding = 0.5 * len(compiled.problem.choices) / MICRO + 1e-9
    for name, picks in allowed.items():
        bits = expected[name][0]
        score = evaluate(OBJECTIVE, network, bits)
        assert abs(compiled.nats(value(compiled.problem, picks)) - score) <= rounding
        assert compiled.bound_nats(value(compiled.problem, picks)) >= score - 1e-9
        assert compiled.picks(bits) == picks


def _same_tie_breaks(
    compiled: Compiled,
    allowed: Mapping[Key, tuple[int, ...]],
    expected: Mapping[Key, tuple[Bits, Resources]],
    runtime: Runtime,
) -> None:
    """Tie-breaks rank by flash and by traffic: they differ from the recount by one constant each."""
    flash, traffic = compiled.problem.tie_breaks
    counted = [(allowed[name], resources) for name, (_, resources) in expected.items()]
    unit = runtime.unit_per_byte
    assert len({r.flash_bytes * unit - tie_value(flash, picks) for picks, r in counted}) <= 1
    assert len({r.traffic_bytes * unit - tie_value(traffic, picks) for picks, r in counted}) <= 1


def _same_optimum(network: Network, compiled: Compiled, allowed: Mapping[Key, tuple[int, ...]], refiner: Refiner) -> None:
    refined = refiner.refine(network, "exhaustive")
    if not allowed:
        assert refined.status is Status.INFEASIBLE
        assert refined.reason
        return
    best = max(value(compiled.problem, picks) for picks in allowed.values())
    assert refined.status is Status.OPTIMAL
    assert refined.outcome is not None
    assert refined.outcome.value == best
    assert refined.bits is not None
    assert key(refined.bits) in allowed
