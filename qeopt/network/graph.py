"""Tensor, Op and Network, and the counts that follow from their shapes alone.

Dimensions are integers or integer arrays of one common shape. With arrays a network stands for many networks of the same topology,
and every count in this project serves both: what a search bounds and what a design is charged are one formula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Dim: TypeAlias = int | NDArray[np.int64]
"""A dimension or a count: one number, or one number per network of a batch."""


LARGEST = 1 << 53
"""Counts stay below this: floats, which carry them on, are exact so far, and sums of them fit 64 bits."""


class TooLargeError(ValueError):
    """A count cannot be exact: it leaves what floats carry."""


def extent(value: Dim) -> tuple[int, int]:
    """The least and the most of a number or of an array."""
    if isinstance(value, np.ndarray):
        return (int(value.min()), int(value.max())) if value.size else (0, 0)
    return int(value), int(value)


def times(*factors: Dim) -> Dim:
    """The product of dimensions.

    Raises:
        TooLargeError: an array could hold a product that is not exact.
    """
    found: Dim = 1
    for factor in factors:
        found = found * factor
    if isinstance(found, np.ndarray) and math.prod(max(map(abs, extent(factor))) for factor in factors) >= LARGEST:
        raise TooLargeError("a product of dimensions is more than can be counted exactly (2^53)")
    return found


class OpKind(StrEnum):
    """What an operator does; runtimes declare kernels by these names."""

    CONV = "conv"
    DEPTHWISE = "depthwise"
    DENSE = "dense"
    TRANSPOSED_CONV = "transposed_conv"
    """Every value read is spread over a window of the output."""
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    """Product of two tensors, of one shape or one of them a value per channel (squeeze-and-excitation)."""
    MAXIMUM = "maximum"
    """The larger of two tensors, value by value."""
    MINIMUM = "minimum"
    """The smaller of two tensors, value by value."""
    AFFINE = "affine"
    """Constants times a tensor plus constants, by channel or by value: what no operator around it could take in."""
    LAYER_NORM = "layer_norm"
    """Values less their mean over their standard deviation, over the channels of a position."""
    POOL = "pool"
    """Average over a window or over all positions."""
    MAX_POOL = "max_pool"
    CONCAT = "concat"
    """Tensors side by side, copied into one."""
    SLICE = "slice"
    """One piece of a tensor."""
    SPLIT = "split"
    """All pieces of a tensor along one side, written by one operator."""
    TRANSPOSE = "transpose"
    """Values of a tensor in another order (channel shuffle, depth to space, a reshape that moves data)."""
    RESHAPE = "reshape"
    """Values of a tensor in their order under another shape: a copy only where a runtime makes one."""
    PAD = "pad"
    RESIZE = "resize"
    ACTIVATION = "activation"
    """A function of each value that no operator before it could take in."""
    READ_STATE = "read_state"
    """A copy of a state tensor."""
    WRITE_STATE = "write_state"
    """A tensor copied into the memory of a state tensor."""


WEIGHTED_KINDS = frozenset({OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE, OpKind.TRANSPOSED_CONV})
COPYING_KINDS = frozenset(
    {
        OpKind.MAX_POOL,
        OpKind.SLICE,
        OpKind.SPLIT,
        OpKind.TRANSPOSE,
        OpKind.RESHAPE,
        OpKind.PAD,
        OpKind.READ_STATE,
        OpKind.WRITE_STATE,
    }
)
"""Kinds whose output holds values of their input, so that it has the bits of their input."""
Move: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""A shape in which values are seen and the order in which its sides are then taken; values run over channels, rows, columns."""
Sides: TypeAlias = tuple[int, int, int]
"""Something by height, width and channels."""


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
    """An input of the network."""
    pixel_range: tuple[float, float] = (0.0, 1.0)
    """Of an input: the values that pixels of 0 and of 255 stand for."""
    is_state: bool = False
    """Kept from one inference to the next: no operator has to write it first, and nothing else may lie where it lies."""
    lies_in: str | None = None
    """Name of the tensor in whose memory it lies; it needs none of its own."""

    @property
    def elements(self) -> Dim:
        """Number of values."""
        return times(self.height, self.width, self.channels)


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
    """Name of the activation function, by itself or taken in; how values are made, for resizing and padding."""
    terms: tuple[float | None, ...] = ()
    """Numbers of the function: the bounds of `clip`, None for no bound; slopes; the value to pad with."""
    others: tuple[Tensor, ...] = ()
    """What it writes beside `output`, all at once."""
    weights_of: str = ""
    """Name of the operator that holds the weights that this one uses too; they are stored once and have one width."""
    constants: int = 0
    """Constants that it reads beside weights and bias."""
    moves: tuple[Move, ...] = ()
    """Through what it sees its first input, one after the other."""
    begins: Sides = (0, 0, 0)
    """Where a slice begins."""
    every: Sides = (1, 1, 1)
    """Steps of a slice."""
    channel_pads: tuple[int, int] = (0, 0)
    """Channels of padding before and after."""
    counts_padding: bool = False
    """Whether an average divides by the whole window at borders too."""
    reduces: bool = False
    """Whether it is written as a mean or a maximum over sides, for which some libraries have another kernel than for windows."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Everything it writes."""
        return (self.output, *self.others)

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
        return self.has_weights and (self.kind is not OpKind.DENSE or self.is_scored)

    @property
    def is_scored(self) -> bool:
        """Whether the score has a term for it: a convolution inside a stage (paper eq. 9)."""
        return self.has_weights and self.stage is not None


def weight_count(op: Op) -> Dim:
    """Count the weights of `op`, biases excluded; 0 without weights."""
    return times(fan_in(op), op.output.channels) if op.has_weights else 0


def macs(op: Op) -> Dim:
    """Count multiply-accumulates: every weight once per output position (per input position of a transposed convolution)."""
    seen = op.inputs[0] if op.kind is OpKind.TRANSPOSED_CONV else op.output
    return times(weight_count(op), seen.height, seen.width)


def fan_in(op: Op) -> Dim:
    """Count the values summed into one output, C_in K^2 with C_in = 1 for depthwise (paper, appendix)."""
    source = op.inputs[0]
    height, width = op.window
    match op.kind:
        case OpKind.DEPTHWISE:
            return times(height, width)
        case OpKind.DENSE:
            return source.elements
        case _:
            return times(height, width, source.channels // op.groups)


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
    discarded: frozenset[str] = frozenset()
    """Names of tensors that nobody reads or wants: they are written and forgotten."""
    states_functions: bool = False
    """Whether it is known of every operator which function it ends in; else that is left to convention."""

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
        """Tensors that no operator reads, and the other results; neither what is discarded nor what a state keeps."""
        read = {tensor.name for op in self.ops for tensor in op.inputs} | self.discarded
        read |= {tensor.name for tensor in self.tensors if tensor.is_state or tensor.lies_in is not None}
        inner = read - self.results
        return tuple(tensor for tensor in self.tensors if tensor.name not in inner)

    @property
    def chain_end(self) -> Tensor:
        """Of a piece of a chain: what leaves it. What it writes last, unless it says that it hands on what it read."""
        return self.tensor_by_name[next(iter(self.results))] if self.results else self.tensors[-1]

    @cached_property
    def sources(self) -> tuple[Tensor, ...]:
        """Tensors that no operator writes: images, and states before an inference."""
        written = {tensor.name for op in self.ops for tensor in op.outputs}
        return tuple(tensor for tensor in self.tensors if tensor.name not in written)

    def home(self, tensor: Tensor) -> Tensor:
        """The tensor in whose memory `tensor` lies: itself, unless it needs none."""
        while tensor.lies_in is not None:
            tensor = self.tensor_by_name[tensor.lies_in]
        return tensor

    def weights_owner(self, op: Op) -> Op:
        """The operator that holds the weights of `op`: itself, unless it shares them."""
        return self.op_by_name[op.weights_of] if op.weights_of else op

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

        def of(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return tuple(found[tensor.name] for tensor in tensors)

        ops = (replace(op, inputs=of(op.inputs), output=found[op.output.name], others=of(op.others)) for op in self.ops)
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
