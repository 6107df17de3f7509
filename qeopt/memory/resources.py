"""Recount everything a network uses at given bits. No solver and no search takes part, so this checks them all."""

from __future__ import annotations

from dataclasses import dataclass

from qeopt.hardware import Runtime
from qeopt.hardware.costs import bitops, held, parameter_flash, scratch, weights_flash
from qeopt.memory.steps import Step, steps
from qeopt.network import Bits, Network, Tensor, macs


@dataclass(frozen=True, slots=True)
class StepUse:
    """Memory at one step, in bytes (fractional where the runtime keeps fractions)."""

    step: Step
    tensor_bytes: tuple[tuple[Tensor, float], ...]
    scratch_bytes: float

    @property
    def total_bytes(self) -> float:
        """Tensors and scratch together."""
        return sum(size for _, size in self.tensor_bytes) + self.scratch_bytes


@dataclass(frozen=True, slots=True)
class Resources:
    """What a network uses."""

    steps: tuple[StepUse, ...]
    sram_bytes: float
    """Peak over the steps."""
    flash_bytes: float
    """Weights, per-channel parameters, classifier."""
    traffic_bytes: float
    """Sum of all activation tensors: what is written to SRAM in one inference."""
    macs: int
    """Convolutions and dense layers."""
    bitops: int
    layers: int
    """Convolutions, classifier excluded."""

    @property
    def peak(self) -> StepUse:
        """The step that needs most."""
        return max(self.steps, key=lambda use: use.total_bytes)


def count(network: Network, runtime: Runtime, bits: Bits) -> Resources:
    """Count the resources of `network` at `bits` under `runtime`."""
    unit = runtime.unit_per_byte
    scratch_by_op = {op.name: int(scratch(runtime, op, *bits.of(op))) for op in network.ops}
    if runtime.scratch.aggregate == "global_max":
        largest = max(scratch_by_op.values(), default=0)
        scratch_by_op = dict.fromkeys(scratch_by_op, largest)
    uses = tuple(
        StepUse(
            step,
            tuple(
                (item.tensor, int(held(runtime, item.elements, bits.activations[item.tensor.name])) / unit) for item in step.live
            ),
            scratch_by_op[step.op.name] / unit,
        )
        for step in steps(network, runtime)
    )
    flash = sum(int(weights_flash(runtime, op, bits.weights[op.name])) for op in network.weighted_ops)
    flash += sum(int(parameter_flash(runtime, op)) for op in network.ops)
    return Resources(
        steps=uses,
        sram_bytes=max((use.total_bytes for use in uses), default=0),
        flash_bytes=flash / unit,
        traffic_bytes=sum(int(held(runtime, tensor.elements, bits.activations[tensor.name])) for tensor in network.tensors) / unit,
        macs=sum(int(macs(op)) for op in network.ops),
        bitops=sum(int(bitops(runtime, op, *bits.of(op)[:2])) for op in network.ops),
        layers=network.layers,
    )
