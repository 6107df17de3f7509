"""Models of energy: declared costs of operators, or so much for every estimated cycle on a board that was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from qeopt.hardware.device import Device, Source
from qeopt.hardware.formula import Formula
from qeopt.hardware.formulas import BitFormula
from qeopt.hardware.latency import Errors, Latency
from qeopt.network import OpKind
from qeopt.spec.model import Block


class MeasuredEnergy(Block):
    """How far measured energies of whole networks lay from a model, in per cent of the estimate."""

    rows: Annotated[int, Field(ge=1)]
    """Measurements."""
    networks: Annotated[int, Field(ge=1)]
    """Networks among them."""
    submitters: Annotated[int, Field(ge=1)]
    """Who measured; each feeds the board in a way of its own."""
    error: Errors
    """Of the measurements that the model was fitted to."""
    leave_one_network_out: Errors | None = None
    """Of every network by models of time and energy fitted to the others."""
    other_setups: Errors | None = None
    """Of the same measurements by the energy a cycle of other engines and submitters on the same board."""
    leave_one_board_out: Errors | None = None
    """Of the same measurements by the energy a cycle of the same engine on other boards: why no other board is given a figure."""


class DeviceEnergy(Block):
    """Energy of a board: so much for every cycle that its runtime's model of time estimates."""

    picojoules_per_cycle: Annotated[int, Field(ge=1, le=1_000_000)]
    """Of the whole board as it was fed, in picojoules; a power in mW is this times MHz over a million."""
    measured: MeasuredEnergy | None = None
    """What this was fitted to; none where it is a statement of the user's."""
    source: Source | tuple[Source, ...]
    """Where it comes from."""


class Energy(Block):
    """How much energy operators take: an estimate with its errors; never a measurement of the network at hand."""

    picojoules: Mapping[OpKind, BitFormula] = {}
    """Picojoules by kind of operator on any device, whatever `devices` says; none where a kind is not named."""
    devices: Mapping[str, DeviceEnergy | None] | None = None
    """Models fitted to measurements, by device; null takes back one of a runtime that is extended."""
    source: Source | tuple[Source, ...] | None = None
    """Where `picojoules` come from; models by device name their own beside them."""
    device: str = ""
    """The one among `devices` that runs a study; a study sets it."""
    margin: Annotated[float, Field(ge=0, le=10)] = 0
    """The share by which energies are taken to be higher where a budget is kept; `budgets.margin` of a study sets it."""

    @model_validator(mode="after")
    def _one_form(self) -> Energy:
        if not self.picojoules and not self.devices:
            raise ValueError("an estimate of energy needs `picojoules` or `devices`")
        if self.is_declared and self.source is None:
            raise ValueError("an estimate of energy by `picojoules` needs a `source`")
        return self

    @property
    def model(self) -> DeviceEnergy | None:
        """The fitted model in force."""
        return (self.devices or {}).get(self.device)

    @property
    def is_declared(self) -> bool:
        """Whether costs of operators are declared, so that no model by device is in force."""
        return bool(self.picojoules) and not self.device

    @property
    def known(self) -> tuple[str, ...]:
        """The devices of which there is a model."""
        return tuple(name for name, model in (self.devices or {}).items() if model is not None)

    @property
    def errors(self) -> Errors | None:
        """The range in which measured energies lay, in per cent of the estimate; None where nothing is known."""
        return None if self.model is None or self.model.measured is None else self.model.measured.error

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where what is in force comes from."""
        found = self.source if self.model is None else self.model.source
        return () if found is None else found if isinstance(found, tuple) else (found,)

    def on(self, device: Device | None, latency: Latency | None, margin: float | None = None) -> Energy:
        """The same on a device, whose cycles are those of a model of time: with the `picojoules` that follow, or none."""
        changes: dict[str, object] = {} if margin is None else {"margin": margin}
        if self.devices and not self.is_declared:
            name = "" if device is None else device.name
            model, has_time = self.devices.get(name), latency is not None and not latency.is_floor
            cycles = latency.cycles if latency is not None and model is not None and has_time else {}
            changes |= {"device": name, "picojoules": {} if model is None else _times(cycles, model.picojoules_per_cycle)}
        return self.model_copy(update=changes)


def _times(cycles: Mapping[OpKind, Formula], picojoules: int) -> Mapping[OpKind, Formula]:
    return {kind: Formula.parse(f"{picojoules} * ({formula.text})") for kind, formula in cycles.items()}
