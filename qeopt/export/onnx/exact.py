"""Operators that divide by any number, in integers: the functions of standard operators that equal the reference to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qeopt.export.arithmetic.contract import rescaling, sum_range
from qeopt.export.arithmetic.geometry import shape_of, window
from qeopt.export.arithmetic.quantised import Integers, QuantisedNetwork
from qeopt.export.arithmetic.resizing import linear
from qeopt.export.arithmetic.sums import counts
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


def exact_form(graph: Graph, model: QuantisedNetwork, op: Op, opset: int) -> Exact | None:
    """State an operator's function and constants in a graph; None where there is no such, or floats could not hold its numbers."""
    is_resize = op.kind is OpKind.RESIZE and op.function.startswith("linear") and not op.terms
    if op.kind is not OpKind.POOL and not is_resize:
        return None
    ends, (least, most) = rescaling(model, op), sum_range(model, op)
    largest = max(-least, most)
    if largest >= EXACT_SUM or largest * int(ends.factors.multipliers.max()) >= EXACT_PRODUCT:
        return None
    factors = ends.factors.multipliers * np.ldexp(1.0, -ends.factors.shifts)
    found = _resize(graph, op) if is_resize else _average(graph, op)
    places = 0 if is_resize else counts(op) - 1
    found.reads.append(graph.constant(f"{op.name}/factors", np.asarray(factors[places])))
    for end, bound in (("low", ends.low), ("high", ends.high)):
        found.reads.append(graph.constant(f"{op.name}/{end}", np.array(bound, np.float32)))
    if found.name not in {made.name for made in graph.functions}:
        graph.functions.append(exact.function(graph.onnx, found.name, opset))
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
