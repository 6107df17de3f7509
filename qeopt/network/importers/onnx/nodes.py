"""What each ONNX operator becomes, and what is said of those that cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qeopt.network.importers.onnx import integers
from qeopt.network.importers.onnx.saturate import saturate
from qeopt.network.importers.onnx.state import Reader, Step
from qeopt.network.importers.onnx.steps import as_reals
from qeopt.network.importers.onnx.weighted import Handler
from qeopt.network.importers.patterns import number


def _quantise(reader: Reader, node: Any) -> None:
    zero = reader.constant(node, 2)
    reader.same(node)
    saturate(reader, node, 1)
    reader.integers[node.output[0]] = Step(reader.constant(node, 1), zero)
    reader.note_bits(node.output[0], 8 if zero is None else zero.bits)


def _dequantise(reader: Reader, node: Any) -> None:
    """Nothing where integers are read as they were written; else other values, which is a factor and a summand."""
    value, wanted = node.input[0], Step(reader.constant(node, 1), reader.constant(node, 2))
    if value in reader.integers and reader.integers[value].means(wanted):
        reader.same(node)
    elif value not in reader.integers and reader.view(node).source in reader.draft.images:
        reader.draft.notes.append(f"the image holds what its integers stand for: {node.op_type} {reader.name(node)!r}")
        scale, zero = wanted.numbers()
        source = reader.view(node).source
        if scale is not None and zero is not None and source in reader.draft.pixel_ranges:
            low, high = reader.draft.pixel_ranges[source]
            reader.draft.pixel_ranges[source] = ((low - zero) * scale, (high - zero) * scale)
        reader.same(node)
    else:
        as_reals(reader, node, wanted)


def quantiser(reader: Reader, node: Any) -> None:
    """Take a QONNX quantiser of an activation for what it reads, and note its bits."""
    reader.inference.same(node.output[0], node.input[0])
    reader.same(node)
    reader.note_bits(node.input[0], quantiser_bits(reader, node))


def quantiser_bits(reader: Reader, node: Any) -> int | None:
    """Bits that a QONNX quantiser rounds to."""
    if node.op_type == "BipolarQuant":
        return 1
    width = number(reader.constant(node, 3)) if node.op_type in {"Quant", "IntQuant"} else None
    return None if width is None or not 1 <= width <= 32 else round(width)


def _ignore(reader: Reader, node: Any) -> None:
    """Shape arithmetic: what it makes is a constant already."""


HANDLERS: Mapping[str, Handler] = {
    **integers.REALS,
    **integers.HANDLERS,
    "QuantizeLinear": _quantise,
    "DequantizeLinear": _dequantise,
}

_RECURRENT = "runs over time in a state of its own; no kernel here has one"
_PIXELWISE = "looks at its neighbours in a way that no kernel here has"
_STATISTICS = "needs statistics of the image at run time, which no kernel here takes"
REASONS: Mapping[str, str] = {
    **dict.fromkeys(("LSTM", "GRU", "RNN", "Scan", "Loop"), _RECURRENT),
    "DynamicQuantizeLinear": "chooses a scale anew for every image, and scales of kernels are fixed; "
    "export the network as it was before that",
    "LRN": "divides by the energy of neighbouring channels, which no kernel here does",
    "LpNormalization": "divides by a norm, which no kernel here does",
    "InstanceNormalization": _STATISTICS,
    "GroupNormalization": _STATISTICS,
    "MeanVarianceNormalization": _STATISTICS,
    "NonMaxSuppression": "writes as many values as it finds boxes",
    "TopK": "ranks values",
    "Einsum": "is a sum of products that is written as a formula",
    "Attention": "is a product of two values that both depend on the image",
    "GridSample": _PIXELWISE,
    "RoiAlign": _PIXELWISE,
    "If": "chooses between graphs by a value that depends on the image",
}
"""Operators that people meet, and why they cannot be taken."""
SHAPES = frozenset({"Shape", "Size", "Constant", "ConstantOfShape", "Range", "NonZero", "EyeLike", "RandomNormalLike"})
"""Operators that make constants, of sizes or of nothing."""
CONSTANTS_ONLY = frozenset(
    {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Not", "And", "Or", "Xor", "Mod", "OneHot", "ScatterND", "CumSum",
     "GatherND", "GatherElements", "ScatterElements", "ReduceProd", "ReduceMin", "Trilu", "Where", "If", "BitShift", "Compress",
     "CastLike", "IsNaN", "IsInf", "TopK", "Unique", "Einsum"}
)  # fmt: skip
"""Operators that are known where nothing depends on the image."""
