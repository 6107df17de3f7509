"""What many structures use at the very least, over whole arrays of them: a quick way to throw away what cannot fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qeopt.budgets import Kind, budget
from qeopt.hardware.costs import held, legal_tuples
from qeopt.hardware.formula import BIT_NAMES
from qeopt.memory import steps
from qeopt.network import Dim, Network, NetworkBuilder, Op, Tensor
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
    totals: Mapping[str, Dim]
    """By budget that adds up over operators, in the unit in which costs are counted."""


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
    totals = {name: np.zeros(size) for name in _added(refiner)}
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
            for name, amount in least.totals.items():
                totals[name][alive] += amount * times
            height, width = -(-height // cell.stride), -(-width // cell.stride)
        for name, total in totals.items():
            unit = refiner.runtime.unit_per_byte if budget(name).unit.is_memory else 1
            fits &= _within(total[alive], refiner.limits[name], unit)
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
    activations = _fewest_bits(network, refiner)
    sram: Dim = 0
    for step in steps(network, runtime):
        live: Dim = 0
        for item in step.live:
            live = live + held(runtime, item.elements, activations[item.tensor.name])
        sram = np.maximum(sram, live)
    totals = {name: sum((_least_cost(op, name, refiner) for op in network.ops), start=0) for name in _added(refiner)}
    return LeastUse(sram, totals)


def _added(refiner: Refiner) -> list[str]:
    """Budgets in force that add up over operators."""
    return [name for name in refiner.limits if budget(name).kind is not Kind.PEAK]


def _least_cost(op: Op, name: str, refiner: Refiner) -> Dim:
    """What an operator adds to a budget at the legal bits that cost least of it."""
    record, runtime = budget(name), refiner.runtime
    if record.cost is None:
        return 0
    weights = (op.weight_bits,) if op.weight_bits is not None else refiner.choices.weights
    legal = legal_tuples(runtime, op, weights, {*refiner.choices.activations, FIXED_BITS}) or ((FIXED_BITS,) * 3,)
    widths = record.widths(runtime, op.kind)
    entries = {tuple(bits if bit in widths else 0 for bit, bits in zip(BIT_NAMES, entry, strict=True)): entry for entry in legal}
    costs = [record.cost(runtime, op, *entry) for entry in entries.values()]
    least: Dim = np.min(np.stack(np.broadcast_arrays(*costs)), axis=0)
    return least


def _fewest_bits(network: Network, refiner: Refiner) -> dict[str, int]:
    """The fewest bits of every activation tensor that its operators execute, each by itself."""
    activations = {tensor.name: network.bits_owner(tensor).bits or 0 for tensor in network.tensors}
    for op in network.ops:
        allowed = (op.weight_bits,) if op.weight_bits is not None else refiner.choices.weights
        legal = legal_tuples(refiner.runtime, op, allowed, {*refiner.choices.activations, FIXED_BITS})
        least_in, least_out = (min((entry[position] for entry in legal), default=0) for position in (0, 2))
        for tensor, least in (*((source, least_in) for source in op.inputs), (op.output, least_out)):
            for name in {tensor.name, network.bits_owner(tensor).name}:
                activations[name] = max(activations[name], least)
    return activations


def _within(amount: Dim | NDArray[np.float64], limit: int | None, unit: int = 1) -> NDArray[np.bool_]:
    return np.asarray(True if limit is None else amount <= limit * unit)
