"""A runtime: which kernels a library has, how it lays out memory, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from qeopt.hardware.device import Source
from qeopt.hardware.formula import BIT_NAMES, Formula
from qeopt.network import WEIGHTED_KINDS, OpKind
from qeopt.spec.model import Block
from qeopt.spec.units import ByteSize

Bits = Annotated[int, Field(ge=1, le=32)]
BitsOrNone = Annotated[int, Field(ge=0, le=32)]
Tuples = tuple[tuple[int, int, int], ...]


def _parse(allow: tuple[str, ...]) -> PlainValidator:
    def validate(value: object) -> Formula:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError("a formula must be a text or an integer")
        return Formula.parse(value, allow)

    return PlainValidator(validate, json_schema_input_type=str | int)


_AS_TEXT = PlainSerializer(lambda formula: formula.text, return_type=str)
ShapeFormula = Annotated[Formula, _parse(()), _AS_TEXT]
"""A formula over an operator's shape."""
BitFormula = Annotated[Formula, _parse(BIT_NAMES), _AS_TEXT]
"""A formula over an operator's shape and bits."""


class Kernel(Block):
    """What the library can execute for one kind of operator."""

    inputs: Annotated[tuple[Bits, ...], Field(alias="in")] = ()
    """Input bits; every combination of in, weights and out is legal."""
    weights: tuple[Bits, ...] = ()
    """Weight bits; left out for operators without weights."""
    outputs: Annotated[tuple[Bits, ...], Field(alias="out")] = ()
    """Output bits."""
    tuples: tuple[tuple[Bits, BitsOrNone, Bits], ...] = ()
    """Instead of the three lists: the legal (in, weights, out) one by one; write 0 for weights where there are none."""
    channel_multiple: Mapping[Bits, Annotated[int, Field(ge=1)]] = {}
    """By activation bits: the number that input and output channels must be a multiple of."""

    @model_validator(mode="after")
    def _one_form(self) -> Kernel:
        if bool(self.tuples) == bool(self.inputs or self.outputs):
            raise ValueError("a kernel needs either `in` and `out` (and `weights`) or `tuples`")
        if not self.tuples and not (self.inputs and self.outputs):
            raise ValueError("a kernel needs both `in` and `out`")
        return self

    def legal(self, has_weights: bool) -> Tuples:
        """List the legal (in, weights, out); weights are 0 for operators without them."""
        if self.tuples:
            return tuple(sorted(self.tuples))
        return tuple(sorted(product(self.inputs, self.weights if has_weights else (0,), self.outputs)))


class Memory(Block):
    """How activations are held while the network runs."""

    unit: Literal["bytes", "bits"] = "bytes"
    """`bytes` rounds every tensor up to whole bytes; `bits` keeps the fractions of a purely analytic count."""
    align: Annotated[int, Field(ge=1)] = 1
    """Every buffer starts and ends at a multiple of this many bytes."""
    in_place: tuple[Literal["add", "depthwise"], ...] = ("add",)
    """Operators that write into the buffer of their first input."""
    depthwise_output: Literal["whole", "one_channel"] = "whole"
    """Share of a depthwise output that is counted."""
    steps: Literal["all", "convolutions"] = "all"
    """Operators whose execution is counted."""
    bystanders: Literal["all", "depthwise"] = "all"
    """Steps at which tensors are counted that are neither read nor written then (shortcuts)."""
    pad_image_channels: Annotated[int, Field(ge=1)] = 1
    """The image's channels are padded to a multiple of this."""


class Scratch(Block):
    """Working memory of the kernels, beside the tensors."""

    bytes: Mapping[OpKind, BitFormula] = {}
    """Bytes by kind of operator; none where a kind is not named."""
    aggregate: Literal["per_step", "global_max"] = "per_step"
    """`per_step` holds it during its own step; `global_max` holds the largest one all the time."""


class Reserve(Block):
    """Fixed needs of the library."""

    sram: ByteSize = 0
    """RAM of the interpreter, allocator or tables."""
    flash: ByteSize = 0
    """Code."""


class Runtime(Block):
    """A kernel library."""

    name: str = ""
    """Short name; the file's name unless stated."""
    title: str = ""
    """Name a person would use."""
    kernels: Literal["any"] | Mapping[OpKind, Kernel]
    """Legal bits by kind of operator; `any` for a purely analytic count."""
    memory: Memory = Memory()
    """How activations are held."""
    scratch: Scratch = Scratch()
    """Working memory of the kernels."""
    parameters: Mapping[OpKind, ShapeFormula] = {}
    """Bytes of flash beside the weights (bias, scales) by kind of operator."""
    bitops: Mapping[OpKind, BitFormula] = {}
    """Bit operations by kind of operator; `macs * in_bits * w_bits` where a weighted kind is not named."""
    classifier_counted: bool = True
    """Whether the classifier counts toward flash and bit operations."""
    reserve: Reserve = Reserve()
    """Fixed needs of the library."""
    source: Source | tuple[Source, ...]
    """Where the numbers come from."""

    @model_validator(mode="after")
    def _weights_where_there_are_any(self) -> Runtime:
        for kind, kernel in {} if self.kernels == "any" else self.kernels.items():
            listed = {weights for _, weights, _ in kernel.tuples} if kernel.tuples else set(kernel.weights)
            if kind in WEIGHTED_KINDS and (not listed or 0 in listed):
                raise ValueError(f"kernel {kind.value!r} needs weight bits")
            if kind not in WEIGHTED_KINDS and not listed <= {0}:
                raise ValueError(f"kernel {kind.value!r} has no weights; leave `weights` out, and write 0 in `tuples`")
        return self

    @property
    def unit_per_byte(self) -> int:
        """How many of the units in which memory is counted make a byte."""
        return 8 if self.memory.unit == "bits" else 1
