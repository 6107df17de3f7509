"""ONNX operators that are not known: what is said of them, and how they are taken where the user says it."""

from __future__ import annotations

from math import prod
from typing import Any

from qeopt.network.graph import OpKind
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.infer import Dims
from qeopt.network.importers.onnx.nodes import REASONS
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.treat_as import ways_to_take
from qeopt.spec.errors import SpecError


def unknown(reader: Reader, node: Any) -> str:
    """Why a node cannot be taken, and what leads somewhere."""
    source = next((value for value in node.input if reader.knows(value)), None)
    have, want = (None, None) if source is None else (reader.views[source].dims, reader.inference.dims_or_stated(node.output[0]))
    return ways_to_take(node.op_type, REASONS, reader.draft, have, want)


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
