"""What many structures use at the very least, over whole arrays of them: a quick way to throw away what cannot fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qeopt.hardware.costs import held, legal_tuples, parameter_flash, weights_flash
from qeopt.memory import steps
from qeopt.network import Dim, Network, NetworkBuilder, Tensor, macs
from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.space import Space, Task
from qeopt.space.cells import Cell

Column = NDArray[np.float64]
"""The values of one gene, one per structure."""


@dataclass(frozen=True, slots=True)
class LeastUse:
    """What cells use at the fewest bits; numbers, or one per structure."""

    sram: Dim
    flash: Dim
    macs: Dim
    layers: int


def may_fit(space: Space, task: Task, refiner: Refiner, columns: Sequence[Column]) -> NDArray[np.bool_]:
    """Whether each structure could be within every budget: False only where it fits at no bits.

    Args:
        space: Structures.
        task: What the network reads and tells apart.
        refiner: The terms.
        columns: By gene of the space, its value in every structure.
    """
    size = len(columns[0])
    alive = np.arange(size)
    totals = np.zeros((3, size), dtype=np.int64)
    height, width, channels = task.input
    reads: Dim = channels
    genes = {(block, gene): columns[place] for place, (block, gene, _) in enumerate(space.genes)}
    for index, block in enumerate(space.blocks):
        values = {gene: column[alive] for (owner, gene), column in genes.items() if owner == block.name}
        units = values.get("units", np.ones(len(alive))).astype(np.int64)
        source = reads if isinstance(reads, int) else reads[alive]
        writes: Dim = values["width"].astype(np.int64) if "width" in values else source
        cells: list[tuple[Cell, Dim, Dim]] = [
            (block.cell(source, values, first=True, same_width=False, classes=task.classes), source, 1)
        ]
        if "units" in values:
            cells.append((block.cell(writes, values, first=False, same_width=True, classes=task.classes), writes, units - 1))
        fits = np.ones(len(alive), dtype=np.bool_)
        for cell, entering, times in cells:
            least = least_use(cell, Tensor("source", height, width, entering, FIXED_BITS if index == 0 else None), refiner)
            fits &= _within(least.sram, refiner.limits.sram_bytes, refiner.runtime.unit_per_byte) | (times == 0)
            for place, amount in enumerate((least.flash, least.macs, least.layers)):
                totals[place, alive] += amount * times
            height, width = -(-height // cell.stride), -(-width // cell.stride)
        fits &= _within(totals[0, alive], refiner.limits.flash_bytes, refiner.runtime.unit_per_byte)
        fits &= _within(totals[1, alive], refiner.limits.macs) & _within(totals[2, alive], refiner.limits.layers)
        alive = alive[fits]
        if "width" in values:
            reads = genes[block.name, "width"].astype(np.int64)
    found = np.zeros(size, dtype=np.bool_)
    found[alive] = True
    return found


def least_use(cell: Cell, source: Tensor, refiner: Refiner) -> LeastUse:
    """Count one cell with every tensor at the fewest bits that its operators execute, scratch left out."""
    runtime = refiner.runtime
    builder = NetworkBuilder("cell", source)
    cell.build(builder, "cell", source)
    network = builder.finish(output_is_seen=True)
    weights, activations = _fewest_bits(network, refiner)
    sram: Dim = 0
    for step in steps(network, runtime):
        live: Dim = 0
        for item in step.live:
            live = live + held(runtime, item.elements, activations[item.tensor.name])
        sram = np.maximum(sram, live)
    flash: Dim = 0
    work: Dim = 0
    for op in network.ops:
        flash = flash + weights_flash(runtime, op, weights[op.name]) + parameter_flash(runtime, op)
        work = work + macs(op)
    return LeastUse(sram, flash, work, network.layers)


def _fewest_bits(network: Network, refiner: Refiner) -> tuple[dict[str, int], dict[str, int]]:
    """The fewest bits of every weight and activation tensor that its operators execute, each by itself."""
    weights: dict[str, int] = {}
    activations = {tensor.name: network.bits_owner(tensor).bits or 0 for tensor in network.tensors}
    for op in network.ops:
        allowed = (op.weight_bits,) if op.weight_bits is not None else refiner.choices.weights
        legal = legal_tuples(refiner.runtime, op, allowed, {*refiner.choices.activations, FIXED_BITS})
        weights[op.name] = min((entry[1] for entry in legal), default=0)
        least_in, least_out = (min((entry[position] for entry in legal), default=0) for position in (0, 2))
        for tensor, least in (*((source, least_in) for source in op.inputs), (op.output, least_out)):
            for name in {tensor.name, network.bits_owner(tensor).name}:
                activations[name] = max(activations[name], least)
    return weights, activations


def _within(amount: Dim, limit: int | None, unit: int = 1) -> NDArray[np.bool_]:
    return np.asarray(True if limit is None else amount <= limit * unit)
