"""The numbers by which each operator turns exact sums into integers of its output; reference and firmware read the same ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qeopt.export.arithmetic.functions import SLOPES, apply, check, clips_to
from qeopt.export.arithmetic.geometry import window
from qeopt.export.arithmetic.quantised import Grid, Integers, QuantisedNetwork
from qeopt.export.arithmetic.reals import end_of
from qeopt.export.arithmetic.resizing import linear
from qeopt.export.arithmetic.rounding import SUM_HIGH, SUM_LOW, Factors, factors, joint_factors
from qeopt.export.arithmetic.softmax import SOFTMAX
from qeopt.export.errors import ExportError
from qeopt.export.moves import only_moves
from qeopt.network import Op, OpKind

MOST_TABLE_BITS = 16
"""A function that is looked up reads at most this many bits."""


@dataclass(frozen=True)
class Rescaling:
    """How one operator ends: sums times multipliers, over powers of two, halves to even, clipped."""

    factors: Factors
    """One by output channel (weights), input (add, mul: one; concat), or count of values from 1 on (average); else one alone."""
    low: int
    """Least output: that of the grid or of the function."""
    high: int
    """Greatest output."""
    table: Integers | None = None
    """Outputs by input, from the least one on, where the function does more than clip; there is nothing to multiply then. Where
    the function differs by channel, a row for each."""


def rescaling(model: QuantisedNetwork, op: Op) -> Rescaling:
    """Return the numbers of one operator.

    Raises:
        ExportError: when the operator or its function is not known, a factor is too large, or a sum could leave 32 bits; of softmax
            and layer normalisation, which divide by what they read and have modules of their own.
    """
    function, out = end_of(op, model.functions), model.grids[op.output.name]
    check(function, op.name)
    if op.kind is OpKind.LAYER_NORM or (op.kind is OpKind.ACTIVATION and function == SOFTMAX):
        raise ExportError(f"{op.name!r} is a {op.kind if op.kind is OpKind.LAYER_NORM else function}, for which there is no kernel")
    if clips_to(function, op.terms) is None:
        return Rescaling(Factors(np.zeros(0, np.int64), np.zeros(0, np.int64)), out.low, out.high, _table(model, op))
    check_sums(model, op)
    return Rescaling(_factors(model, op), *ends(model, op))


def ends(model: QuantisedNetwork, op: Op) -> tuple[int, int]:
    """Least and greatest output: those of the grid, or of the function where that clips."""
    function, out = end_of(op, model.functions), model.grids[op.output.name]
    bounds = clips_to(function, () if op.kind is OpKind.LAYER_NORM else op.terms) or (-np.inf, np.inf)
    low, high = (int(np.clip(np.rint(end / out.scale), out.low, out.high)) for end in bounds)
    return low, high


def sum_range(model: QuantisedNetwork, op: Op) -> tuple[int, int]:
    """Least and greatest value that a sum of `op` can pass through, whatever order its terms are added in."""
    grid = model.grids[op.inputs[0].name]
    if op.kind is OpKind.AFFINE:
        weights = model.weights[op.name]
        both = np.stack([end * weights.values + weights.bias for end in (grid.low, grid.high, 0)])
        return int(both.min()), int(both.max())
    if op.has_weights:
        weights = model.weights[op.name]
        ends = weights.values.reshape(len(weights.values), -1, 1) * np.array([grid.low, grid.high])
        least, most = ends.min(axis=2).sum(axis=1), ends.max(axis=2).sum(axis=1)  # no term is of the other sign at its end
        return int((least + np.minimum(weights.bias, 0)).min()), int((most + np.maximum(weights.bias, 0)).max())
    if op.kind is OpKind.MUL:
        other = model.grids[op.inputs[1].name]
        products = [one * two for one in (grid.low, grid.high) for two in (other.low, other.high)]
        return min(products), max(products)
    if op.kind is OpKind.RESIZE and op.function.startswith("linear"):
        (*_, rows), (*_, columns) = linear(op)
        return grid.low * rows * columns, grid.high * rows * columns
    found = window(op)
    count = found.height * found.width if op.kind is OpKind.POOL else 1
    return grid.low * count, grid.high * count


def check_sums(model: QuantisedNetwork, op: Op) -> None:
    """Make sure that 32 bits hold every sum.

    Raises:
        ExportError: naming the operator and how far its sums reach.
    """
    least, most = sum_range(model, op)
    if least < SUM_LOW or most > SUM_HIGH:
        raise ExportError(
            f"sums of {op.name!r} reach from {least} to {most}, and 32 bits hold {SUM_LOW} to {SUM_HIGH}; "
            "fewer bits, or a larger scale of its weights, make them smaller"
        )


def _factors(model: QuantisedNetwork, op: Op) -> Factors:
    inputs = np.array([model.grids[tensor.name].scale for tensor in op.inputs])
    out = model.grids[op.output.name].scale
    match op.kind:
        case OpKind.ADD:
            return joint_factors(inputs / out, op.name)
        case OpKind.SUB:
            found = joint_factors(inputs / out, op.name)
            return Factors(found.multipliers * np.array([1, -1]), found.shifts)
        case OpKind.CONV | OpKind.DEPTHWISE | OpKind.TRANSPOSED_CONV | OpKind.DENSE | OpKind.AFFINE:
            values = model.weights[op.name].scales * inputs[0] / out
        case OpKind.MUL:
            values = inputs[:1] * inputs[1] / out
        case OpKind.POOL:
            values = inputs[0] / out / np.arange(1, window(op).height * window(op).width + 1)
        case OpKind.CONCAT | OpKind.MAXIMUM | OpKind.MINIMUM:
            values = inputs / out
        case OpKind.RESIZE if op.function.startswith("linear"):
            (*_, rows), (*_, columns) = linear(op)
            values = inputs / out / (rows * columns)
        case _ if op.kind in {OpKind.MAX_POOL, OpKind.ACTIVATION} or only_moves(op):
            values = inputs / out
        case _:
            raise ExportError(f"{op.name!r} is of the kind {op.kind}, which exports with numbers cannot write")
    return factors(values, op.name)


def _table(model: QuantisedNetwork, op: Op) -> Integers:
    """Outputs of a function of one value, computed once in double precision."""
    function, grid = model.functions[op.name], model.grids[op.inputs[0].name]
    if op.kind is not OpKind.ACTIVATION:
        raise ExportError(f"{op.name!r} is of the kind {op.kind} and cannot end in {function!r}, which is looked up by itself")
    if grid.bits > MOST_TABLE_BITS:
        raise ExportError(f"{op.name!r} looks {function!r} up for {grid.bits} bits; {MOST_TABLE_BITS} are the most")
    values = codes(grid) * np.float64(grid.scale)
    if function == SLOPES:
        values, slopes = values[None], model.slopes[op.name].reshape(-1, 1)
        return model.grids[op.output.name].quantise(apply(function, values, op.terms, slopes))
    return model.grids[op.output.name].quantise(apply(function, values, op.terms))


def codes(grid: Grid) -> Integers:
    """All integers of a grid, the least one first."""
    return np.arange(grid.low, grid.high + 1)
