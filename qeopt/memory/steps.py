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

    A tensor is live from the operator that writes it to the last that reads it; the image from the start, outputs to the end.
    """
    end = len(network.ops)
    born = {op.output.name: index for index, op in enumerate(network.ops)}
    dies = {tensor.name: index for index, op in enumerate(network.ops) for tensor in op.inputs}
    dies |= dict.fromkeys(network.results, end)
    lives = {tensor.name: (born.get(tensor.name, -1), dies.get(tensor.name, end)) for tensor in network.tensors}
    found: list[Step] = []
    for index, op in enumerate(network.ops):
        if runtime.memory.steps == "convolutions" and op.kind not in {OpKind.CONV, OpKind.DEPTHWISE}:
            continue
        own = {tensor.name for tensor in (*op.inputs, op.output)}
        live = [tensor for tensor in network.tensors if lives[tensor.name][0] <= index <= lives[tensor.name][1]]
        if runtime.memory.bystanders == "depthwise" and op.kind is not OpKind.DEPTHWISE:
            live = [tensor for tensor in live if tensor.name in own]
        reusable = dies[op.inputs[0].name] == index and np.array_equal(op.inputs[0].channels, op.output.channels)
        same_bits = network.share_bits(op.inputs[0], op.output)
        found += _step(op, live, runtime, reusable=reusable, same_bits=same_bits)
    return tuple(found)


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
