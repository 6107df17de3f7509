"""Scales that TFLite can run: operators that copy values have one scale and one zero on both sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qeopt.export.arithmetic.quantised import Grid, QuantisedNetwork, Weights
from qeopt.export.moves import MOVING
from qeopt.network import OpKind

ALIKE = MOVING | {OpKind.POOL, OpKind.MAX_POOL, OpKind.CONCAT, OpKind.RESIZE, OpKind.MAXIMUM, OpKind.MINIMUM}
"""Kinds whose kernels copy, compare or average integers as they are stored."""


def legal(model: QuantisedNetwork) -> QuantisedNetwork:
    """Give tensors on both sides of copying operators one grid, the widest of them; biases follow the scales of what is read."""
    owner = {name: name for name in model.grids}

    def root(name: str) -> str:
        while owner[name] != name:
            name = owner[name]
        return name

    for op in model.network.ops:
        if op.kind in ALIKE:
            for tensor in (*op.inputs, *op.others):
                owner[root(tensor.name)] = root(op.output.name)
    groups: dict[str, list[str]] = {}
    for name in model.grids:
        groups.setdefault(root(name), []).append(name)
    grids = dict(model.grids)
    for names in groups.values():
        grids |= dict.fromkeys(names, _widest([model.grids[name] for name in names]))
    weights = {
        op.name: _moved(model.weights[op.name], model.grids[op.inputs[0].name], grids[op.inputs[0].name])
        for op in model.network.weighted_ops
    }
    return replace(model, grids=grids, weights=weights)


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
