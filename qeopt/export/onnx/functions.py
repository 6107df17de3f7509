"""Activation functions as ONNX nodes over real values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qeopt.export.errors import ExportError
from qeopt.export.onnx.value import AXES, Graph
from qeopt.network import Op
from qeopt.network.functions import CLIPS, bounds

_PLAIN = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "mish": "Mish",
    "erf": "Erf",
    "abs": "Abs",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "reciprocal": "Reciprocal",
    "floor": "Floor",
    "ceil": "Ceil",
    "round": "Round",
    "sign": "Sign",
    "sin": "Sin",
    "cos": "Cos",
    "gelu": "Gelu",
    "hardswish": "HardSwish",
}
"""Functions that one operator without attributes computes."""
_NUMBERED = {
    "leaky_relu": ("LeakyRelu", (("alpha", 0.01),)),
    "elu": ("Elu", (("alpha", 1.0),)),
    "celu": ("Celu", (("alpha", 1.0),)),
    "selu": ("Selu", (("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875))),
    "hardsigmoid": ("HardSigmoid", (("alpha", 1 / 6), ("beta", 0.5))),
    "thresholded_relu": ("ThresholdedRelu", (("alpha", 1.0),)),
}
"""Functions whose operator has their numbers for attributes."""


@dataclass(frozen=True)
class _Place:
    """Where a function is written."""

    graph: Graph
    source: str
    output: str
    title: str
    doc: str
    slopes: str

    def node(self, kind: str, more: tuple[str, ...] = (), terms: Mapping[str, Any] | None = None) -> str:
        return self.graph.node(kind, [self.source, *more], self.output, self.title, self.doc, terms)

    def number(self, role: str, value: float) -> str:
        return self.graph.constant(f"{self.output}/{role}", np.array(value, np.float32))


def append_function(
    graph: Graph, op: Op, name: str, source: str, output: str, *, slopes: str = "", title: str = "", doc: str = ""
) -> str:
    """Append a function of real values and return the name of its output.

    Args:
        graph: Where to.
        op: The operator that it belongs to.
        name: The function.
        source: The value that it reads.
        output: Name of the value to write.
        slopes: Name of its constants, where it has any.
        title: Name of the node; named after output and function unless given.
        doc: What a viewer shows of the node.

    Raises:
        ExportError: when ONNX has no such function.
    """
    place = _Place(graph, source, output, title or f"{output}/{name}", doc, slopes)
    terms = op.terms if op.function == name else ()
    if not name:
        return place.node("Identity")
    if name in _PLAIN:
        return place.node(_PLAIN[name])
    if name in CLIPS:
        ends = zip(("low", "high"), bounds(name, terms), strict=True)
        return place.node("Clip", tuple("" if end is None else place.number(which, end) for which, end in ends))
    if name in _NUMBERED:
        kind, usual = _NUMBERED[name]
        numbers = {key: float(value if at >= len(terms) else terms[at] or 0.0) for at, (key, value) in enumerate(usual)}
        return place.node(kind, (), numbers)
    if name in _OTHERS:
        return str(_OTHERS[name](place, terms))
    raise ExportError(f"{op.name!r} ends in {name!r}, which ONNX has no operator for")


def _softmax(kind: str) -> Any:
    return lambda place, terms: place.node(kind, (), {"axis": AXES[int(terms[0] or 0)] if terms else 1})


def _silu(place: _Place, terms: tuple[float | None, ...]) -> str:
    inner, graph = place.source, place.graph
    if terms and terms[0] != 1.0:
        inner = graph.node("Mul", [inner, place.number("slope", terms[0] or 0.0)], f"{place.output}/inner", f"{place.output}/inner")
    gate = graph.node("Sigmoid", [inner], f"{place.output}/gate", f"{place.output}/gate")
    return place.node("Mul", (gate,))


def _power(place: _Place, terms: tuple[float | None, ...]) -> str:
    return place.node("Pow", (place.number("power", terms[0] or 0.0 if terms else 2.0),))


_OTHERS: Mapping[str, Any] = {
    "softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"),
    "gelu_tanh": lambda place, _: place.node("Gelu", (), {"approximate": "tanh"}),
    "prelu": lambda place, _: place.node("PRelu", (place.slopes,)),
    "silu": _silu,
    "square": _power,
    "pow": _power,
}
KNOWN = frozenset({*_PLAIN, *_NUMBERED, *CLIPS, *_OTHERS})
"""Functions that ONNX has operators for."""
