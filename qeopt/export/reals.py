"""One operator in double precision. Scales are fitted to what comes out here; what exports compute is in `reference`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qeopt.export import activation_functions, sums
from qeopt.export.errors import ExportError
from qeopt.export.quantised import Grid, Integers, Reals, Weights
from qeopt.network import Op, OpKind


def step(op: Op, inputs: list[Integers], grids: Mapping[str, Grid], weights: Weights | None, function: str) -> Reals:
    """Compute one operator, up to the rounding of its output.

    Args:
        op: The operator.
        inputs: Integers of its inputs, shape (images, channels, height, width).
        grids: What they stand for, by tensor name.
        weights: Its weights, if it has any.
        function: The function at its end.

    Returns:
        Real values, shape (images, channels, height, width).

    Raises:
        ExportError: when the operator or the function is not known here.
    """
    activation_functions.check(function, op.name)
    real: list[Reals] = [values * np.float64(grids[tensor.name].scale) for values, tensor in zip(inputs, op.inputs, strict=True)]
    scale = np.float64(grids[op.inputs[0].name].scale)
    found: Reals
    if weights is not None:
        found = sums.weighted(op, weights, inputs[0]) * (weights.scales * scale)[:, None, None]
    else:
        match op.kind:
            case OpKind.POOL:
                found = sums.pooled(op, inputs[0]) / sums.counts(op) * scale
            case OpKind.MAX_POOL:
                found = sums.pooled(op, inputs[0]) * scale
            case OpKind.ADD:
                found = real[0] + real[1]
            case OpKind.MUL:
                found = real[0] * real[1]
            case OpKind.ACTIVATION:
                found = real[0]
            case OpKind.CONCAT:
                found = np.concatenate(real, axis=1)
            case _:
                raise ExportError(f"{op.name!r} is of the kind {op.kind}, which exports with numbers cannot write")
    return activation_functions.apply(function, found)
