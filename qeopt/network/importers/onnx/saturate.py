"""Functions that quantisers stand for: a zero at the least integer keeps negative values out, as a ReLU does."""

from __future__ import annotations

from math import isclose
from typing import Any

from qeopt.network.functions import is_never_negative
from qeopt.network.graph import OpKind
from qeopt.network.importers.draft import Piece
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.patterns import number

_LIMITS = {2: (0, 255), 3: (-128, 127), 4: (0, 65535), 5: (-32768, 32767), 21: (0, 15), 22: (-8, 7), 25: (0, 3), 26: (-2, 1)}
"""Least and greatest integer by TensorProto.DataType."""
_KEEPING_SIGN = frozenset(
    {OpKind.POOL, OpKind.MAX_POOL, OpKind.CONCAT, OpKind.SLICE, OpKind.SPLIT, OpKind.TRANSPOSE, OpKind.RESHAPE, OpKind.ADD,
     OpKind.MUL, OpKind.MAXIMUM, OpKind.MINIMUM}
)  # fmt: skip
"""Kinds that make no negative value of others."""
_SIX = 6.0


def saturate(reader: Reader, node: Any, scale: int) -> None:
    """Append the function that a quantiser, whose scale and zero are inputs from `scale` on, leaves out.

    Quantisers take a ReLU or a ReLU6 out where their integers end there anyway. Other ends are where values were expected to end,
    and no function.
    """
    value = str(node.output[0])
    view, ends = reader.views[value], _LIMITS.get(reader.inference.kind(value))
    step, zero = reader.constant(node, scale), reader.constant(node, scale + 1)
    if ends is None or view.source in reader.draft.images:
        return
    factor, shift = number(step), 0.0 if zero is None else number(zero)
    if factor is None or shift is None or ends[0] != shift or _is_never_negative(reader, view.source):
        return
    function = "relu6" if isclose((ends[1] - shift) * factor, _SIX, rel_tol=1e-3) else "relu"
    made = f"{value} ({function})"
    piece = Piece(reader.name(node), OpKind.ACTIVATION, (view.source,), made, function=function)
    reader.draft.add(piece, reader.shape(view))
    reader.draft.notes.append(f"{function}, as integers begin at zero: {node.op_type} {reader.name(node)!r}")
    reader.views[value] = view.of(made)


def _is_never_negative(reader: Reader, value: str) -> bool:
    """Whether functions before a value leave nothing below zero in it."""
    open_, seen = [value], set(reader.never_negative)
    while open_:
        source = open_.pop()
        if source in seen:
            continue
        seen.add(source)
        piece = reader.draft.made.get(source)
        if piece is None:
            return False
        if piece.kind is OpKind.ACTIVATION and is_never_negative(piece.function, piece.terms):
            continue
        is_padded = piece.kind is OpKind.PAD and piece.function != "constant"
        is_resized = piece.kind is OpKind.RESIZE and not piece.function.startswith("cubic")
        if not (is_padded or is_resized) and (piece.kind not in _KEEPING_SIGN or piece.function):
            return False
        open_ += piece.reads
    reader.never_negative |= seen
    return True
