"""Grow a network operator by operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qeopt.network.graph import Dim, Network, Op, OpKind, Tensor

FIXED_BITS = 8
"""Bits of every tensor and weight that the score does not see (image, stem weights, head output, classifier; paper section 4)."""


class NetworkBuilder:
    """Appends operators in execution order; padding is "same", so a stride divides sides rounding up."""

    def __init__(self, name: str, source: Tensor, stage: int = 0) -> None:
        self._name = name
        self._tensors = [source]
        self._ops: list[Op] = []
        self._stage_ends: list[tuple[int, Tensor]] = []
        self.stage = stage
        self.unit = ""

    def end_stage(self) -> None:
        """Close the current stage with the tensor written last."""
        self._stage_ends.append((self.stage, self._tensors[-1]))
        self.stage += 1

    def conv(
        self,
        name: str,
        source: Tensor,
        channels: Dim,
        *,
        kernel: Dim = 1,
        stride: int = 1,
        weight_bits: int | None = None,
        tied_to: str | None = None,
        kernel_width: int | None = None,
        is_scored: bool = True,
    ) -> Tensor:
        """Append a convolution to `channels` channels; one that the score does not see has 8-bit weights unless stated.

        Its window is square unless it has a width of its own.
        """
        output = _strided(name, source, channels, stride, tied_to)
        stage, weight_bits = self._seen(weight_bits, is_scored=is_scored)
        op = Op(name, OpKind.CONV, (source,), output, kernel, stride, stage, weight_bits, self.unit, kernel_width)
        return self._append(op)

    def depthwise(self, name: str, source: Tensor, *, kernel: Dim, stride: int = 1, is_scored: bool = True) -> Tensor:
        """Append a depthwise convolution; one that the score does not see has 8-bit weights."""
        output = _strided(name, source, source.channels, stride)
        stage, weight_bits = self._seen(None, is_scored=is_scored)
        return self._append(Op(name, OpKind.DEPTHWISE, (source,), output, kernel, stride, stage, weight_bits, self.unit))

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

    def dense(self, name: str, source: Tensor, channels: Dim, *, weight_bits: int = FIXED_BITS) -> Tensor:
        """Append a classifier: a dense layer outside every stage, its weights of stated bits."""
        output = Tensor(name, 1, 1, channels)
        return self._append(Op(name, OpKind.DENSE, (source,), output, weight_bits=weight_bits, unit=self.unit))

    def hidden(self, name: str, source: Tensor, channels: Dim, *, weight_bits: int | None = None) -> Tensor:
        """Append a dense layer that belongs to a stage; it reads all values of `source`."""
        output = Tensor(name, 1, 1, channels)
        return self._append(Op(name, OpKind.DENSE, (source,), output, stage=self.stage, weight_bits=weight_bits, unit=self.unit))

    def finish(self, *, output_is_seen: bool = False, end: Tensor | None = None, beside: Sequence[Tensor] = ()) -> Network:
        """Return the network, with the bits of every tensor that the score does not see fixed at 8.

        Args:
            output_is_seen: Whether the network is a piece of a larger one, where a scored operator reads what leaves it.
            end: What leaves such a piece, where that is not what is written last but something that its operators read.
            beside: What lies in memory all the while without being read.
        """
        tensors = (self._tensors[0], *beside, *self._tensors[1:])
        results = frozenset() if end is None else frozenset({end.name})
        network = Network(self._name, tensors, tuple(self._ops), tuple(self._stage_ends), results)
        return fix_unseen(network, output_is_seen=output_is_seen)

    def _seen(self, weight_bits: int | None, *, is_scored: bool) -> tuple[int | None, int | None]:
        """The stage of an operator and the bits of its weights."""
        return (self.stage, weight_bits) if is_scored else (None, weight_bits or FIXED_BITS)

    def _append(self, op: Op) -> Tensor:
        self._ops.append(op)
        self._tensors.append(op.output)
        return op.output


def fix_unseen(network: Network, *, output_is_seen: bool = False) -> Network:
    """Fix at 8 the bits of every tensor that the score does not see: none that shares its bits is read by a scored operator."""
    seen = {network.bits_owner(op.inputs[0]).name for op in network.ops if op.is_scored}
    if output_is_seen:
        seen.add(network.bits_owner(network.chain_end).name)
    final = {
        tensor.name: replace(tensor, bits=FIXED_BITS)
        if tensor.bits is None and network.bits_owner(tensor).name not in seen
        else tensor
        for tensor in network.tensors
    }
    return network.with_tensors(final)


def with_functions(network: Network, functions: Mapping[str, str]) -> Network:
    """State the activation function after each operator, by name; those left out have none."""
    ops = tuple(replace(op, function=functions.get(op.name, "")) for op in network.ops)
    return replace(network, ops=ops, states_functions=True)


def _strided(name: str, source: Tensor, channels: Dim, stride: int, tied_to: str | None = None) -> Tensor:
    return Tensor(name, -(-source.height // stride), -(-source.width // stride), channels, tied_to=tied_to)
