"""A runtime: which kernels a library has, how it lays out memory, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Annotated, Literal

from pydantic import Field, model_validator

from qeopt.hardware.device import Device, Source
from qeopt.hardware.energy import Energy
from qeopt.hardware.formulas import BitFormula, KernelFormula, ShapeFormula, WeightFormula
from qeopt.hardware.latency import Latency
from qeopt.network import WEIGHTED_KINDS, OpKind
from qeopt.network.lowering import ALL, Fold
from qeopt.spec.model import Block
from qeopt.spec.units import ByteSize

Bits = Annotated[int, Field(ge=1, le=32)]
BitsOrNone = Annotated[int, Field(ge=0, le=32)]
Tuples = tuple[tuple[int, int, int], ...]


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
    weight_channel_multiple: Mapping[Bits, Annotated[int, Field(ge=1)]] = {}
    """By weight bits: the number that input and output channels must be a multiple of."""
    columns: Mapping[Bits, Annotated[int, Field(ge=1)]] = {}
    """By weight bits: the number that the values summed into one output (k_h * k_w * c_in) must be a multiple of."""
    grouped: tuple[Bits, ...] | None = None
    """Weight bits with which it runs groups of channels; all of its own where this is left out."""
    dilated: tuple[Bits, ...] | None = None
    """Weight bits with which it runs dilated windows; all of its own where this is left out."""
    square: bool = False
    """Whether images, windows, steps and padding must be the same in both directions."""
    values: Literal["signed", "unsigned"] | None = None
    """How it holds values: as two's complement, or from zero up with an offset; left out where it takes both."""
    windows: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Sides that a window may have; any where this is left out."""
    strides: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Strides that a window may have; any where this is left out."""
    functions: tuple[str, ...] = ()
    """Functions that an operator of this kind may compute, by name, the empty text for a change of scale; any if left out."""
    max_channels: Annotated[int, Field(ge=1)] | None = None
    """Most channels that an operator may read or write."""
    asks: Mapping[str, WeightFormula] = {}
    """Other limits of shapes and weight bits: by what is asked for in words, a formula that is 0 where that is met."""

    @model_validator(mode="after")
    def _one_form(self) -> Kernel:
        if bool(self.tuples) == bool(self.inputs or self.outputs):
            raise ValueError("a kernel needs either `in` and `out` (and `weights`) or `tuples`")
        if not self.tuples and not (self.inputs and self.outputs):
            raise ValueError("a kernel needs both `in` and `out`")
        return self

    @model_validator(mode="after")
    def _multiples_are_of_its_bits(self) -> Kernel:
        legal = self.tuples or tuple(product(self.inputs, self.weights or (0,), self.outputs))
        activations, weights = {bits for entry in legal for bits in (entry[0], entry[2])}, {entry[1] for entry in legal}
        for field, stated, known in (
            ("channel_multiple", self.channel_multiple, activations),
            ("weight_channel_multiple", self.weight_channel_multiple, weights),
            ("columns", self.columns, weights),
            ("grouped", self.grouped or (), weights),
            ("dilated", self.dilated or (), weights),
        ):
            for bits in stated:
                if bits not in known:
                    raise ValueError(f"`{field}` names {bits} bits, which this kernel does not have")
        return self

    def legal(self, has_weights: bool) -> Tuples:
        """List the legal (in, weights, out); weights are 0 for operators without them."""
        if self.tuples:
            return tuple(sorted(self.tuples))
        return tuple(sorted(product(self.inputs, self.weights if has_weights else (0,), self.outputs)))


Planner = Literal["best", "greedy_by_size"]
"""Who gives buffers their addresses: this program, as well as can be, or the library while it starts, the largest buffer first."""


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
    """The image's channels are padded to a multiple of this; the operators that read it get weights for them."""
    pad_channels: Annotated[int, Field(ge=1)] = 1
    """The channels of every tensor are padded to a multiple of this in memory."""
    packing: Mapping[Bits, Bits] = {}
    """By bits: how many a value occupies, and then no other bits can be stored; as many as it has where this is left out."""
    planner: Planner = "best"
    """Who gives buffers their addresses."""
    persistent: Mapping[OpKind, ShapeFormula] = {}
    """Formula by kind of operator: bytes that each such operator holds from the start to the end of an inference."""
    banks: Literal["largest", "all"] = "largest"
    """Where buffers may lie: in the largest run of joined banks, or each as a whole in any (generated code, one array a buffer)."""
    weights: Literal["flash", "regions"] = "flash"
    """Where weights and parameters live: in flash, or in the device's banks that hold weights alone."""


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


class Linked(Block):
    """Bytes of flash that the linker adds for code, as a map of it shows them."""

    always: ByteSize = 0
    """Of what every network links."""
    by_kind: Mapping[OpKind, ByteSize] = {}
    """By kind of operator: of what all its kernels share."""
    by_bits: Mapping[OpKind, tuple[tuple[Bits, BitsOrNone, Annotated[int, Field(ge=0)]], ...]] = {}
    """By kind of operator: lists of input bits, weight bits and bytes of the kernel for them, whatever it writes."""
    runs_as: Mapping[OpKind, OpKind] = {}
    """Kinds that run the code of another one."""


class Runtime(Block):
    """A kernel library."""

    name: str = ""
    """Short name; the file's name unless stated."""
    title: str = ""
    """Name a person would use."""
    firmware: Literal["qeopt-c", "cmsis-nn"] | None = None
    """Whose kernels `qeopt export --format c` writes a program with; a header of tables is written where this is left out."""
    kernels: Literal["any"] | Mapping[OpKind, Kernel]
    """Legal bits by kind of operator; `any` for a purely analytic count."""
    memory: Memory = Memory()
    """How activations are held."""
    scratch: Scratch | tuple[Scratch, ...] = Scratch()
    """Working memory of the kernels; a list where several buffers have a rule each."""
    weight_bytes: Mapping[OpKind, WeightFormula] = {}
    """Bytes of the weights by kind of operator, where they are not packed densely and rounded up to whole bytes."""
    parameters: Mapping[OpKind, ShapeFormula] = {}
    """Bytes of flash beside the weights (bias, scales) by kind of operator."""
    bitops: Mapping[OpKind, BitFormula] = {}
    """Bit operations by kind of operator; `macs * in_bits * w_bits` where a weighted kind is not named."""
    code: Mapping[OpKind, KernelFormula] = {}
    """Bytes of flash of each kernel in use, by kind of operator; a kernel of some bits is linked once for all layers."""
    linked: Linked = Linked()
    """Code that networks link, where that was measured; it counts beside `code`."""
    latency: Latency | None = None
    """Estimated time, or its floor, for `budgets.latency_ms` and `budgets.fps`."""
    energy: Energy | None = None
    """Estimated energy, for `budgets.energy_uj`."""
    folds: tuple[Fold, ...] = ALL
    """What no operator is needed for here: `pad` (convolutions pad for themselves), `reshape` (one that moves nothing takes no
    memory), `ranking` (softmax and the like, where there is no kernel of them, are left out at the very end of a network)."""
    reorders: bool = True
    """Whether operators of one network may run in another order than it states."""
    needs_isa: tuple[str, ...] = ()
    """Extensions that the device's `isa` must name."""
    max_layers: Annotated[int, Field(ge=1)] | None = None
    """Most convolutions that a network may have, classifier excluded."""
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

    @model_validator(mode="after")
    def _bits_can_be_stored(self) -> Runtime:
        packing = self.memory.packing
        for bits, stored in packing.items():
            if stored < bits:
                raise ValueError(f"`memory.packing` stores {bits} bits in {stored}")
        for kind, kernel in {} if self.kernels == "any" or not packing else self.kernels.items():
            for entry in kernel.legal(kind in WEIGHTED_KINDS):
                missing = [bits for bits in entry if bits and bits not in packing]
                if missing:
                    raise ValueError(f"kernel {kind.value!r} executes {entry}; `memory.packing` has no rule for {missing[0]} bits")
        return self

    @property
    def timing(self) -> Latency | None:
        """The estimate of time, where there is one on the core at hand."""
        return self.latency if self.latency is not None and self.latency.cycles else None

    @property
    def powering(self) -> Energy | None:
        """The estimate of energy, where there is one on the device at hand."""
        return self.energy if self.energy is not None and self.energy.picojoules else None

    def on(self, device: Device | None, margin: float | None = None) -> Runtime:
        """The same on a device, times and energies taken to be higher by a share of `margin` where budgets are kept."""
        latency = None if self.latency is None else self.latency.on(device, margin)
        energy = None if self.energy is None else self.energy.on(device, latency, margin)
        return self.model_copy(update={"latency": latency, "energy": energy})

    @property
    def pools(self) -> tuple[Scratch, ...]:
        """Every pool of working memory."""
        return self.scratch if isinstance(self.scratch, tuple) else (self.scratch,)

    @property
    def shared_pools(self) -> tuple[Scratch, ...]:
        """Pools whose largest need is held all the time."""
        return tuple(pool for pool in self.pools if pool.aggregate == "global_max" and pool.bytes)

    @property
    def lays_out(self) -> bool:
        """Whether every buffer it counts can have an address; a purely analytic count leaves some out."""
        memory = self.memory
        return (memory.unit, memory.steps, memory.bystanders, memory.depthwise_output) == ("bytes", "all", "all", "whole")

    @property
    def unit_per_byte(self) -> int:
        """How many of the units in which memory is counted make a byte."""
        return 8 if self.memory.unit == "bits" else 1
