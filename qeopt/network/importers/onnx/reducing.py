"""What ONNX operators that make one value of many become."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from qeopt.network.graph import OpKind
from qeopt.network.importers.constant import Constant, given
from qeopt.network.importers.draft import Piece
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.onnx.weighted import Handler, pair, window_of
from qeopt.network.importers.views import View, strides_of


def _pool(kind: OpKind) -> Handler:
    def handle(reader: Reader, node: Any) -> None:
        if len(node.output) > 1 and node.output[1]:
            raise reader.refuse(node, "the second output, indices, is read, and no kernel here writes it")
        sides = reader.attribute(node, "kernel_shape") or ()
        if len(sides) not in {1, 2}:
            raise reader.refuse(node, f"a pool over {len(sides)} dimensions; 1 or 2 were expected")
        window = pair(sides)
        stride, dilation, pads = window_of(reader, node, window, len(sides))
        source = reader.plain(node)
        shape = canonical(reader.dims_of(node.output[0], node))
        counts = bool(reader.attribute(node, "count_include_pad", 0)) and any(pads)
        needed = [
            (written - 1) * step + (kernel - 1) * distance + 1 - side - begin
            for written, step, kernel, distance, side, begin in zip(
                shape, stride, window, dilation, reader.draft.shapes[source], pads, strict=False
            )
        ]
        ends = (max(pads[2], needed[0]), max(pads[3], needed[1]))
        if counts and ends != pads[2:]:
            raise reader.refuse(node, "an average that counts padding and rounds sides up is not known")
        told = {"window": window, "stride": stride, "dilation": dilation, "pads": (*pads[:2], *ends), "counts_padding": counts}
        reader.write_plain(node, kind, (source,), shape, **told)

    return handle


def _global_pool(kind: OpKind) -> Handler:
    def handle(reader: Reader, node: Any) -> None:
        source = reader.plain(node)
        height, width, channels = reader.draft.shapes[source]
        reader.write_plain(node, kind, (source,), (1, 1, channels), window=(height, width), pads=(0, 0, 0, 0), reduces=True)

    return handle


def _reduce(reader: Reader, node: Any) -> None:
    view = reader.view(node)
    axes = reader.numbers(node, "axes", 1, ()) or ()
    if not axes and reader.attribute(node, "noop_with_empty_axes", 0):
        reader.same(node)
        return
    chosen = {axis % len(view.dims) for axis in axes} or set(range(len(view.dims)))
    kind = OpKind.MAX_POOL if node.op_type == "ReduceMax" else OpKind.POOL
    made = _reduced(reader, node, view, chosen, kind, str(node.output[0]))
    if node.op_type == "ReduceSum":
        count = prod(view.dims[axis] for axis in chosen)
        value = f"{node.output[0]} (sum)"
        factor = given(np.array(float(count))).seen_as((1, 1, 1))
        reader.draft.add(Piece(reader.name(node), OpKind.AFFINE, (made.source,), value, weights=factor), reader.shape(made))
        made = made.of(value)
    dims = reader.dims_of(node.output[0], node)
    reader.write(node, made if made.dims == dims else made.reshaped(dims) or made)


def _reduced(reader: Reader, node: Any, view: View, chosen: set[int], kind: OpKind, value: str) -> View:
    """One value for all along some axes, which keep the length 1."""
    shape = reader.shape(view)
    wide = [axis for axis in sorted(chosen) if view.dims[axis] > 1]
    sides = {axis: view.side_of(axis, shape) for axis in wide}
    dims = tuple(1 if axis in chosen else side for axis, side in enumerate(view.dims))
    if not wide:
        return view
    if set(sides.values()) <= {0, 1}:
        after, now = view, list(shape)
        for axis, side in sides.items():
            assert side is not None
            seen = after.changed(axis, side, (now[0], now[1], now[2]), 1, value)
            if seen is None:
                break
            after, now[side] = seen, 1
        else:
            window = (shape[0] if 0 in sides.values() else 1, shape[1] if 1 in sides.values() else 1)
            piece = Piece(reader.name(node), kind, (view.source,), value, window=window, pads=(0, 0, 0, 0), reduces=True)
            reader.draft.add(piece, (now[0], now[1], now[2]))
            return after
    kept = [axis for axis in range(len(view.dims)) if axis not in wide]
    count = prod(view.dims[axis] for axis in wide)
    if set(wide) == {axis for axis in range(len(view.dims)) if view.dims[axis] > 1}:
        rows, channels, turned = count, 1, view.transposed((*wide, *kept))
        height, width, depth = shape
        if depth == 1:
            piece = Piece(reader.name(node), kind, (view.source,), value, window=(height, width), pads=(0, 0, 0, 0), reduces=True)
            reader.draft.add(piece, (1, 1, 1))
            return View.plain(value, dims)
    else:
        rows, channels, turned = count, prod(dims), view.transposed((*kept, *wide))
    source = reader.settle(node, turned, (rows, 1, channels))
    piece = Piece(reader.name(node), kind, (source,), value, window=(rows, 1), pads=(0, 0, 0, 0), reduces=True)
    reader.draft.add(piece, (1, 1, channels))
    return View(value, dims, strides_of(dims))


def _softmax(function: str) -> Handler:
    def handle(reader: Reader, node: Any) -> None:
        view = reader.view(node)
        rank, old = len(view.dims), reader.inference.version() < 13
        axis = int(reader.attribute(node, "axis", 1 if old else -1)) % rank
        if old and prod(view.dims[axis + 1 :]) > 1:
            seen = view.reshaped((prod(view.dims[:axis]), prod(view.dims[axis:])))
            if seen is None:
                source = reader.settle(node, view, canonical(view.dims))
                seen = View.plain(source, (prod(view.dims[:axis]), prod(view.dims[axis:])))
            made = _over(reader, node, seen, 1, function)
        else:
            made = _over(reader, node, view, axis, function)
        dims = reader.dims_of(node.output[0], node)
        found = made if made.dims == dims else made.reshaped(dims)
        if found is None:
            found = View.plain(reader.settle(node, made, canonical(dims)), dims)
        reader.write(node, found)

    return handle


def _over(reader: Reader, node: Any, view: View, axis: int, function: str) -> View:
    """A function of all values along an axis."""
    if prod(view.dims) == view.dims[axis] and reader.shape(view)[2] != view.dims[axis]:
        view = View.plain(reader.settle(node, view, (1, 1, view.dims[axis])), view.dims)
    side = 2 if prod(view.dims) == view.dims[axis] else view.side_of(axis, reader.shape(view))
    if side is None:
        view = last_channels(reader, node, view, axis)
        side = 2
    terms = () if side == 2 else (float(side),)
    source = reader.add(node, OpKind.ACTIVATION, (view.source,), reader.shape(view), function=function, terms=terms)
    return view.of(source)


def last_channels(reader: Reader, node: Any, view: View, axis: int) -> View:
    """A view whose axis runs over the channels of the tensor behind."""
    rows = [other for other in range(len(view.dims)) if other != axis]
    length = view.dims[axis]
    count = prod(view.dims) // length
    source = reader.settle(node, view.transposed((axis, *rows)), (1, count, length))
    strides, step = [1] * len(view.dims), 1
    for other in reversed(rows):
        strides[other], step = step, step * view.dims[other]
    strides[axis] = count
    return View(source, view.dims, tuple(strides))


def _layer_norm(reader: Reader, node: Any) -> None:
    view = reader.view(node)
    rank = len(view.dims)
    axis = int(reader.attribute(node, "axis", -1)) % rank
    if any(output for output in node.output[1:]):
        raise reader.refuse(node, "mean and deviation as outputs are not known")
    count = prod(view.dims[axis:])
    flat = view.reshaped((*view.dims[:axis], count))
    if flat is None:
        flat = View.plain(reader.settle(node, view, canonical(view.dims)), (*view.dims[:axis], count))
    shape = reader.shape(flat)
    if not (flat.side_of(axis, shape) == 2 or (prod(flat.dims) == count and shape == (1, 1, count))):
        flat = last_channels(reader, node, flat, axis)
    told = [reader.constant(node, index) for index in (1, 2)]
    if told[0] is None or (len(node.input) > 2 and node.input[2] and told[1] is None):
        raise reader.refuse(node, "factors and summands are no constants")
    parts: list[Constant | None] = [None if part is None else part.seen_as((count, 1, 1)) for part in told]
    epsilon = float(reader.attribute(node, "epsilon", 1e-5))
    piece: dict[str, Any] = {"weights": parts[0], "bias": parts[1], "terms": (epsilon,)}
    source = reader.add(node, OpKind.LAYER_NORM, (flat.source,), reader.shape(flat), **piece)
    made = flat.of(source)
    seen = made.reshaped(view.dims)
    reader.write(node, View.plain(reader.settle(node, made, canonical(view.dims)), view.dims) if seen is None else seen)


HANDLERS: Mapping[str, Handler] = {
    "AveragePool": _pool(OpKind.POOL),
    "MaxPool": _pool(OpKind.MAX_POOL),
    "GlobalAveragePool": _global_pool(OpKind.POOL),
    "GlobalMaxPool": _global_pool(OpKind.MAX_POOL),
    "ReduceMean": _reduce,
    "ReduceMax": _reduce,
    "ReduceSum": _reduce,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "LayerNormalization": _layer_norm,
}
