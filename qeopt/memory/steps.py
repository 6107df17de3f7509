"""Which tensors are resident while each operator runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qeopt.hardware import Runtime
from qeopt.hardware.costs import tensor_elements
from qeopt.network import Dim, Network, Op, OpKind, Tensor


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor in memory, and how many of its values are counted."""

    tensor: Tensor
    elements: Dim


@dataclass(frozen=True, slots=True)
class Step:
    """The execution of one operator.

    An operator that works in place holds the larger of its input and output; it gives two steps, one with each, so that every step
    stays a plain sum. One is enough where they have the same size whatever the bits.
    """

    op: Op
    live: tuple[Held, ...]
    name: str


def steps(network: Network, runtime: Runtime) -> tuple[Step, ...]:
    """List the steps of `network` in execution order, as `runtime` counts them.

    A tensor is live from the operator that writes it to the last that reads it; images from the start, outputs to the end, and a
    state all the time. What lies in the memory of another tensor is no tensor of its own here.
    """
    lives = lifetimes(network)
    held: list[list[Tensor]] = [[] for _ in network.ops]
    for tensor in network.tensors:
        first, last = lives.get(tensor.name, (0, -1))
        for at in held[max(first, 0) : last + 1]:
            at.append(tensor)
    read = {network.home(tensor).name for op in network.ops for tensor in op.inputs}
    found: list[Step] = []
    for index, op in enumerate(network.ops):
        if runtime.memory.steps == "convolutions" and op.kind not in {OpKind.CONV, OpKind.DEPTHWISE}:
            continue
        own = {network.home(tensor).name for tensor in (*op.inputs, *op.outputs)}
        live = held[index]
        if runtime.memory.bystanders == "depthwise" and op.kind is not OpKind.DEPTHWISE:
            live = [tensor for tensor in live if tensor.name in own or tensor.name not in read]
        reusable = (
            lives.get(op.inputs[0].name, (0, -1))[1] == index
            and op.output.lies_in is None
            and np.array_equal(op.inputs[0].channels, op.output.channels)
        )
        same_bits = network.share_bits(op.inputs[0], op.output)
        found += _step(op, live, runtime, reusable=reusable, same_bits=same_bits)
    return tuple(found)


def lifetimes(network: Network) -> dict[str, tuple[int, int]]:
    """By tensor with memory of its own: the first and last operator that finds it there; -1 and the number of operators at ends."""
    end = len(network.ops)
    lives: dict[str, tuple[int, int]] = {}
    born = {tensor.name: index for index, op in enumerate(network.ops) for tensor in op.outputs}
    dies = {tensor.name: index for index, op in enumerate(network.ops) for tensor in op.inputs}
    dies |= {name: born[name] for name in network.discarded} | dict.fromkeys(network.results, end)
    for tensor in network.tensors:
        first, last = born.get(tensor.name, -1), dies.get(tensor.name, end)
        if tensor.is_state:
            first, last = -1, end
        name = network.home(tensor).name
        others = lives.get(name, (first, last))
        lives[name] = min(first, others[0]), max(last, others[1])
    return lives


def _step(op: Op, live: list[Tensor], runtime: Runtime, *, reusable: bool, same_bits: bool) -> list[Step]:
    def holding(without: Tensor | None, name: str) -> Step:
        return Step(op, tuple(Held(t, _counted(op, t, runtime)) for t in live if t is not without), name)

    if not reusable or op.kind.value not in runtime.memory.in_place:
        return [holding(None, op.name)]
    if op.kind is OpKind.ADD and same_bits:  # the sum has the shape and bits of the buffer it replaces
        return [holding(op.output, op.name)]
    return [holding(op.output, f"{op.name} (input)"), holding(op.inputs[0], f"{op.name} (output)")]


def _counted(op: Op, tensor: Tensor, runtime: Runtime) -> Dim:
    if op.kind is OpKind.DEPTHWISE and tensor is op.output and runtime.memory.depthwise_output == "one_channel":
        return op.inputs[0].height * op.inputs[0].width // (op.strides[0] * op.strides[1])  # the authors round the plane down
    return tensor_elements(runtime, tensor)
