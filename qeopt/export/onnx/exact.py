"""Operators that divide by any number, in integers: the functions of standard operators that equal the reference to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qeopt.export.arithmetic.contract import ends, rescaling, sum_range
from qeopt.export.arithmetic.geometry import shape_of, window
from qeopt.export.arithmetic.layer_norm import norm_steps
from qeopt.export.arithmetic.quantised import Integers, QuantisedNetwork
from qeopt.export.arithmetic.resizing import linear
from qeopt.export.arithmetic.softmax import SOFTMAX, axis_of, exponentials
from qeopt.export.arithmetic.sums import counts
from qeopt.export.onnx.operators import norm_constants
from qeopt.export.onnx.value import Graph
from qeopt.network import Op, OpKind
from qeopt.network.importers.onnx import exact

EXACT_SUM, EXACT_PRODUCT = 1 << 24, 1 << 53
"""Integers below these are exact in single and in double precision."""


class Exact(NamedTuple):
    """A function, and what it reads beside integers, scales and zero points."""

    name: str
    reads: list[str]
    terms: Mapping[str, Any]
    is_last: bool = False
    """Whether channels come last in what it reads and writes."""


def exact_form(graph: Graph, model: QuantisedNetwork, op: Op, opset: int) -> Exact | None:
    """State an operator's function and constants in a graph; None where there is no such, or floats could not hold its numbers."""
    found: Exact | None = None
    if op.kind is OpKind.LAYER_NORM:
        found = _norm(graph, model, op)
    elif op.kind is OpKind.ACTIVATION and model.functions[op.name] == SOFTMAX:
        found = _softmax(graph, model, op)
    elif op.kind is OpKind.POOL or (op.kind is OpKind.RESIZE and op.function.startswith("linear") and not op.terms):
        found = _product(graph, model, op)
    if found is None:
        return None
    for end, bound in zip(("low", "high"), ends(model, op), strict=True):
        found.reads.append(graph.constant(f"{op.name}/{end}", np.array(bound, np.float32)))
    if found.name not in {made.name for made in graph.functions}:
        graph.functions.append(exact.function(graph.onnx, found.name, opset))
    return found


def _product(graph: Graph, model: QuantisedNetwork, op: Op) -> Exact | None:
    told, (least, most) = rescaling(model, op), sum_range(model, op)
    largest = max(-least, most)
    if largest >= EXACT_SUM or largest * int(told.factors.multipliers.max()) >= EXACT_PRODUCT:
        return None
    factors = told.factors.multipliers * np.ldexp(1.0, -told.factors.shifts)
    found = _resize(graph, op) if op.kind is OpKind.RESIZE else _average(graph, op)
    places = 0 if op.kind is OpKind.RESIZE else counts(op) - 1
    found.reads.append(graph.constant(f"{op.name}/factors", np.asarray(factors[places])))
    return found


def _average(graph: Graph, op: Op) -> Exact:
    seen, channels = window(op), int(op.output.channels)
    ones = graph.constant(f"{op.name}/ones", np.ones((channels, 1, seen.height, seen.width), np.float32))
    sides = ([seen.height, seen.width], list(seen.strides), list(seen.pads), list(seen.dilation))
    terms = dict(zip(exact.WINDOW, sides, strict=True)) | {"count_include_pad": int(op.counts_padding), "group": channels}
    return Exact(exact.AVERAGE, [ones], terms)


def _resize(graph: Graph, op: Op) -> Exact:
    sizes = graph.constant(f"{op.name}/sizes", np.array([graph.batch, *shape_of(op.output)]))
    rows, columns = (
        _shares(int(side), *places) for side, places in zip((op.inputs[0].height, op.inputs[0].width), linear(op), strict=True)
    )
    reads = [sizes, graph.constant(f"{op.name}/rows", rows), graph.constant(f"{op.name}/columns", columns.T)]
    mode, places = op.function.split()
    return Exact(exact.RESIZE, reads, {"mode": mode, "coordinate_transformation_mode": places})


def _shares(side: int, before: Integers, behind: Integers, share: Integers, whole: int) -> NDArray[np.float32]:
    """How many shares of each row (or column) that is read the rows that are written take."""
    found = np.zeros((len(before), side), np.float32)
    places = np.arange(len(before))
    found[places, before] += whole - share
    found[places, behind] += share
    return found


def _softmax(graph: Graph, model: QuantisedNetwork, op: Op) -> Exact | None:
    """A quotient that is no half is off one by half of 1 over the sum, at least; below 2^bits doubles are 2^(bits - 53) apart."""
    grid, axis = model.grids[op.output.name], axis_of(op.terms)
    tables = exponentials(model.grids[op.inputs[0].name], grid, op.name)
    most = shape_of(op.output)[axis - 1] * int(tables.terms[0])
    if int(tables.numerators[0]) >= EXACT_PRODUCT or most << grid.bits >= EXACT_PRODUCT:
        return None
    reads = [graph.constant(f"{op.name}/axes", np.array([axis]))]
    reads += [graph.constant(f"{op.name}/{role}", values.astype(np.float64)) for role, values in tables._asdict().items()]
    return Exact(exact.SOFTMAX, reads, {"axis": axis})


def _norm(graph: Graph, model: QuantisedNetwork, op: Op) -> Exact:
    norm = model.norms[op.name]
    found = norm_steps(norm, model.grids[op.inputs[0].name], model.grids[op.output.name], op.name)
    reads = [*norm_constants(graph, op, norm), ""][:2]
    for role, values in (
        ("channels", len(norm.factors)),
        ("widening", 4.0**found.widening),
        ("epsilon", found.epsilon),
        ("unit", 2.0 ** (found.widening + found.fraction)),
        ("multipliers", np.ldexp(found.multipliers.astype(np.float64), -found.shift)),
        ("shares", np.ldexp(found.summands.astype(np.float64), -found.shift)),
    ):
        reads.append(graph.constant(f"{op.name}/{role}", np.asarray(values, np.float64)))
    return Exact(exact.NORM, reads, {"axis": -1, "epsilon": norm.epsilon}, is_last=True)
