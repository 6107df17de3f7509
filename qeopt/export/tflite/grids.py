"""Scales that TFLite can run: operators that copy values have one scale and one zero on both sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qeopt.export.arithmetic.functions import clips_to
from qeopt.export.arithmetic.quantised import Grid, QuantisedNetwork, Weights
from qeopt.export.moves import MOVING
from qeopt.network import OpKind

ALIKE = MOVING | {OpKind.POOL, OpKind.MAX_POOL, OpKind.CONCAT, OpKind.RESIZE, OpKind.MAXIMUM, OpKind.MINIMUM}
"""Kinds whose kernels copy, compare or average integers as they are stored."""
CLAMPING = frozenset({"relu6", "clip"})
"""Functions whose kernels, where they stand by themselves, compare integers as they are stored."""


def legal(model: QuantisedNetwork) -> QuantisedNetwork:
    """Give tensors on both sides of copying operators one grid, the widest of them; biases follow the scales of what is read."""
    owner = {name: name for name in model.grids}

    def root(name: str) -> str:
        while owner[name] != name:
            name = owner[name]
        return name

    for op in model.network.ops:
        if op.kind in ALIKE or (op.kind is OpKind.ACTIVATION and model.functions[op.name] in CLAMPING):
            for tensor in (*op.inputs, *op.others):
                owner[root(tensor.name)] = root(op.output.name)
    groups: dict[str, list[str]] = {}
    for name in model.grids:
        groups.setdefault(root(name), []).append(name)
    grids, ends = dict(model.grids), _ends(model)
    for names in groups.values():
        widest = _widest([model.grids[name] for name in names])
        grids |= dict.fromkeys(names, _within(widest, [ends[name] for name in names if name in ends]))
    weights = {
        op.name: _moved(model.weights[op.name], model.grids[op.inputs[0].name], grids[op.inputs[0].name])
        for op in model.network.ops
        if op.name in model.weights
    }
    return replace(model, grids=grids, weights=weights)


def _ends(model: QuantisedNetwork) -> dict[str, float]:
    """By tensor: the bound above zero that an operator keeps it under, where integers have to end there, as no kernel looks."""
    ops = [op for op in model.network.ops if op.kind is not OpKind.ACTIVATION and model.functions[op.name] == "clip"]
    bounds = {op.output.name: clips_to("clip", op.terms) or (-np.inf, np.inf) for op in ops}
    return {name: high for name, (low, high) in bounds.items() if low == 0 and 0 < high < np.inf}


def _within(grid: Grid, ends: list[float]) -> Grid:
    """A grid without signs that ends at the least of some bounds, or before."""
    if not ends or grid.is_signed:
        return grid
    return replace(grid, scale=min(grid.scale, float(np.float32(min(ends) / grid.high))))


def _widest(grids: list[Grid]) -> Grid:
    if len(set(grids)) == 1:
        return grids[0]
    is_signed = any(grid.is_signed for grid in grids)
    most = max(grid.scale * grid.high for grid in grids)
    steps = (1 << (grids[0].bits - is_signed)) - 1
    return Grid(grids[0].bits, is_signed, float(np.float32(most / steps)))


def _moved(weights: Weights, before: Grid, after: Grid) -> Weights:
    """The same weights, their bias in units of another scale of what is read."""
    if before.scale == after.scale:
        return weights
    bias = np.clip(np.rint(weights.bias * (before.scale / after.scale)), -(2**31), 2**31 - 1)
    return replace(weights, bias=bias.astype(np.int64))
