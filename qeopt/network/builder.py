"""Grow a network operator by operator."""

from __future__ import annotations

from dataclasses import replace

from qeopt.network.graph import Dim, Network, Op, OpKind, Tensor

FIXED_BITS = 8
"""Bits of every tensor and weight that the score does not see (image, stem weights, head output, classifier; paper section 4)."""


class NetworkBuilder:
    """Appends operators in execution order; padding is "same", so a stride divides sides rounding up."""

    def __init__(self, name: str, input_tensor: Tensor) -> None:
        self._name = name
        self._tensors = [input_tensor]
        self._ops: list[Op] = []
        self._stage_outputs: list[Tensor] = []
        self.unit = ""

    @property
    def last(self) -> Tensor:
        """The tensor written last."""
        return self._ops[-1].output if self._ops else self._tensors[0]

    @property
    def stage(self) -> int:
        """Index of the stage that operators now join."""
        return len(self._stage_outputs)

    def end_stage(self) -> None:
        """Close the current stage with the tensor written last."""
        self._stage_outputs.append(self.last)

    def conv(
        self, name: str, source: Tensor, channels: Dim, *, kernel: Dim = 1, stride: int = 1, weight_bits: int | None = None, tied_to: str | None = None
    ) -> Tensor:
        """Append a convolution to `channels` channels."""
        output = _strided(name, source, channels, stride, tied_to)
        return self._append(Op(name, OpKind.CONV, (source,), output, kernel, stride, self.stage, weight_bits, self.unit))

    def depthwise(self, name: str, source: Tensor, *, kernel: Dim, stride: int = 1) -> Tensor:
        """Append a depthwise convolution."""
        output = _strided(name, source, source.channels, stride)
        return self._append(Op(name, OpKind.DEPTHWISE, (source,), output, kernel, stride, self.stage, unit=self.unit))

    def pool(self, name: str, source: Tensor, *, stride: int) -> Tensor:
        """Append an average pool with a window as wide as its stride; it keeps the bits of its input."""
        output = _strided(name, source, source.channels, stride, tied_to=source.name)
        return self._append(Op(name, OpKind.POOL, (source,), output, stride, stride, unit=self.unit))

    def global_pool(self, name: str, source: Tensor) -> Tensor:
        """Append an average over all positions."""
        output = Tensor(name, 1, 1, source.channels)
        return self._append(Op(name, OpKind.POOL, (source,), output, source.height, unit=self.unit))

    def add(self, name: str, projection: Tensor, shortcut: Tensor) -> Tensor:
        """Append an addition; a runtime that adds in place writes into the buffer of `projection`."""
        output = Tensor(name, projection.height, projection.width, projection.channels)
        return self._append(Op(name, OpKind.ADD, (projection, shortcut), output, unit=self.unit))

    def dense(self, name: str, source: Tensor, channels: Dim) -> Tensor:
        """Append a classifier: a dense layer with 8-bit weights, outside every stage."""
        output = Tensor(name, 1, 1, channels)
        return self._append(Op(name, OpKind.DENSE, (source,), output, weight_bits=FIXED_BITS, unit=self.unit))

    def open(self) -> Network:
        """Return what was built as a piece of a larger network: its output keeps its choice of bits."""
        return Network(self._name, tuple(self._tensors), tuple(self._ops), tuple(self._stage_outputs))

    def finish(self) -> Network:
        """Return the network: the last stage closed, the bits of every tensor that the score does not see fixed at 8."""
        last_scored = next((op for op in reversed(self._ops) if op.is_scored), None)
        if last_scored is not None and last_scored.stage == self.stage:
            self._stage_outputs.append(last_scored.output)
        network = self.open()
        seen = {network.bits_owner(op.inputs[0]).name for op in network.ops if op.is_scored}
        final = {
            tensor.name: replace(tensor, bits=FIXED_BITS)
            if tensor.bits is None and network.bits_owner(tensor).name not in seen
            else tensor
            for tensor in network.tensors
        }
        ops = tuple(replace(op, inputs=tuple(final[t.name] for t in op.inputs), output=final[op.output.name]) for op in network.ops)
        return Network(self._name, tuple(final.values()), ops, tuple(final[t.name] for t in network.stage_outputs))

    def _append(self, op: Op) -> Tensor:
        self._ops.append(op)
        self._tensors.append(op.output)
        return op.output


def _strided(name: str, source: Tensor, channels: Dim, stride: int, tied_to: str | None = None) -> Tensor:
    return Tensor(name, -(-source.height // stride), -(-source.width // stride), channels, tied_to=tied_to)
