"""What ONNX operators that move all values, or none, become."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from qeopt.network.graph import OpKind
from qeopt.network.importers.draft import Piece
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.parts import reshaped
from qeopt.network.importers.onnx.state import Reader, Step
from qeopt.network.importers.onnx.steps import as_reals
from qeopt.network.importers.onnx.weighted import Handler
from qeopt.network.importers.views import View

SAME = ("Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze")
"""Operators that move no value."""


def _same(reader: Reader, node: Any) -> None:
    reader.same(node)
    if node.input[0] in reader.integers:
        reader.integers[node.output[0]] = reader.integers[node.input[0]]


_REALS = frozenset({1, 10, 11, 16})
"""Types of real numbers, of TensorProto.DataType."""
_WHOLE = frozenset({"floor", "ceil", "round", "sign"})
"""Functions that leave no fraction."""


def _cast(reader: Reader, node: Any) -> None:
    """Another type for the same values; whole numbers of others would lose their fractions."""
    kind, to = reader.inference.kind(node.input[0]), int(reader.attribute(node, "to", 1))
    if to in _REALS and node.input[0] in reader.integers:
        as_reals(reader, node, Step(None, None))
        return
    if kind in _REALS and to not in _REALS and node.input[0] not in reader.integers:
        maker = reader.draft.made.get(reader.view(node).source)
        if node.output[0] in reader.outputs:
            reader.draft.notes.append(f"left out at the end: {node.op_type} {reader.name(node)!r} to whole numbers")
        elif maker is None or maker.function not in _WHOLE:
            said = (
                "cuts fractions off, which no operator here does; Floor, Ceil and Round are known, and treat_as: {Cast: identity}"
            )
            raise reader.refuse(node, f"{said} leaves the cut out")
    _same(reader, node)


def _transpose(reader: Reader, node: Any) -> None:
    view = reader.view(node)
    perm = tuple(reader.attribute(node, "perm") or range(len(view.dims))[::-1])
    if sorted(perm) != list(range(len(view.dims))):
        raise reader.refuse(node, f"perm {list(perm)} is no order of {len(view.dims)} dimensions")
    reader.write(node, view.transposed(perm))


def _expand(reader: Reader, node: Any) -> None:
    """Nothing, or one row or column for many: a resize, unless who reads it spreads it anyway."""
    view, dims = reader.view(node), reader.dims_of(node.output[0], node)
    if prod(dims) == prod(view.dims):
        reader.same(node)
        return
    seen = (1,) * (len(dims) - len(view.dims)) + view.dims
    grown = [axis for axis, (own, side) in enumerate(zip(seen, dims, strict=True)) if own != side]
    is_spread = all(seen[axis] == 1 for axis in grown) and set(grown) <= {2, 3} and len(dims) <= 4
    flat = view.reshaped(seen) if is_spread else None
    if flat is None:
        raise reader.refuse(node, "repeated values are not known; one row or column for many is")
    source, value = reader.settle(node, flat, canonical(seen)), str(node.output[0])
    piece = Piece(reader.name(node), OpKind.RESIZE, (source,), value, function="nearest asymmetric floor")
    reader.repeated[value] = (str(node.input[0]), piece)
    reader.views[value] = View.plain(value, dims)


def _depth_to_space(reader: Reader, node: Any) -> None:
    view, block = reader.view(node), int(reader.attribute(node, "blocksize", 1))
    _, channels, height, width = view.dims
    columns = reader.attribute(node, "mode", "DCR") == "CRD"
    parts = (channels // block**2, block, block) if columns else (block, block, channels // block**2)
    seen = reshaped(reader, node, view, (*parts, height, width))
    turned = seen.transposed((0, 3, 1, 4, 2) if columns else (2, 3, 0, 4, 1))
    reader.write(node, reshaped(reader, node, turned, (1, channels // block**2, height * block, width * block)))


def _space_to_depth(reader: Reader, node: Any) -> None:
    view, block = reader.view(node), int(reader.attribute(node, "blocksize", 1))
    _, channels, height, width = view.dims
    seen = reshaped(reader, node, view, (channels, height // block, block, width // block, block))
    turned = seen.transposed((2, 4, 0, 1, 3))
    reader.write(node, reshaped(reader, node, turned, (1, channels * block**2, height // block, width // block)))


def _arg_max(reader: Reader, node: Any) -> None:
    if node.output[0] not in reader.outputs:
        raise reader.refuse(node, "a ranking is known at the end of a network only")
    reader.draft.notes.append(f"left out at the end: {node.op_type} {reader.name(node)!r}")
    reader.views[node.output[0]] = reader.view(node)


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(SAME, _same),
    "Cast": _cast,
    "Transpose": _transpose,
    "Expand": _expand,
    "Tile": _expand,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "ArgMax": _arg_max,
}
