"""What many cells at once cost and gain, for every combination of the bits inside them.

Cells of one kind differ only in their dimensions, so one network with array dimensions stands for all of them and the formulas of
`qeopt.hardware.costs` are evaluated once per kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qeopt.hardware.costs import bitops, channels_fit, held, legal_tuples, parameter_flash, scratch, weights_flash
from qeopt.memory import steps
from qeopt.network import Network, NetworkBuilder, Op, Tensor, macs
from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.space import Place, PlacedCell

Floats: TypeAlias = NDArray[np.float64]
Masks: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CellKind:
    """What cells of one batch share: everything but their dimensions."""

    type: type[Any]
    fixed: tuple[tuple[str, Any], ...]
    place: Place

    @classmethod
    def of(cls, placed: PlacedCell) -> CellKind:
        """The kind of a placed cell."""
        cell = placed.cell
        names = [field.name for field in fields(cell) if field.name not in cell.DIMS]  # type: ignore[arg-type]
        return cls(type(cell), tuple((name, getattr(cell, name)) for name in names), placed.place)

    def network(self, dims: NDArray[np.int64]) -> Network:
        """One network that stands for the cells whose (channels read, *DIMS) are the rows of `dims`."""
        place = self.place
        source = Tensor(
            "x", place.height, place.width, dims[:, 0], bits=FIXED_BITS if place.is_first else None, is_image=place.is_first
        )
        cell = self.type(**dict(self.fixed), **{name: dims[:, column] for column, name in enumerate(self.type.DIMS, start=1)})
        builder = NetworkBuilder("cell", source, place.stage)
        builder.unit = "cell"
        cell.build(builder, "y", source)
        if place.ends_stage:
            builder.end_stage()
        return builder.finish(output_is_seen=place.output_is_seen)


def dimensions(placed: PlacedCell) -> tuple[int, ...]:
    """The dimensions by which cells of one kind differ: channels read, then the cell's own."""
    return (placed.channels, *(getattr(placed.cell, name) for name in placed.cell.DIMS))


@dataclass(frozen=True, slots=True)
class WeightGroup:
    """Weights that share their bits: gains and costs for each (combination of activation bits, weight bits)."""

    gains: Floats
    """(combinations, widths); -inf where the kernel does not exist."""
    flash: Floats
    """(cells, 1, widths)"""
    bitops: Floats
    """(cells, combinations, widths), or of size 1 along the first two axes when no budget asks for it."""


@dataclass(frozen=True, slots=True)
class CellTable:
    """Gains and costs of the cells of one kind."""

    constant: Floats
    """(cells,) score that no bits change, in nats."""
    gains: Floats
    """(cells, combinations) score of activation bits, in nats; -inf where a step or a kernel rules the combination out."""
    groups: tuple[WeightGroup, ...]
    flash: Floats
    """(cells,) flash that no bits change, in the runtime's unit."""
    bitops: Floats
    """(cells, combinations) bit operations of operators without weights."""
    macs: NDArray[np.int64]
    """(cells,)"""
    layers: int
    ends: NDArray[np.int64]
    """(combinations, 2) indices of the bits read and written among `boundary` widths."""
    boundary: int
    """How many widths a tensor between two cells may have."""

    def priced(self, flash_price: Floats, bitops_price: Floats) -> Floats:
        """Best score less priced costs, by (cell, bits read, bits written), with the prices of each cell.

        Args:
            flash_price: (cells,) nats per unit of flash.
            bitops_price: (cells,) nats per bit operation.
        """
        total = self.gains + (self.constant - flash_price * self.flash)[:, None] - bitops_price[:, None] * self.bitops
        for group in self.groups:
            worth = group.gains - flash_price[:, None, None] * group.flash - bitops_price[:, None, None] * group.bitops
            total = total + worth.max(axis=2)
        best = np.full((len(total), self.boundary * self.boundary), -np.inf)
        code = self.ends[:, 0] * self.boundary + self.ends[:, 1]
        for value in np.unique(code):
            best[:, value] = total[:, code == value].max(axis=1)
        return best.reshape(-1, self.boundary, self.boundary)

    def least_flash(self) -> Floats:
        """(cells,) flash at the fewest bits."""
        return self.flash + sum((group.flash.min(axis=(1, 2)) for group in self.groups), start=np.zeros(1))


def tabulate(kind: CellKind, dims: Sequence[tuple[int, ...]], refiner: Refiner, boundary: tuple[int, ...]) -> CellTable:
    """Tabulate the cells of `kind` with the given dimensions.

    SRAM steps and kernel legality are hard; scratch that a runtime holds as one maximum is charged to its own step only, so a table
    never rules out a cell that a network could contain.

    Args:
        kind: What the cells share.
        dims: One tuple per cell, as `dimensions` gives them.
        refiner: The terms under which bits are chosen.
        boundary: Ascending widths that a tensor between two cells may have.
    """
    cells = np.asarray(dims, dtype=np.int64)
    network = kind.network(cells)
    combos, columns = _combinations(network, refiner)
    bits = {name: combos[:, column] for name, column in columns.items()}
    size = len(cells)
    gains = np.zeros((size, len(combos)))
    for index in range(len(combos)):
        gains[:, index] = np.where(
            _fits(network, refiner, {name: int(row[index]) for name, row in bits.items()}, size), 0.0, -np.inf
        )
    for op in network.ops:
        if op.is_scored:
            source = op.inputs[0]
            by_width = {
                width: refiner.objective.activation_gain(network, op, source, width) for width in set(bits[source.name].tolist())
            }
            gains += np.array([by_width[width] for width in bits[source.name].tolist()])
    position = {width: index for index, width in enumerate(boundary)}
    first, last = network.tensors[0].name, network.ops[-1].output.name
    ends = [(position[a], position[b]) for a, b in zip(bits[first].tolist(), bits[last].tolist(), strict=True)]
    unweighted = [op for op in network.ops if not op.has_weights]
    return CellTable(
        constant=np.broadcast_to(np.asarray(refiner.objective.constant(network), dtype=np.float64), (size,)),
        gains=gains,
        groups=_groups(network, refiner, bits, size, len(combos)),
        flash=_spread(sum(parameter_flash(refiner.runtime, op) for op in network.ops), size),
        bitops=_bitops_of(unweighted, refiner, bits, size, len(combos)),
        macs=_spread(sum(macs(op) for op in network.ops), size).astype(np.int64),
        layers=network.layers,
        ends=np.array(ends, dtype=np.int64),
        boundary=len(boundary),
    )


def _spread(value: Any, size: int) -> Floats:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (size,)).copy()


def _combinations(network: Network, refiner: Refiner) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Every combination of activation bits inside the cell, and the column of each tensor."""
    owners: dict[str, tuple[int, ...]] = {}
    for tensor in network.tensors:
        owner = network.bits_owner(tensor)
        owners.setdefault(owner.name, refiner.choices.activations if owner.bits is None else (owner.bits,))
    names = list(owners)
    columns = {tensor.name: names.index(network.bits_owner(tensor).name) for tensor in network.tensors}
    rows = list(product(*owners.values()))
    if refiner.choices.tie == "unit":
        tied = {columns[op.inputs[0].name] for op in network.ops if op.is_scored and network.bits_owner(op.inputs[0]).bits is None}
        rows = [row for row in rows if len({row[column] for column in tied}) <= 1]
    return np.array(rows, dtype=np.int64), columns


def _fits(network: Network, refiner: Refiner, bits: dict[str, int], size: int) -> Masks:
    """Which cells can run at these activation bits: kernels exist (for some weight bits), channels fit, every step fits."""
    runtime = refiner.runtime
    fits = np.ones(size, dtype=np.bool_)
    for op in network.ops:
        for source in op.inputs:
            widths = _legal_weights(op, refiner, bits[source.name], bits[op.output.name])
            fits &= bool(widths) & channels_fit(runtime, op, source, bits[source.name])
        fits &= channels_fit(runtime, op, op.output, bits[op.output.name])
    if refiner.limits.sram_bytes is None or not fits.any():
        return fits
    limit = refiner.limits.sram_bytes * runtime.unit_per_byte
    for step in steps(network, runtime):
        used = sum(held(runtime, item.elements, bits[item.tensor.name]) for item in step.live)
        fits &= used + _least_scratch(step.op, refiner, bits) <= limit
    return fits


def _least_scratch(op: Op, refiner: Refiner, bits: dict[str, int]) -> Any:
    source, output = bits[op.inputs[0].name], bits[op.output.name]
    formula = refiner.runtime.scratch.bytes.get(op.kind)
    if formula is None:
        return 0
    widths = _legal_weights(op, refiner, source, output) if "w_bits" in formula.names else (FIXED_BITS,)
    return np.min([np.asarray(scratch(refiner.runtime, op, source, width, output)) for width in widths or (FIXED_BITS,)], axis=0)


def _legal_weights(op: Op, refiner: Refiner, source: int, output: int) -> tuple[int, ...]:
    candidates = refiner.choices.weights if op.weight_bits is None else (op.weight_bits,)
    return tuple(w for a, w, o in legal_tuples(refiner.runtime, op, candidates, {source, output}) if a == source and o == output)


def _groups(
    network: Network, refiner: Refiner, bits: dict[str, NDArray[np.int64]], size: int, combos: int
) -> tuple[WeightGroup, ...]:
    free = [op for op in network.weighted_ops if op.weight_bits is None]
    fixed = [[op] for op in network.weighted_ops if op.weight_bits is not None]
    tied = [free] if refiner.choices.tie == "unit" and free else [[op] for op in free]
    return tuple(_group(ops, network, refiner, bits, size, combos) for ops in (*fixed, *tied))


def _group(
    ops: list[Op], network: Network, refiner: Refiner, bits: dict[str, NDArray[np.int64]], size: int, combos: int
) -> WeightGroup:
    widths = refiner.choices.weights if ops[0].weight_bits is None else (ops[0].weight_bits,)
    gains = np.zeros((combos, len(widths)))
    flash = np.zeros((size, 1, len(widths)))
    couples = refiner.limits.bitops is not None
    operations = np.zeros((size, combos, len(widths)) if couples else (1, 1, 1))
    for op in ops:
        sources, outputs = bits[op.inputs[0].name].tolist(), bits[op.output.name].tolist()
        legal = {pair: _legal_weights(op, refiner, *pair) for pair in set(zip(sources, outputs, strict=True))}
        for column, width in enumerate(widths):
            gain = refiner.objective.weight_gain(network, op, width) if op.is_scored else 0.0
            gains[:, column] += [gain if width in legal[pair] else -np.inf for pair in zip(sources, outputs, strict=True)]
            flash[:, 0, column] += weights_flash(refiner.runtime, op, width)
            if couples:
                by_source = {source: _spread(bitops(refiner.runtime, op, source, width), size) for source in set(sources)}
                operations[:, :, column] += np.stack([by_source[source] for source in sources], axis=1)
    return WeightGroup(gains, flash, operations)


def _bitops_of(ops: list[Op], refiner: Refiner, bits: dict[str, NDArray[np.int64]], size: int, combos: int) -> Floats:
    total = np.zeros((size, combos))
    if refiner.limits.bitops is not None:
        for op in ops:
            for index, source in enumerate(bits[op.inputs[0].name].tolist()):
                total[:, index] += _spread(bitops(refiner.runtime, op, source, 0), size)
    return total
