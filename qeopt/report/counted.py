"""A design with everything about it counted again, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qeopt.budgets import LATENCY
from qeopt.design import Design
from qeopt.hardware.costs import cycles, mac_count, parameter_flash, weights_flash
from qeopt.memory import Resources, StepUse, count
from qeopt.network import Bits, Network, Op
from qeopt.study import Study


@dataclass(frozen=True)
class Counted:
    """A network at given bits under a study, and what it uses."""

    study: Study
    network: Network
    bits: Bits
    resources: Resources

    @classmethod
    def of(cls, study: Study, network: Network, bits: Bits) -> Counted:
        """Count `network` at `bits`."""
        return cls(study, network, bits, count(network, study.runtime, bits))

    @classmethod
    def of_design(cls, design: Design) -> Counted:
        """Expand and count a design from what it carries."""
        return cls.of(design.load_study(), design.network(), design.bit_widths())


@dataclass(frozen=True, slots=True)
class Layer:
    """One operator of a design, as a row of the per-layer table."""

    op: str
    kind: str
    shape: tuple[int, int, int]
    """Height, width, channels of what it writes."""
    weight_bits: int | None
    input_bits: int
    output_bits: int
    macs: int
    weight_bytes: float
    """Flash of its weights and per-channel parameters."""
    step_bytes: float | None
    """SRAM while it runs; None where the runtime does not count its step."""
    is_peak: bool
    cycles: int | None = None
    """Clock cycles by the runtime's estimate; None without one."""
    ms: float | None = None
    """The same as time on the study's device."""
    time_share: float | None = None
    """Its share of the time of one inference."""


def layers(counted: Counted) -> tuple[Layer, ...]:
    """List the operators in execution order."""
    by_op: dict[str, StepUse] = {}
    for use in counted.resources.steps:
        known = by_op.get(use.step.op.name)
        if known is None or use.total_bytes > known.total_bytes:
            by_op[use.step.op.name] = use
    peak = counted.resources.peak.step.op.name if counted.resources.steps else ""
    return tuple(_layer(counted, op, by_op.get(op.name), is_peak=op.name == peak) for op in counted.network.ops)


def _layer(counted: Counted, op: Op, use: StepUse | None, *, is_peak: bool) -> Layer:
    runtime = counted.study.runtime
    input_bits, weight_bits, output_bits = counted.bits.of(op)
    flash = (int(weights_flash(runtime, op, weight_bits)) if op.has_weights else 0) + int(parameter_flash(runtime, op))
    return Layer(
        op=op.name,
        kind=op.kind.value,
        shape=(int(op.output.height), int(op.output.width), int(op.output.channels)),
        weight_bits=weight_bits if op.has_weights else None,
        input_bits=input_bits,
        output_bits=output_bits,
        macs=int(mac_count(runtime, op)),
        weight_bytes=flash / runtime.unit_per_byte,
        step_bytes=None if use is None else use.total_bytes,
        is_peak=is_peak,
        **_time(counted, op),
    )


def _time(counted: Counted, op: Op) -> dict[str, Any]:
    study = counted.study
    if study.runtime.timing is None:
        return {}
    taken, whole = int(cycles(study.runtime, op, *counted.bits.of(op))), counted.resources.used[LATENCY.name]
    return {
        "cycles": taken,
        "ms": None if study.device is None else taken / study.device.cycles_per_ms,
        "time_share": taken / whole if whole else 0.0,
    }
