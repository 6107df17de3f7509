"""ONNX operators that are not known: what is said of them, and how they are taken where the user says it (`treat_as`)."""

from __future__ import annotations

from math import prod
from typing import Any

from qeopt.network.graph import OpKind
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.infer import Dims
from qeopt.network.importers.onnx.nodes import REASONS
from qeopt.network.importers.onnx.state import Reader
from qeopt.spec.errors import SpecError, quote


def not_taken(kind: str) -> str:
    """Why operators of a kind cannot be taken."""
    return f"operator {quote(kind)} {REASONS.get(kind, 'is not known')}"


def unknown(reader: Reader, node: Any) -> str:
    """Why an operator cannot be taken, and what leads somewhere."""
    kind = node.op_type
    said = not_taken(kind)
    source = next((value for value in node.input if reader.knows(value)), None)
    if source is None:
        return said
    written = reader.inference.dims_or_stated(node.output[0])
    hints = []
    if kind not in REASONS and written == reader.views[source].dims:
        hints = ["activation", "identity"]
    elif kind not in REASONS and written is not None and prod(written) == prod(reader.views[source].dims):
        hints = ["move"]
    elif any(piece.weights is not None for piece in reader.draft.pieces):
        hints = ["cut"]
    if not hints:
        return said
    words = {"activation": "a function of each value", "identity": "nothing", "move": "a copy in another order",
             "cut": "the network then ends before it"}  # fmt: skip
    ways = " or ".join(f"treat_as: {{{kind}: {hint}}} ({words[hint]})" for hint in hints)
    return f"{said}; say how to take it: {ways}"


def take_as(reader: Reader, node: Any, escape: str) -> None:
    """Take a node as the user says, if that agrees with its shapes."""
    index = next(index for index, value in enumerate(node.input) if reader.knows(value))
    view = reader.view(node, index)
    written = _written(reader, node)
    if escape in {"identity", "activation"}:
        if written is not None and written != view.dims:
            shapes = f"it makes {list(written)} of {list(view.dims)} values"
            raise reader.refuse(node, f"cannot be taken as {escape}: {shapes}; the shape would have to stay")
        reader.inference.state(node.output[0], view.dims)
    elif written is None:
        raise reader.refuse(node, "cannot be taken as move: the file does not state the shape of what it writes")
    elif prod(written) > prod(view.dims):
        raise reader.refuse(node, f"cannot be taken as move: it makes {list(written)} of {list(view.dims)} values")
    reader.draft.notes.append(f"taken as {escape}, as declared: {node.op_type} {reader.name(node)!r}")
    if escape == "identity":
        reader.write(node, view)
    elif escape == "activation":
        reader.elementwise(node, OpKind.ACTIVATION, view, function=node.op_type.lower())
    elif written is not None:
        reader.inference.state(node.output[0], written)
        same = prod(written) == prod(view.dims)
        shape = canonical(written)
        reader.write_plain(node, OpKind.TRANSPOSE if same else OpKind.SLICE, (view.source,), shape)


def _written(reader: Reader, node: Any) -> Dims | None:
    """The shape that a node writes, where anything says it."""
    try:
        reader.inference.infer(node, reader.given, reader.name(node))
    except SpecError:
        return None
    return reader.inference.dims_or_stated(node.output[0])
