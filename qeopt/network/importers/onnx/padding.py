"""What padding of ONNX becomes, negative padding too, which cuts off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qeopt.network.graph import OpKind
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.parts import taken
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.onnx.weighted import Handler
from qeopt.network.importers.views import View


def _cropped(reader: Reader, node: Any, view: View, margins: Mapping[int, tuple[int, int]], mode: str) -> View:
    """What negative padding leaves: rows are taken away."""
    for axis, (before, after) in margins.items():
        if min(before, after) >= 0:
            continue
        if mode != "constant" and max(before, after) > 0:
            raise reader.refuse(node, f"padding by {mode!r} on one end of what is cut off on the other is not known")
        rows = range(view.dims[axis])[max(-before, 0) : view.dims[axis] + min(after, 0)]
        if not rows:
            raise reader.refuse(node, "takes nothing")
        view = taken(reader, node, view, axis, rows, f"{node.output[0]} (cut {axis})")
    return view


def _pad(reader: Reader, node: Any) -> None:
    view = reader.view(node)
    rank = len(view.dims)
    pads = reader.numbers(node, "pads", 1) or ()
    axes = reader.numbers(node, "axes", 3) or tuple(range(rank))
    if len(pads) != 2 * len(axes):
        raise reader.refuse(node, f"{len(pads)} pads for {len(axes)} dimensions")
    margins = {axis % rank: (pads[place], pads[place + len(axes)]) for place, axis in enumerate(axes)}
    margins = {axis: both for axis, both in margins.items() if any(both)}
    mode = str(reader.attribute(node, "mode", "constant"))
    if mode not in {"constant", "reflect", "edge"}:
        raise reader.refuse(node, f"padding by {mode!r} is not known")
    view = _cropped(reader, node, view, margins, mode)
    margins = {axis: (max(before, 0), max(after, 0)) for axis, (before, after) in margins.items() if max(before, after) > 0}
    filler = reader.array(node, 2)
    value = float(reader.attribute(node, "value", 0.0)) if filler is None or not len(filler) else float(filler[0])
    if mode == "constant" and node.input[0] in reader.integers:
        scale, zero = reader.integers[node.input[0]].numbers()
        if scale is None or zero is None:
            raise reader.refuse(node, "padding of integers with scales by channel is not known")
        value = (value - zero) * scale
    function, terms = ("zero", ()) if mode == "constant" and not value else (mode, (value,) if mode == "constant" else ())
    if not margins:
        reader.write(node, view)
        return
    sides = {axis: view.side_of(axis, reader.shape(view)) for axis in margins}
    if None in sides.values():
        made = reader.settle(node, view, canonical(view.dims))
        view = View.plain(made, view.dims)
        names = {rank - 1: 1, rank - 2: 0} if rank > 3 else {rank - 1: 1}
        sides = {axis: names.get(axis, 2 if axis == 1 else None) for axis in margins}
        if rank < 3 or None in sides.values() or canonical(view.dims)[2] != view.dims[1]:
            raise reader.refuse(node, "padding of the batch, or of what is neither a row, a column nor a channel, is not known")
    around: dict[int, tuple[int, int]] = {0: (0, 0), 1: (0, 0), 2: (0, 0)}
    shape, after, source = list(reader.shape(view)), view, str(node.output[0])
    for axis, both in margins.items():
        side = sides[axis]
        assert side is not None
        around[side] = both
        seen = after.changed(axis, side, (shape[0], shape[1], shape[2]), shape[side] + sum(both), source)
        if seen is None:
            raise reader.refuse(node, "padding across the border of rows or channels is not known")
        after, shape[side] = seen, shape[side] + sum(both)
    told: dict[str, Any] = {
        "pads": (around[0][0], around[1][0], around[0][1], around[1][1]),
        "channel_pads": around[2],
        "function": function,
        "terms": terms,
    }
    reader.add(node, OpKind.PAD, (view.source,), (shape[0], shape[1], shape[2]), **told)
    reader.write(node, after)


HANDLERS: Mapping[str, Handler] = {"Pad": _pad}
