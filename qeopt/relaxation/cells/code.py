"""Code that every network of a space links, whatever its structure and bits: flash that no cell can use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from qeopt.hardware.costs import legal_tuples
from qeopt.hardware.linked import least_linked_flash
from qeopt.hardware.runtime import Tuples
from qeopt.network import Network, Op, OpKind
from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.relaxation.cells.tables import CellKind
from qeopt.space import PlacedCell, Space, Task
from qeopt.space.blocks.base import BlockKind


def least_code(space: Space, task: Task, refiner: Refiner) -> int:
    """The least that code takes in any network of `space`, in the runtime's unit."""
    if not refiner.runtime.linked.by_kind and not refiner.runtime.linked.by_bits:
        return least_linked_flash(refiner.runtime, ())
    firsts: dict[int, PlacedCell] = {}
    for placed in space.cells(space.smallest(), task):
        firsts.setdefault(placed.block, placed)
    certain = [run for number, placed in firsts.items() for run in _certain(space.blocks[number], placed, task, refiner)]
    return least_linked_flash(refiner.runtime, certain)


def _certain(block: BlockKind, placed: PlacedCell, task: Task, refiner: Refiner) -> Iterator[tuple[OpKind, Tuples]]:
    """Kinds of operators that the first cell of a block has at all its genes, with the bits that operators of the kind may have."""
    ways = [_runs(network, refiner) for network in _first_cells(block, placed, task)]
    for kind in set.intersection(*(set(way) for way in ways)):
        yield kind, tuple(sorted({entry for way in ways for entry in way[kind]}))


def _first_cells(block: BlockKind, placed: PlacedCell, task: Task) -> Iterator[Network]:
    """The first cell of a block, writing as many channels as it reads, or others: nothing else changes its operators."""
    source, values = np.array([placed.channels]), {gene.name: np.array(gene.values[:1]) for gene in block.genes}
    for same in (True, False):
        cell = block.cell(source, {"width": source, **values}, first=True, same_width=same, classes=task.classes)
        dims = np.stack([source, *(np.broadcast_to(getattr(cell, name), 1) for name in cell.DIMS)], axis=1)
        yield CellKind.of(cell, placed.place).network(dims)


def _runs(network: Network, refiner: Refiner) -> Mapping[OpKind, set[tuple[int, int, int]]]:
    found: dict[OpKind, set[tuple[int, int, int]]] = {}
    for op in network.ops:
        found.setdefault(op.kind, set()).update(_tuples(op, refiner))
    return found


def _tuples(op: Op, refiner: Refiner) -> Iterator[tuple[int, int, int]]:
    """The (in, weight, out) bits that an operator may have somewhere in a network."""
    weights = refiner.choices.weights if op.weight_bits is None else (op.weight_bits,)
    for entry in legal_tuples(refiner.runtime, op, weights, {*refiner.choices.activations, FIXED_BITS}):
        if op.inputs[0].bits in (None, entry[0]) and op.output.bits in (None, entry[2]):
            yield entry
