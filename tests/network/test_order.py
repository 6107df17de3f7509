"""Live sets and orders of branching networks against a simulator that executes every operator and counts what is resident."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import count
from qeopt.network import Bits, Network, Op, OpKind, Tensor
from qeopt.network.order import Method, least_memory

CASES = 120


def random_network(rng: random.Random, most_ops: int) -> Network:
    """Operators that read any earlier tensor: convolutions, sums, concatenations, slices; some results are read as well."""
    tensors = [Tensor("image", 4, 4, rng.randint(1, 4), bits=8, is_image=True)]
    ops: list[Op] = []
    for number in range(rng.randint(2, most_ops)):
        name, source = f"t{number}", rng.choice(tensors)
        twins = [other for other in tensors if other is not source and other.elements == source.elements]
        kind = rng.choice((OpKind.CONV, OpKind.CONV, OpKind.ADD, OpKind.CONCAT, OpKind.SLICE))
        inputs: tuple[Tensor, ...] = (source,)
        channels = rng.randint(1, 6)
        if kind is OpKind.ADD and twins:
            inputs, channels = (source, rng.choice(twins)), int(source.channels)
        elif kind is OpKind.CONCAT:
            inputs = (source, *rng.sample(tensors, k=min(len(tensors), rng.randint(0, 2))))
            inputs = tuple(dict.fromkeys(inputs))
            channels = sum(int(tensor.channels) for tensor in inputs)
        elif kind is OpKind.SLICE:
            channels = rng.randint(1, int(source.channels))
        else:
            kind = OpKind.CONV
        output = Tensor(name, 4, 4, channels, bits=rng.choice((2, 4, 8)) if rng.random() < 0.3 else None)
        tensors.append(output)
        ops.append(Op(name, kind, inputs, output, stage=0 if kind is OpKind.CONV else None))
    read = [tensor.name for tensor in tensors[1:] if any(tensor in op.inputs for op in ops)]
    results = frozenset(rng.sample(read, k=1)) if read and rng.random() < 0.3 else frozenset()
    return Network("random", tuple(tensors), tuple(ops), (), results)


def simulate(network: Network, order: Sequence[Op], size: Mapping[str, int], *, adds_in_place: bool) -> int:
    """Run operators one by one: a buffer is taken before an operator runs, and given back once nobody will read it."""
    wanted = {tensor.name for tensor in network.outputs}
    memory, peak = {network.tensors[0].name: size[network.tensors[0].name]}, 0
    for step, op in enumerate(order):
        later = {tensor.name for other in order[step + 1 :] for tensor in other.inputs} | wanted
        over = next((t for t in op.inputs if t.name not in later and size[t.name] == size[op.output.name]), None)
        if adds_in_place and op.kind is OpKind.ADD and over is not None:
            peak = max(peak, sum(memory.values()))
            del memory[over.name]
        else:
            peak = max(peak, sum(memory.values()) + size[op.output.name])
        memory[op.output.name] = size[op.output.name]
        memory = {name: held for name, held in memory.items() if name in later}
    return peak


def orders(network: Network) -> Iterator[list[Op]]:
    """Every order in which the operators can run."""

    def extend(done: list[Op], left: list[Op], written: set[str]) -> Iterator[list[Op]]:
        if not left:
            yield done
        for op in left:
            if all(tensor.name in written for tensor in op.inputs):
                rest = [other for other in left if other is not op]
                yield from extend([*done, op], rest, written | {op.output.name})

    yield from extend([], list(network.ops), {network.tensors[0].name})


def test_live_sets_are_what_an_execution_holds(runtimes: Mapping[str, Runtime]) -> None:
    rng = random.Random(5)
    ideal = runtimes["ideal"]
    nothing = ideal.model_copy(update={"memory": ideal.memory.model_copy(update={"in_place": ()})})
    for _ in range(CASES):
        network = random_network(rng, 12)
        bits = Bits.uniform(network, 4)
        size = {t.name: -(-int(t.elements) * bits.activations[t.name] // 8) for t in network.tensors}
        assert count(network, nothing, bits).sram_bytes == simulate(network, network.ops, size, adds_in_place=False)


def test_sums_in_place_hold_what_an_execution_holds(runtimes: Mapping[str, Runtime]) -> None:
    """At uniform bits, and with the first input the one that is written into, as an ordered network has it."""
    rng = random.Random(6)
    for _ in range(CASES):
        network = random_network(rng, 12)
        network = least_memory(_same_bits(network)).network
        size = {t.name: int(t.elements) for t in network.tensors}
        used = count(network, runtimes["ideal"], Bits.uniform(network, 8)).sram_bytes
        assert used == simulate(network, network.ops, size, adds_in_place=True)


def _same_bits(network: Network) -> Network:
    found = {tensor.name: replace(tensor, bits=8) for tensor in network.tensors}
    ops = tuple(replace(op, inputs=tuple(found[t.name] for t in op.inputs), output=found[op.output.name]) for op in network.ops)
    return replace(network, tensors=tuple(found.values()), ops=ops)


def test_no_order_needs_less_than_the_exact_one() -> None:
    rng = random.Random(7)
    better = 0
    for _ in range(CASES // 2):
        network = random_network(rng, 7)
        size = {t.name: int(t.elements) for t in network.tensors}
        least = min(simulate(network, order, size, adds_in_place=True) for order in orders(network))
        found = least_memory(network)
        assert found.peak == least
        assert found.method in {Method.EXACT, Method.ONLY}
        assert simulate(found.network, found.network.ops, size, adds_in_place=True) == least
        better += found.peak < found.given_peak
    assert better


@pytest.mark.parametrize("beam", [1, 8])
def test_the_heuristic_never_needs_more_than_the_given_order(beam: int) -> None:
    rng = random.Random(8)
    for _ in range(CASES // 4):
        network = random_network(rng, 12)
        size = {t.name: int(t.elements) for t in network.tensors}
        found = least_memory(network, exact_states=1, beam=beam)
        assert found.peak <= found.given_peak == simulate(network, network.ops, size, adds_in_place=True)
        assert simulate(found.network, found.network.ops, size, adds_in_place=True) == found.peak
        assert {op.name for op in found.network.ops} == {op.name for op in network.ops}


def test_a_chain_has_one_order() -> None:
    image = Tensor("image", 4, 4, 3, bits=8, is_image=True)
    tensors = [image, *(Tensor(f"t{number}", 4, 4, 2) for number in range(300))]
    ops = tuple(Op(b.name, OpKind.CONV, (a,), b, stage=0) for a, b in pairwise(tensors))
    found = least_memory(Network("chain", tuple(tensors), ops))
    assert found.method is Method.ONLY
    assert [op.name for op in found.network.ops] == [op.name for op in ops]
