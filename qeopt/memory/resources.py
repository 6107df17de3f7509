"""Recount everything a network uses at given bits. No solver and no search takes part, so this checks them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qeopt.budgets import FLASH, Kind, table
from qeopt.hardware import Runtime
from qeopt.hardware.costs import code_flash, flash_of, held, persistent, pool_scratch, tensor_elements
from qeopt.hardware.linked import linked_flash
from qeopt.memory.steps import Step, steps
from qeopt.network import Bits, Network, Tensor


@dataclass(frozen=True, slots=True)
class StepUse:
    """Memory at one step, in bytes (fractional where the runtime keeps fractions)."""

    step: Step
    tensor_bytes: tuple[tuple[Tensor, float], ...]
    scratch_bytes: float
    persistent_bytes: float = 0.0
    """What operators hold from the start to the end."""

    @property
    def total_bytes(self) -> float:
        """Everything together."""
        return sum(size for _, size in self.tensor_bytes) + self.scratch_bytes + self.persistent_bytes


@dataclass(frozen=True, slots=True)
class Resources:
    """What a network uses."""

    steps: tuple[StepUse, ...]
    sram_bytes: float
    """Peak over the steps."""
    flash_bytes: float
    """Weights, per-channel parameters, classifier, and the code of the kernels in use where the runtime states it."""
    traffic_bytes: float
    """Sum of all activation tensors: what is written to SRAM in one inference."""
    totals: Mapping[str, float] = field(default_factory=dict)
    """By budget: everything else that can be limited, in bytes or units."""

    @property
    def used(self) -> Mapping[str, float]:
        """By budget, how much of it is used: bytes of memory, units of anything else."""
        return {"sram": self.sram_bytes, "flash": self.flash_bytes, **self.totals}

    @property
    def peak(self) -> StepUse:
        """The step that needs most."""
        return max(self.steps, key=lambda use: use.total_bytes)


def count(network: Network, runtime: Runtime, bits: Bits) -> Resources:
    """Count the resources of `network` at `bits` under `runtime`."""
    unit = runtime.unit_per_byte
    working = scratch_by_op(network, runtime, bits)
    lasting = sum(int(persistent(runtime, op)) for op in network.ops)
    uses = tuple(
        StepUse(
            step,
            tuple(
                (item.tensor, int(held(runtime, item.elements, bits.activations[item.tensor.name])) / unit) for item in step.live
            ),
            sum(by_op[step.op.name] for by_op in working) / unit,
            lasting / unit,
        )
        for step in steps(network, runtime)
    )
    flash = sum(int(flash_of(runtime, op, bits.weights.get(op.name, 0))) for op in network.ops)
    flash += sum({(op.kind, bits.of(op)): code_flash(runtime, op, bits.of(op)) for op in network.ops}.values())
    flash += linked_flash(runtime, ((op.kind, bits.of(op)) for op in network.ops))
    return Resources(
        steps=uses,
        sram_bytes=max((use.total_bytes for use in uses), default=0),
        flash_bytes=flash / unit,
        traffic_bytes=sum(
            int(held(runtime, tensor_elements(runtime, tensor), bits.activations[tensor.name])) for tensor in network.tensors
        )
        / unit,
        totals=_totals(network, runtime, bits),
    )


def _totals(network: Network, runtime: Runtime, bits: Bits) -> dict[str, float]:
    """Everything but SRAM and flash, by budget; what the runtime does not estimate is left out."""
    found: dict[str, float] = {}
    for name, record in table().items():
        if record.cost is not None and record is not FLASH and record.lacks(runtime) is None:
            costs = [int(record.cost(runtime, op, *bits.of(op))) for op in network.ops]
            whole = max(costs, default=0) if record.kind is Kind.PEAK else sum(costs)
            found[name] = whole / runtime.unit_per_byte if record.unit.is_memory else whole
    return found


def scratch_by_op(network: Network, runtime: Runtime, bits: Bits) -> tuple[dict[str, int], ...]:
    """By pool: the working memory that each operator finds held while it runs, in the runtime's unit."""
    found = []
    for pool in runtime.pools:
        needs = {op.name: int(pool_scratch(runtime, pool, op, *bits.of(op))) for op in network.ops}
        if pool.aggregate == "global_max":
            needs = dict.fromkeys(needs, max(needs.values(), default=0))
        found.append(needs)
    return tuple(found)
