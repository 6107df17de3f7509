"""Tensor, Op and Network, and the counts that follow from their shapes alone.

Dimensions are integers or integer arrays of one common shape. With arrays a network stands for many networks of the same topology,
and every count in this project serves both: what a search bounds and what a design is charged are one formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Dim: TypeAlias = int | NDArray[np.int64]
"""A dimension or a count: one number, or one number per network of a batch."""


class OpKind(StrEnum):
    """What an operator does; runtimes declare kernels by these names."""

    CONV = "conv"
    DEPTHWISE = "depthwise"
    DENSE = "dense"
    ADD = "add"
    MUL = "mul"
    """Product of two tensors, of one shape or one of them a value per channel (squeeze-and-excitation)."""
    POOL = "pool"
    """Average over a window or over all positions."""
    MAX_POOL = "max_pool"
    CONCAT = "concat"
    """Tensors side by side, copied into one."""
    SLICE = "slice"
    """One piece of a tensor; a split into n is n of these."""
    TRANSPOSE = "transpose"
    """Values of a tensor in another order (channel shuffle, depth to space, a reshape that moves data)."""
    PAD = "pad"
    RESIZE = "resize"
    ACTIVATION = "activation"
    """A function of each value that no operator before it could take in."""


WEIGHTED_KINDS = frozenset({OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE})
COPYING_KINDS = frozenset({OpKind.MAX_POOL, OpKind.SLICE, OpKind.TRANSPOSE, OpKind.PAD})
"""Kinds whose output holds values of their input, so that it has the bits of their input."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An activation tensor: a shape and, if it has no choice, its bits."""

    name: str
    height: Dim
    width: Dim
    channels: Dim
    bits: int | None = None
    """Fixed bits; None leaves them to Quantization Bits Refinement."""
    tied_to: str | None = None
    """Name of the tensor whose bits this one shares (a tensor before an addition takes those of the sum)."""
    is_image: bool = False
    """The network's input."""

    @property
    def elements(self) -> Dim:
        """Number of values."""
        return self.height * self.width * self.channels


@dataclass(frozen=True, slots=True)
class Op:
    """An operator: what it reads, what it writes and, if it has no choice, the bits of its weights."""

    name: str
    kind: OpKind
    inputs: tuple[Tensor, ...]
    output: Tensor
    kernel: Dim = 1
    """Side of the square window, or its height."""
    stride: int = 1
    """Step of the window, or its step downwards."""
    stage: int | None = None
    """Index of the stage it belongs to; None keeps it out of the score (classifier, pools)."""
    weight_bits: int | None = None
    """Fixed weight bits; None leaves them to Quantization Bits Refinement. Meaningless without weights."""
    unit: str = ""
    """Name of the unit it belongs to; studies may tie bits within one."""
    kernel_width: Dim | None = None
    """Width of the window where it is not square."""
    stride_width: int | None = None
    """Step of the window to the right where it differs from `stride`."""
    dilation: tuple[int, int] = (1, 1)
    """Distance between the rows and columns that a window reads."""
    groups: int = 1
    """Groups of a convolution, each of which reads its own share of the input's channels."""
    pads: tuple[int, int, int, int] | None = None
    """Rows and columns of padding (top, left, bottom, right); None for "same"."""
    function: str = ""
    """Name of the activation function, by itself or taken in; empty where nothing is known of one."""

    @property
    def window(self) -> tuple[Dim, Dim]:
        """Height and width of the window."""
        return self.kernel, self.kernel if self.kernel_width is None else self.kernel_width

    @property
    def strides(self) -> tuple[int, int]:
        """Steps of the window down and to the right."""
        return self.stride, self.stride if self.stride_width is None else self.stride_width

    @property
    def has_weights(self) -> bool:
        """Whether the operator multiplies by learnt weights."""
        return self.kind in WEIGHTED_KINDS

    @property
    def is_layer(self) -> bool:
        """Whether it counts as a layer, as the paper counts: convolutions and hidden dense layers, not the classifier."""
        return self.kind in {OpKind.CONV, OpKind.DEPTHWISE} or (self.kind is OpKind.DENSE and self.is_scored)

    @property
    def is_scored(self) -> bool:
        """Whether the score has a term for it: a convolution inside a stage (paper eq. 9)."""
        return self.has_weights and self.stage is not None


def weight_count(op: Op) -> Dim:
    """Count the weights of `op`, biases excluded; 0 without weights."""
    return fan_in(op) * op.output.channels if op.has_weights else 0


def macs(op: Op) -> Dim:
    """Count multiply-accumulates: every weight once per output position."""
    return weight_count(op) * op.output.height * op.output.width


def fan_in(op: Op) -> Dim:
    """Count the values summed into one output, C_in K^2 with C_in = 1 for depthwise (paper, appendix)."""
    source = op.inputs[0]
    height, width = op.window
    match op.kind:
        case OpKind.DEPTHWISE:
            return height * width
        case OpKind.DENSE:
            return source.elements
        case _:
            return height * width * (source.channels // op.groups)


@dataclass(frozen=True)
class Network:
    """Operators in execution order, the tensors between them, and the stages the score weighs."""

    name: str
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    stage_ends: tuple[tuple[int, Tensor], ...] = ()
    """Stage indices, each with the last tensor of that stage (a piece of a network may hold only some)."""
    results: frozenset[str] = frozenset()
    """Names of tensors that are wanted at the end although an operator reads them."""

    @cached_property
    def tensor_by_name(self) -> Mapping[str, Tensor]:
        """Every tensor under its name."""
        return {tensor.name: tensor for tensor in self.tensors}

    @cached_property
    def op_by_name(self) -> Mapping[str, Op]:
        """Every operator under its name."""
        return {op.name: op for op in self.ops}

    @cached_property
    def outputs(self) -> tuple[Tensor, ...]:
        """Tensors that no operator reads, and the other results."""
        read = {tensor.name for op in self.ops for tensor in op.inputs} - self.results
        return tuple(tensor for tensor in self.tensors if tensor.name not in read)

    @property
    def weighted_ops(self) -> tuple[Op, ...]:
        """Operators with weights, in execution order."""
        return tuple(op for op in self.ops if op.has_weights)

    @property
    def layers(self) -> int:
        """Number of convolutions, classifier excluded, as the paper counts layers; a hidden dense layer is a 1x1 convolution."""
        return sum(op.is_layer for op in self.ops)

    def with_tensors(self, found: Mapping[str, Tensor]) -> Network:
        """The same network of other tensors, given by the names they have here, in that order."""
        ops = (replace(op, inputs=tuple(found[t.name] for t in op.inputs), output=found[op.output.name]) for op in self.ops)
        ends = ((stage, found[tensor.name]) for stage, tensor in self.stage_ends)
        return replace(self, tensors=tuple(found.values()), ops=tuple(ops), stage_ends=tuple(ends))

    def bits_owner(self, tensor: Tensor) -> Tensor:
        """Follow ties to the tensor that decides the bits of `tensor`."""
        while tensor.tied_to is not None:
            tensor = self.tensor_by_name[tensor.tied_to]
        return tensor

    def share_bits(self, one: Tensor, other: Tensor) -> bool:
        """Whether two tensors always have the same bits: tied to each other, or fixed alike."""
        owners = self.bits_owner(one), self.bits_owner(other)
        return owners[0] is owners[1] or (owners[0].bits is not None and owners[0].bits == owners[1].bits)
