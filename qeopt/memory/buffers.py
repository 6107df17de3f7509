"""What has to be placed in memory: how large each buffer is, and how long it is held."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from qeopt.hardware import Runtime
from qeopt.hardware.costs import held, persistent, pool_scratch, tensor_elements
from qeopt.memory.steps import Step, steps
from qeopt.network import Bits, Network, Op

LASTING = "(lasting)"
"""Name of the buffer of what operators hold for good."""
BufferKind = Literal["tensor", "scratch", "lasting"]
"""What a buffer holds: a tensor, working memory of one kernel or of all, or what operators keep for good."""
Widths = Mapping[str, Collection[int]]
"""By name of a tensor, or of an operator with weights: the bits it may have."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes that are held from the operator with index `first` to the one with index `last`, both included."""

    name: str
    """Name of the tensor, or what people read for others: `kind` and `op` say what it is."""
    bytes: int
    first: int
    last: int
    slot: int
    """Buffers of one slot share an address: an operator that works in place writes over its first input."""
    lasts: bool = False
    """Whether it is held from one inference to the next: a state, or what operators keep for good."""
    kind: BufferKind = "tensor"
    """What it holds."""
    op: str = ""
    """Operator whose working memory it is; empty for what is no operator's own."""
    pool: int = 0
    """Which of the runtime's pools of working memory it is of, from 0."""


def buffers(network: Network, runtime: Runtime, bits: Bits) -> tuple[Buffer, ...]:
    """List what has to be placed, in the order in which it is first needed.

    Raises:
        ValueError: when the runtime only counts and lays nothing out (fractions of bytes, part of the steps or tensors).
    """
    weights = {name: (width,) for name, width in bits.weights.items()}
    activations = {name: (width,) for name, width in bits.activations.items()}
    return Lifetimes.of(network, runtime).buffers(weights, activations)


@dataclass(frozen=True)
class Lifetimes:
    """How long every tensor of a network is held, which no bits change."""

    network: Network
    runtime: Runtime
    spans: Mapping[str, tuple[int, int]]
    """By tensor: the first and the last operator that finds it in memory."""
    slots: Mapping[str, int]

    @classmethod
    def of(cls, network: Network, runtime: Runtime) -> Lifetimes:
        """Read lifetimes from the steps.

        Raises:
            ValueError: when the runtime only counts and lays nothing out.
        """
        if not runtime.lays_out:
            raise ValueError(f"the runtime {runtime.name!r} counts memory without laying it out, so nothing has an address in it")
        found = steps(network, runtime)
        index = {op.name: number for number, op in enumerate(network.ops)}
        times: dict[str, list[int]] = {}
        for step in found:
            for item in step.live:
                times.setdefault(item.tensor.name, []).append(index[step.op.name])
        slots = {name: number for number, name in enumerate(times)}
        for source, written in _in_place(network, found):
            times.setdefault(written, []).append(times[source][-1])  # the sum is held as the buffer it is written into
            slots[written] = slots[source]
        return cls(network, runtime, {name: (min(at), max(at)) for name, at in times.items()}, slots)

    def buffers(self, weights: Widths, activations: Widths, window: tuple[int, int] | None = None) -> tuple[Buffer, ...]:
        """List what has to be placed, each buffer as small as it can be with bits among those given; first needed, first listed.

        Args:
            weights: By operator: bits of its weights.
            activations: By tensor: its bits.
            window: First and last operator to look at, all of them unless given: buffers are cut to it, those outside are left out.
        """
        first, last = window or (0, len(self.network.ops) - 1)
        spans = {name: (max(born, first), min(dies, last)) for name, (born, dies) in self.spans.items()}
        tensors = [
            Buffer(name, self._tensor_bytes(name, activations[name]), *span, self.slots[name], self._is_state(name))
            for name, span in spans.items()
            if span[0] <= span[1]
        ]
        others = [*self._lasting(first, last), *self._scratch(weights, activations, first, last)]
        numbered = (replace(buffer, slot=len(self.spans) + number) for number, buffer in enumerate(others))
        return tuple(sorted((*tensors, *numbered), key=lambda buffer: buffer.first))

    def _is_state(self, name: str) -> bool:
        return self.network.tensor_by_name[name].is_state

    def _tensor_bytes(self, name: str, widths: Collection[int]) -> int:
        elements = tensor_elements(self.runtime, self.network.tensor_by_name[name])
        return min(int(held(self.runtime, elements, width)) for width in widths)

    def _lasting(self, first: int, last: int) -> list[Buffer]:
        """What operators hold for good, as one buffer."""
        size = sum(int(persistent(self.runtime, op)) for op in self.network.ops) if self.runtime.memory.persistent else 0
        return [Buffer(LASTING, size, first, last, 0, lasts=True, kind="lasting")] if size else []

    def _scratch(self, weights: Widths, activations: Widths, first: int, last: int) -> list[Buffer]:
        """One buffer per operator and pool, or one per pool that is held all the time."""
        pools = self.runtime.pools
        found = []
        for number, pool in enumerate(pools):
            label = "scratch" if len(pools) == 1 else f"scratch {number + 1}"
            is_shared = pool.aggregate == "global_max"
            sizes = {
                index: min(int(pool_scratch(self.runtime, pool, op, *entry)) for entry in _entries(op, weights, activations))
                for index, op in enumerate(self.network.ops)
                if op.kind in pool.bytes and (is_shared or first <= index <= last)
            }
            if is_shared:
                most = max(sizes.values(), default=0)
                found += [Buffer(f"({label})", most, first, last, 0, kind="scratch", pool=number)] if most else []
                continue
            for index, size in sizes.items():
                op = self.network.ops[index].name
                found += [Buffer(f"{op} ({label})", size, index, index, 0, kind="scratch", op=op, pool=number)] if size else []
        return found


def _entries(op: Op, weights: Widths, activations: Widths) -> product[tuple[int, int, int]]:
    """The (in, weight, out) bits that an operator may have."""
    return product(activations[op.inputs[0].name], weights.get(op.name, (0,)), activations[op.output.name])


def _in_place(network: Network, found: Sequence[Step]) -> list[tuple[str, str]]:
    """Pairs of input and output that are never held side by side while their operator runs."""

    def pair(op: Op) -> tuple[str, str]:
        return network.home(op.inputs[0]).name, network.home(op.output).name

    together = {step.op.name for step in found if set(pair(step.op)) <= {item.tensor.name for item in step.live}}
    return [pair(op) for op in network.ops if op.name not in together]
