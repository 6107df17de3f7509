"""Live sets and peaks against a simulation that allocates and frees buffers while it walks the operators."""

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import count, steps
from qeopt.network import Bits, Network, NetworkBuilder, Op, OpKind, Tensor

RUNTIMES = ("ideal", "paper", "cmix-nn", "lopsided", "in_place", "nothing_in_place", "shared_scratch", "fractions", "everything")
CONVOLUTIONS = {OpKind.CONV, OpKind.DEPTHWISE}


def random_bits(network: Network, rng: random.Random) -> Bits:
    owners = {network.bits_owner(tensor).name: rng.choice((2, 3, 4, 8)) for tensor in network.tensors}
    return Bits(
        {op.name: op.weight_bits or rng.choice((2, 4, 8)) for op in network.weighted_ops},
        {t.name: network.bits_owner(t).bits or owners[network.bits_owner(t).name] for t in network.tensors},
    )


def buffer_bytes(tensor: Tensor, bits: int, runtime: Runtime, channels: int | None = None) -> float:
    """Size of the buffer of a tensor, or of some of its channels."""
    assert isinstance(tensor.channels, int)
    kept = tensor.channels if channels is None else channels
    if channels is None:
        kept = math.ceil(kept / runtime.memory.pad_channels) * runtime.memory.pad_channels
    if tensor.is_image:
        kept = math.ceil(kept / runtime.memory.pad_image_channels) * runtime.memory.pad_image_channels
    values = int(tensor.height) * int(tensor.width) * kept
    bits = runtime.memory.packing.get(bits, bits)
    if runtime.memory.unit == "bits":
        return values * bits / 8
    return math.ceil(math.ceil(values * bits / 8) / runtime.memory.align) * runtime.memory.align


def simulate(network: Network, runtime: Runtime, bits: Bits) -> dict[str, float]:
    """Run a network: the most bytes that lie in buffers at once while each operator runs, scratch excluded."""
    readers = Counter(tensor.name for op in network.ops for tensor in op.inputs)
    results = {tensor.name for tensor in network.tensors if readers[tensor.name] == 0}
    heap = {network.tensors[0].name: network.tensors[0]}
    most: dict[str, float] = {}
    for op in network.ops:
        readers.subtract(tensor.name for tensor in op.inputs)
        first = op.inputs[0].name
        overwrites = op.kind.value in runtime.memory.in_place and readers[first] == 0
        moments = [{**heap, op.output.name: op.output}]
        if overwrites:
            moments = [dict(heap), {name: tensor for name, tensor in moments[0].items() if name != first}]
        if runtime.memory.steps == "all" or op.kind in CONVOLUTIONS:
            most[op.name] = max(_held(op, moment, runtime, bits, results) for moment in moments)
        heap[op.output.name] = op.output
        for tensor in op.inputs:
            if readers[tensor.name] == 0:
                heap.pop(tensor.name, None)
    return most


def _held(op: Op, heap: Mapping[str, Tensor], runtime: Runtime, bits: Bits, results: set[str]) -> float:
    own = {tensor.name for tensor in (*op.inputs, op.output)}
    total = 0.0
    for name, tensor in heap.items():
        waits = name not in own and name not in results  # the authors have no network with a result before its end
        if waits and runtime.memory.bystanders == "depthwise" and op.kind is not OpKind.DEPTHWISE:
            continue
        shrinks = name == op.output.name and op.kind is OpKind.DEPTHWISE and runtime.memory.depthwise_output == "one_channel"
        total += buffer_bytes(tensor, bits.activations[name], runtime, 1 if shrinks else None)
    return total


def compare(network: Network, runtime: Runtime, bits: Bits) -> None:
    found = count(network, runtime, bits)
    tensors: dict[str, float] = {}
    for use in found.steps:
        tensors[use.step.op.name] = max(
            tensors.get(use.step.op.name, 0.0), use.total_bytes - use.scratch_bytes - use.persistent_bytes
        )
    assert tensors == simulate(network, runtime, bits)


@pytest.mark.parametrize("name", RUNTIMES)
def test_peaks_are_those_of_a_run(
    name: str,
    runtimes: Mapping[str, Runtime],
    random_graph: Callable[[random.Random], Network],
    random_chain: Callable[[random.Random], Network],
) -> None:
    rng = random.Random(3)
    runtime = runtimes[name]
    for _ in range(150):
        even = random_graph(rng)
        if runtime.memory.depthwise_output == "one_channel" and any(
            op.stride > 1 and (int(op.inputs[0].height) % 2 or int(op.inputs[0].width) % 2) for op in even.ops
        ):
            continue  # the authors round an odd plane down, a run rounds it up
        compare(even, runtime, random_bits(even, rng))
    for _ in range(40):
        network = random_chain(rng)
        if runtime.memory.depthwise_output == "whole":
            compare(network, runtime, random_bits(network, rng))


def test_an_addition_in_place_needs_no_buffer_of_its_own(runtimes: Mapping[str, Runtime]) -> None:
    image = Tensor("image", 4, 4, 4, bits=8, is_image=True)
    builder = NetworkBuilder("residual", image)
    left = builder.conv("left", image, 4, tied_to="sum")
    builder.add("sum", left, image)
    network = builder.finish()
    live = {step.name: [item.tensor.name for item in step.live] for step in steps(network, runtimes["ideal"])}
    assert live == {"left": ["image", "left"], "sum": ["image", "left"]}
    apart = {step.name: [item.tensor.name for item in step.live] for step in steps(network, runtimes["nothing_in_place"])}
    assert apart["sum"] == ["image", "left", "sum"]


def test_a_buffer_that_is_still_needed_is_not_overwritten(runtimes: Mapping[str, Runtime]) -> None:
    image = Tensor("image", 4, 4, 4, bits=8, is_image=True)
    builder = NetworkBuilder("twice", image)
    filtered = builder.depthwise("filtered", image, kernel=3)
    builder.add("sum", filtered, image)
    builder.conv("again", filtered, 8)
    network = builder.finish()
    live = {step.name: [item.tensor.name for item in step.live] for step in steps(network, runtimes["in_place"])}
    assert live["filtered"] == ["image", "filtered"]
    assert live["sum"] == ["image", "filtered", "sum"]


def test_an_operator_in_place_holds_the_larger_of_its_tensors(runtimes: Mapping[str, Runtime]) -> None:
    image = Tensor("image", 4, 4, 4, bits=8, is_image=True)
    builder = NetworkBuilder("filter", image)
    narrow = builder.conv("narrow", image, 4)
    builder.depthwise("filtered", narrow, kernel=3, stride=2)
    network = builder.finish(output_is_seen=True)
    uses = {use.step.name: use.total_bytes for use in count(network, runtimes["in_place"], Bits.uniform(network, 4)).steps}
    assert uses == {"narrow": 64 + 32, "filtered (input)": 32, "filtered (output)": 8}


def test_the_largest_scratch_is_held_all_the_time_where_the_runtime_says_so(runtimes: Mapping[str, Runtime]) -> None:
    image = Tensor("image", 4, 4, 4, bits=8, is_image=True)
    builder = NetworkBuilder("scratch", image)
    builder.conv("big", builder.conv("small", image, 2), 4, kernel=3)
    network = builder.finish(output_is_seen=True)
    found = count(network, runtimes["shared_scratch"], Bits({"small": 8, "big": 2}, {"image": 8, "small": 4, "big": 4}))
    assert [use.scratch_bytes for use in found.steps] == [9 * 2 * 2, 9 * 2 * 2]
    per_step = count(network, runtimes["nothing_in_place"], Bits({"small": 8, "big": 2}, {"image": 8, "small": 4, "big": 4}))
    assert [use.scratch_bytes for use in per_step.steps] == [4 * 8 // 8 * 4 + 5 * 8, 9 * 2 * 4 // 8 * 4 + 5 * 2 + 2]  # aligned to 8
