"""Tabulate the cells of one kind: what they gain and cost for every combination of the bits inside them.

Cells of one kind differ only in their dimensions, so one network with array dimensions stands for all of them and the formulas of
`qeopt.hardware.costs` are evaluated once per kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.hardware.costs import channels_fit, held, legal_tuples, persistent, pool_scratch, shape_limits
from qeopt.memory import steps
from qeopt.network import Network, Op, Tensor
from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.relaxation.cells.overhead import ANY, Overhead
from qeopt.relaxation.cells.stand_ins import stand_ins, suits
from qeopt.relaxation.cells.tables import CellKind, CellTable, Floats, Integers, Masks, WeightGroup
from qeopt.relaxation.cells.totals import Total, totals_of
from qeopt.score.objective import constant, gain_of_reading, readings

Pair = tuple[int, int]
"""Bits an operator reads and writes."""
State = tuple[tuple[int, ...], int, int]
"""What matters to the weights of an operator: their legal bits, those it reads and those it writes (0 where they do not matter)."""
Case = tuple[State, ...]
"""A state of each operator of a group."""
NEVER = 1 << 60
"""More memory than any device has."""


def tabulate(
    kind: CellKind,
    dims: Sequence[tuple[int, ...]] | Integers,
    refiner: Refiner,
    boundary: tuple[int, ...],
    overhead: Overhead = ANY,
) -> CellTable:
    """Tabulate the cells of `kind` with the given dimensions.

    SRAM steps and kernel legality are hard. Of what a network holds beside its tensors at every step, a step is charged what its
    own operator needs and at least the lower end of `overhead`, so a table never rules out a cell that a network in that range
    could contain, and a cell taken apart costs what it costs as a whole. Weights may have any bits that some channels can have.

    Args:
        kind: What the cells share.
        dims: One row per cell, as `dimensions` gives them.
        refiner: The terms under which bits are chosen.
        boundary: Ascending widths that a tensor between two cells may have.
        overhead: The designs that are meant.
    """
    cells = np.asarray(dims, dtype=np.int64)
    network = kind.network(cells)
    return _Tabulator(network, refiner, len(cells), overhead).table(boundary)


class _Tabulator:
    """Tabulates one network with array dimensions."""

    def __init__(self, network: Network, refiner: Refiner, size: int, overhead: Overhead) -> None:
        self._network = network
        self._refiner = refiner
        self._runtime = refiner.runtime
        self._size = size
        self._overhead = overhead
        self._totals = totals_of(refiner, overhead)
        self._bits = _combinations(network, refiner)
        self._count = len(next(iter(self._bits.values())))

    def table(self, boundary: tuple[int, ...]) -> CellTable:
        network, objective = self._network, self._refiner.objective
        gains = np.where(self._fits(), 0.0, -np.inf)
        for reading in readings(network):
            gains += self._by_width(reading.op.inputs[0], partial(gain_of_reading, objective, reading))
        position = {width: index for index, width in enumerate(boundary)}
        ends = np.concatenate([self._by_width(end, position.get) for end in (network.tensors[0], network.chain_end)], axis=1)
        groups = self._groups()
        plain = [self._plain(total) for total in self._totals]
        apart = [] if all(cost is None for cost in plain) else [np.arange(self._count)]
        keep, merged = _merge(gains, [*ends.T, *(group.case for group in groups), *apart])
        return CellTable(
            constant=_spread(constant(objective, network), self._size),
            gains=merged,
            groups=tuple(replace(group, case=group.case[keep]) for group in groups),
            fixed=np.array([self._fixed(total) for total in self._totals]).reshape(len(self._totals), self._size),
            plain=tuple(None if cost is None else cost[keep] for cost in plain),
            layers=network.layers,
            ends=ends[keep],
            boundary=len(boundary),
        )

    def _by_width(self, tensor: Tensor, value: Callable[[int], Any]) -> NDArray[Any]:
        """(combinations, cells or 1) what the width of a tensor is worth in each combination."""
        widths, place = np.unique(self._bits[tensor.name], return_inverse=True)
        return _stacked([value(width) for width in widths.tolist()])[place]

    def _by_pair(self, op: Op, source: Tensor, value: Callable[[Pair], Any]) -> NDArray[Any]:
        """(combinations, cells or 1) what the widths that an operator reads and writes are worth in each combination."""
        pairs = self._pairs(op, source)
        distinct = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
        return _stacked([value(pair) for pair in distinct])[[distinct[pair] for pair in pairs]]

    def _pairs(self, op: Op, source: Tensor) -> list[Pair]:
        return list(zip(self._bits[source.name].tolist(), self._bits[op.output.name].tolist(), strict=True))

    def _fits(self) -> Masks:
        """(combinations, cells) which can run: kernels exist for some weight bits, channels fit, every step fits."""
        fits = np.ones((self._count, self._size), dtype=np.bool_)
        for op in self._network.ops:
            for _, fitting in shape_limits(self._runtime, op):
                fits &= fitting
            for source in op.inputs:
                fits &= self._by_pair(op, source, partial(self._some_weights, op))
            for tensor in (*op.inputs, op.output):
                fits &= self._by_width(tensor, partial(channels_fit, self._runtime, op, tensor))
        if self._refiner.limits.sram_bytes is None:
            return fits
        limit = self._refiner.limits.sram_bytes * self._runtime.unit_per_byte
        for step in steps(self._network, self._runtime):
            used = self._least_beside(step.op)
            for item in step.live:
                used = used + self._by_width(item.tensor, partial(held, self._runtime, item.elements))
            fits &= used <= limit
        return fits

    def _least_beside(self, op: Op) -> NDArray[Any]:
        """(combinations, cells or 1) what is held beside the tensors while `op` runs, at the legal weight bits that need least.

        More than any memory where the operator alone holds more than the range allows.
        """
        runtime, meant = self._runtime, self._overhead
        lasting = persistent(runtime, op)

        def least(pair: Pair) -> NDArray[Any]:
            needs = []
            for width in self._legal_weights(op, pair) or (FIXED_BITS,):
                pools = {"global_max": lasting, "per_step": 0}
                for pool in runtime.pools:
                    pools[pool.aggregate] = pools[pool.aggregate] + pool_scratch(runtime, pool, op, pair[0], width, pair[1])
                total = np.maximum(pools["global_max"], meant.at_least) + pools["per_step"]
                needs.append(total if meant.at_most is None else np.where(pools["global_max"] <= meant.at_most, total, NEVER))
            fewest: NDArray[Any] = np.min(np.stack(np.broadcast_arrays(*needs)), axis=0)
            return fewest

        return self._by_pair(op, op.inputs[0], least)

    def _legal_weights(self, op: Op, pair: Pair) -> tuple[int, ...]:
        legal = legal_tuples(self._runtime, op, self._candidates(op), set(pair))
        return tuple(w for a, w, o in legal if (a, o) == pair)

    def _some_weights(self, op: Op, pair: Pair) -> Masks:
        """(cells,) whether some weight bits are legal; of operators without weights, whether the pair is."""
        legal = [suits(self._runtime, [op], width, self._size) for width in self._legal_weights(op, pair)]
        return np.any(legal, axis=0) if legal else np.zeros(self._size, dtype=np.bool_)

    def _candidates(self, op: Op) -> tuple[int, ...]:
        return self._refiner.choices.weights if op.weight_bits is None else (op.weight_bits,)

    def _groups(self) -> list[WeightGroup]:
        free = [op for op in self._network.weighted_ops if op.weight_bits is None]
        fixed = [[op] for op in self._network.weighted_ops if op.weight_bits is not None]
        together = [free] if self._refiner.choices.tie == "unit" and free else [[op] for op in free]
        return [self._group(ops) for ops in (*fixed, *together)]

    def _group(self, ops: list[Op]) -> WeightGroup:
        widths = self._candidates(ops[0])
        states = []
        for op in ops:
            pairs = self._pairs(op, op.inputs[0])
            legal = {pair: self._legal_weights(op, pair) for pair in set(pairs)}
            reads = self._read_with_weights(op)
            states.append([(legal[pair], pair[0] * reads[0], pair[1] * reads[1]) for pair in pairs])
        joined = list(zip(*states, strict=True))
        cases = sorted(set(joined))
        index = {case: number for number, case in enumerate(cases)}
        gains = np.zeros((len(cases), len(widths)))
        for position, op in enumerate(ops):
            for column, width in enumerate(widths):
                gain = self._refiner.objective.weight_gain(op, width) if op.is_scored else 0.0
                gains[:, column] += [gain if width in case[position][0] else -np.inf for case in cases]
        charged = stand_ins(self._runtime, ops, widths, self._size)[:, None]
        costs = (self._weight_costs(total, ops, widths, cases) for total in self._totals)
        told = tuple(None if cost is None else np.take_along_axis(cost, charged, axis=0) for cost in costs)
        return WeightGroup(np.array([index[case] for case in joined]), gains, told)

    def _read_with_weights(self, op: Op) -> tuple[bool, bool]:
        """Whether some cost of `op` depends on the bits of its weights together with those that it reads, or writes."""
        coupled = [widths for total in self._totals if "w_bits" in (widths := total.widths[op.kind])]
        return any("in_bits" in widths for widths in coupled), any("out_bits" in widths for widths in coupled)

    def _weight_costs(self, total: Total, ops: Sequence[Op], widths: Sequence[int], cases: Sequence[Case]) -> Floats | None:
        """(widths, cases, cells) what some weights cost; None where they cost nothing.

        One case where activations have no part in it.
        """
        found: list[Floats] = []
        for position, op in enumerate(ops):
            reads = total.widths[op.kind]
            if reads == {"w_bits"}:
                alone = [_spread(total.cost(op, 0, width, 0), self._size) for width in widths]
                found.append(np.array(alone)[:, None, :])
            elif "w_bits" in reads:
                pairs = [(state[1], state[2]) for state in (case[position] for case in cases)]
                distinct = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
                found.append(self._at_widths(total, op, list(distinct), widths)[:, [distinct[pair] for pair in pairs]])
        return sum(found[1:], start=found[0]) if found else None

    def _at_widths(self, total: Total, op: Op, pairs: Sequence[Pair], widths: Sequence[int]) -> Floats:
        """(widths, pairs, cells) what `op` costs between given activations, all evaluated at once."""
        read, written = np.array(pairs).T[:, None, :, None]
        cost = total.cost(op, read, np.array(widths)[:, None, None], written)
        return np.broadcast_to(np.asarray(cost, dtype=np.float64), (len(widths), len(pairs), self._size))

    def _plain(self, total: Total) -> Floats | None:
        """(combinations, cells) what activation bits cost by themselves; None where they cost nothing."""
        costs = [
            self._by_pair(op, op.inputs[0], lambda pair, op=op: total.cost(op, pair[0], 0, pair[1]))  # type: ignore[misc]
            for op in self._network.ops
            if total.widths[op.kind] and "w_bits" not in total.widths[op.kind]
        ]
        return sum(costs, start=np.zeros((self._count, self._size))) if costs else None

    def _fixed(self, total: Total) -> Floats:
        """(cells,) what no bits change."""
        costs = (total.cost(op, 0, 0, 0) for op in self._network.ops if not total.widths[op.kind])
        return _spread(sum(costs, start=0), self._size)


def _combinations(network: Network, refiner: Refiner) -> dict[str, Integers]:
    """By tensor: its bits in every combination of activation bits inside the cell."""
    owners: dict[str, tuple[int, ...]] = {}
    for tensor in network.tensors:
        owner = network.bits_owner(tensor)
        owners.setdefault(owner.name, refiner.choices.activations if owner.bits is None else (owner.bits,))
    names = list(owners)
    rows = list(product(*owners.values()))
    if refiner.choices.tie == "unit":
        free = {
            network.bits_owner(op.inputs[0]).name
            for op in network.ops
            if op.is_scored and network.bits_owner(op.inputs[0]).bits is None
        }
        tied = [names.index(name) for name in free]
        rows = [row for row in rows if len({row[column] for column in tied}) <= 1]
    table = np.array(rows, dtype=np.int64)
    return {tensor.name: table[:, names.index(network.bits_owner(tensor).name)] for tensor in network.tensors}


def _merge(gains: Floats, looks: list[Integers]) -> tuple[Integers, Floats]:
    """Merge combinations of equal looks: one representative each, by ascending looks, and the best gain by (those, cells)."""
    _, keep, group = np.unique(np.stack(looks, axis=1), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    starts = np.searchsorted(group.ravel()[order], np.arange(len(keep)))
    return keep, np.maximum.reduceat(gains[order], starts, axis=0)


def _spread(value: Any, size: int) -> Floats:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (size,)).copy()


def _stacked(values: Sequence[Any]) -> NDArray[Any]:
    """One row for each value: (values, cells), or (values, 1) where no value differs by cell."""
    return np.stack(np.broadcast_arrays(*(np.atleast_1d(np.asarray(value)) for value in values)))
