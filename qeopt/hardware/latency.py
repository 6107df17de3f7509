"""Models of time: cycles of operators by core, how far measured networks lay from them, and floors where nothing was measured."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from qeopt.hardware.device import Device, Source
from qeopt.hardware.formula import Formula
from qeopt.hardware.formulas import BitFormula
from qeopt.network import WEIGHTED_KINDS, OpKind
from qeopt.spec.model import Block

Percent = Annotated[float, Field(gt=-100, lt=10_000)]
Errors = tuple[Percent, Percent]
"""The least and the most, in per cent, by which a measured time was longer than the estimate of it (negative: shorter)."""
Cycles = Annotated[float, Field(ge=0, le=1_000_000)]
HUNDREDTHS = 100
"""Formulas hold integers; a model is stated to a hundredth of a cycle."""
CONVOLUTIONS = (OpKind.CONV, OpKind.DEPTHWISE, OpKind.TRANSPOSED_CONV)
UNTIMED = frozenset({OpKind.RESHAPE, OpKind.READ_STATE, OpKind.WRITE_STATE})
"""Kinds that no measured network has and that move nothing, or little, where a library is left to fold them."""


class Measured(Block):
    """How far measured times of whole networks lay from a model."""

    rows: Annotated[int, Field(ge=1)]
    """Measurements."""
    networks: Annotated[int, Field(ge=1)]
    """Networks among them."""
    boards: Annotated[int, Field(ge=1)]
    """Boards among them."""
    error: Errors
    """Of the measurements that the model was fitted to."""
    leave_one_network_out: Errors | None = None
    """Of every network by a model fitted to the others, as far as those have every kind of operator."""
    leave_one_board_out: Errors | None = None
    """Of every board by a model fitted to the others; none where there is one board."""


class CoreCycles(Block):
    """Cycles on one core, with few parameters: a convolution or dense layer pays for MACs and for every value it writes."""

    conv_mac: Cycles
    """Of a MAC of any convolution."""
    dense_mac: Cycles
    """Of a MAC of a dense layer; reading weights once each takes longer than that of a convolution."""
    output: Cycles
    """Of a value that a convolution, or any operator without weights, writes."""
    call: Cycles = 0
    """Of an operator, whatever its size."""
    measured: Measured | None = None
    """What this was fitted to; none where it follows from another core (see `source`)."""
    transferred: Errors | None = None
    """Instead: how far other engines' times lay from what the same way from one core to the other predicts."""
    source: Source | tuple[Source, ...]
    """Where it comes from."""

    @model_validator(mode="after")
    def _has_evidence(self) -> CoreCycles:
        if (self.measured is None) == (self.transferred is None):
            raise ValueError("a model of cycles needs either `measured` or `transferred`: how far measurements lay from it")
        return self

    def formulas(self) -> Mapping[OpKind, Formula]:
        """Cycles by kind of operator; values written are `h_out * w_out * c_out`."""
        written = f"{_hundredths(self.output)} * h_out * w_out * c_out"
        call = f" + {_hundredths(self.call)}" if self.call else ""
        texts = dict.fromkeys(OpKind, written)
        texts |= dict.fromkeys(CONVOLUTIONS, f"{_hundredths(self.conv_mac)} * macs + {written}")
        texts[OpKind.DENSE] = f"{_hundredths(self.dense_mac)} * macs"
        return {kind: Formula.parse(f"({text}{call}) // {HUNDREDTHS}") for kind, text in texts.items() if kind not in UNTIMED}


class Latency(Block):
    """How long operators take: an estimate with its errors, or a floor; never a measurement of the network at hand."""

    cycles: Mapping[OpKind, BitFormula] = {}
    """Clock cycles by kind of operator on any core that runs this; none where a kind is not named."""
    cores: Mapping[str, CoreCycles] | None = None
    """Models fitted to measurements, by core as devices name it."""
    floor: Literal["macs_per_cycle"] | None = None
    """On all other cores: no more than that MACs cannot be finished faster than the device's `macs_per_cycle`."""
    source: Source | tuple[Source, ...]
    """Where the estimate comes from; models by core name their own beside it."""
    core: str = ""
    """The core among `cores` that runs a study, or the one whose floor is taken; a study sets it by its device."""
    margin: Annotated[float, Field(ge=0, le=10)] = 0
    """The share by which times are taken to be longer where a budget is kept; `budgets.margin` of a study sets it."""

    @model_validator(mode="after")
    def _one_form(self) -> Latency:
        if self.cycles and not self.core and (self.cores or self.floor):
            raise ValueError("`cycles` are of any core, so `cores` and `floor` cannot stand beside it")
        if not (self.cycles or self.cores or self.floor):
            raise ValueError("an estimate of time needs `cycles`, `cores` or `floor`")
        return self

    @property
    def model(self) -> CoreCycles | None:
        """The fitted model in force."""
        return (self.cores or {}).get(self.core)

    @property
    def is_floor(self) -> bool:
        """Whether times are no estimates but the least that the core can do."""
        return self.floor is not None and self.model is None

    @property
    def errors(self) -> Errors | None:
        """The range in which measured times lay, in per cent of the estimate; None where nothing is known."""
        if self.model is None:
            return None
        return self.model.transferred if self.model.measured is None else self.model.measured.error

    def on(self, device: Device | None, margin: float | None = None) -> Latency:
        """The same on the core of a device: with the `cycles` of its model or floor, none where nothing is known of it."""
        changes: dict[str, object] = {} if margin is None else {"margin": margin}
        if self.cores or self.floor:
            core = "" if device is None else device.core
            model = (self.cores or {}).get(core)
            cycles = self._floor_of(device) if model is None else model.formulas()
            changes |= {"core": core, "cycles": cycles}
        return self.model_copy(update=changes)

    def _floor_of(self, device: Device | None) -> Mapping[OpKind, Formula]:
        """MACs over what the core finishes in a cycle at most, rounded down."""
        if self.floor is None or device is None or device.macs_per_cycle is None:
            return {}
        rate = Fraction(device.macs_per_cycle).limit_denominator(1000)
        return dict.fromkeys(WEIGHTED_KINDS, Formula.parse(f"macs * {rate.denominator} // {rate.numerator}"))


def _hundredths(cycles: float) -> int:
    return round(cycles * HUNDREDTHS)
