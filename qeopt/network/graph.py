"""Tensor, Op and Network, and the counts that follow from their shapes alone.

Dimensions are integers or integer arrays of one common shape. With arrays a network stands for many networks of the same topology,
and every count in this project serves both: what a search bounds and what a design is charged are one formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    POOL = "pool"


WEIGHTED_KINDS = frozenset({OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE})


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
    """Side of the square window."""
    stride: int = 1
    stage: int | None = None
    """Index of the stage it belongs to; None keeps it out of the score (classifier, pools)."""
    weight_bits: int | None = None
    """Fixed weight bits; None leaves them to Quantization Bits Refinement. Meaningless without weights."""
    unit: str = ""
    """Name of the unit it belongs to; studies may tie bits within one."""

    @property
    def has_weights(self) -> bool:
        """Whether the operator multiplies by learnt weights."""
        return self.kind in WEIGHTED_KINDS

    @property
    def is_scored(self) -> bool:
        """Whether the score has a term for it: a convolution inside a stage (paper eq. 9)."""
        return self.has_weights and self.stage is not None


def weight_count(op: Op) -> Dim:
    """Count the weights of `op`, biases excluded; 0 without weights."""
    source = op.inputs[0]
    match op.kind:
        case OpKind.CONV:
            return op.kernel * op.kernel * source.channels * op.output.channels
        case OpKind.DEPTHWISE:
            return op.kernel * op.kernel * source.channels
        case OpKind.DENSE:
            return source.elements * op.output.channels
        case _:
            return 0


def macs(op: Op) -> Dim:
    """Count multiply-accumulates: every weight once per output position."""
    return weight_count(op) * op.output.height * op.output.width


def fan_in(op: Op) -> Dim:
    """Count the values summed into one output, C_in K^2 with C_in = 1 for depthwise (paper, appendix)."""
    source = op.inputs[0]
    match op.kind:
        case OpKind.DEPTHWISE:
            return op.kernel * op.kernel
        case OpKind.DENSE:
            return source.elements
        case _:
            return op.kernel * op.kernel * source.channels


@dataclass(frozen=True)
class Network:
    """Operators in execution order, the tensors between them, and the stages the score weighs."""

    name: str
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    stage_ends: tuple[tuple[int, Tensor], ...] = ()
    """Stage indices, each with the last tensor of that stage (a piece of a network may hold only some)."""

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
        """Tensors that no operator reads."""
        read = {tensor.name for op in self.ops for tensor in op.inputs}
        return tuple(tensor for tensor in self.tensors if tensor.name not in read)

    @property
    def weighted_ops(self) -> tuple[Op, ...]:
        """Operators with weights, in execution order."""
        return tuple(op for op in self.ops if op.has_weights)

    @property
    def layers(self) -> int:
        """Number of convolutions, classifier excluded, as the paper counts layers."""
        return sum(op.kind in {OpKind.CONV, OpKind.DEPTHWISE} for op in self.ops)

    def bits_owner(self, tensor: Tensor) -> Tensor:
        """Follow ties to the tensor that decides the bits of `tensor`."""
        while tensor.tied_to is not None:
            tensor = self.tensor_by_name[tensor.tied_to]
        return tensor
