"""What ONNX operators that take some of the values, or put tensors together, become."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from qeopt.network.graph import OpKind
from qeopt.network.importers.draft import Piece, Shape
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.onnx.weighted import Handler
from qeopt.network.importers.views import View, stays_in_memory
from qeopt.spec.errors import quote


def reshaped(reader: Reader, node: Any, view: View, dims: tuple[int, ...]) -> View:
    """A view in other dimensions, of a copy where the values do not lie so.

    Raises:
        SpecError: the dimensions hold another number of values.
    """
    if prod(dims) != prod(view.dims):
        raise reader.refuse(node, f"{list(view.dims)} values cannot be seen as {list(dims)}")
    return view.reshaped(dims) or View.plain(reader.settle(node, view, canonical(dims)), dims)


def along(reader: Reader, node: Any, view: View, axis: int, length: int, source: str) -> tuple[View, View, int, Shape]:
    """A view of which an axis changes its length: before and after, the side of the tensor that is, and its shape after."""
    if view.dims[axis] == length:
        raise reader.refuse(node, "changes no length")
    before, side = _grouped(reader, node, view, axis)
    shape = reader.shape(before)
    after = before.changed(axis, side, shape, length, source)
    if after is None:
        lead, rest = prod(view.dims[:axis]), prod(view.dims[axis + 1 :])
        before = View.plain(reader.settle(node, view, (view.dims[axis], rest, lead)), view.dims)
        side, shape = 0, reader.shape(before)
        dims = (*view.dims[:axis], length, *view.dims[axis + 1 :])
        after = View.plain(source, dims)
    sides = list(shape)
    sides[side] = length
    return before, after, side, (sides[0], sides[1], sides[2])


def _grouped(reader: Reader, node: Any, view: View, axis: int) -> tuple[View, int]:
    """A view whose axis runs over one side of the tensor behind, and that side (0 rows, 1 columns, 2 channels)."""
    side = view.side_of(axis, reader.shape(view))
    if side is not None:
        return view, side
    lead, length, rest = prod(view.dims[:axis]), view.dims[axis], prod(view.dims[axis + 1 :])
    last_shape = (lead, length, rest)
    channels_last = view.reshaped((lead, length, rest))
    if channels_last is not None and rest > 1:
        turned = channels_last.transposed((2, 0, 1))
        if stays_in_memory(turned, reader.shape(view), last_shape):
            source = reader.settle(node, turned, last_shape)
            strides = _regrouped(view.dims, axis, (length, 1, lead * length))
            return View(source, view.dims, strides), 1
    source = reader.settle(node, view, (length, rest, lead))
    return View.plain(source, view.dims), 0


def _regrouped(dims: tuple[int, ...], axis: int, units: tuple[int, int, int]) -> tuple[int, ...]:
    """Strides of dimensions of which those before an axis, the axis and those behind have these units."""
    strides = []
    for other in range(len(dims)):
        if other < axis:
            strides.append(prod(dims[other + 1 : axis]) * units[0])
        elif other == axis:
            strides.append(units[1])
        else:
            strides.append(prod(dims[other + 1 :]) * units[2])
    return tuple(strides)


def _slice(reader: Reader, node: Any) -> None:
    view = reader.view(node)
    rank = len(view.dims)
    starts, ends = reader.numbers(node, "starts", 1) or (), reader.numbers(node, "ends", 2) or ()
    axes = reader.numbers(node, "axes", 3) or tuple(range(len(starts)))
    steps = reader.numbers(node, "steps", 4) or (1,) * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        rows = range(view.dims[axis % rank])[slice(start, end if end > -(1 << 60) else None, step)]
        if len(rows) == 0:
            raise reader.refuse(node, "takes nothing")
        view = taken(reader, node, view, axis % rank, rows, f"{node.output[0]} ({axis})")
    reader.write(node, view)


def taken(reader: Reader, node: Any, view: View, axis: int, rows: range, value: str) -> View:
    """Some rows of an axis, under the name `value`; the view itself where they are all of them in their order."""
    if rows == range(view.dims[axis]):
        return view
    if len(rows) == view.dims[axis]:
        before, side = _grouped(reader, node, view, axis)
        shape, after = reader.shape(before), before.of(value)
    else:
        before, after, side, shape = along(reader, node, view, axis, len(rows), value)
    begins, every = [0, 0, 0], [1, 1, 1]
    begins[side], every[side] = rows[0], rows.step
    piece = Piece(
        reader.name(node),
        OpKind.SLICE,
        (before.source,),
        value,
        begins=(begins[0], begins[1], begins[2]),
        every=(every[0], every[1], every[2]),
    )
    reader.draft.add(piece, shape)
    return after


def _gather(reader: Reader, node: Any) -> None:
    view, axis = reader.view(node), int(reader.attribute(node, "axis", 0))
    axis %= len(view.dims)
    indices = reader.constant(node, 1)
    found = reader.array(node, 1)
    if found is None or indices is None:
        raise reader.refuse(node, "says no places of values to take")
    rows = [int(index) % view.dims[axis] for index in found]
    step = rows[1] - rows[0] if len(rows) > 1 else 1
    if not rows or step == 0 or rows != [rows[0] + step * place for place in range(len(rows))]:
        raise reader.refuse(node, f"takes {len(rows)} values in no regular order, which is not known")
    made = taken(reader, node, view, axis, range(rows[0], rows[0] + step * len(rows), step), str(node.output[0]))
    dims = (*made.dims[:axis], *indices.dims, *made.dims[axis + 1 :])
    if not indices.dims:
        made = View(made.source, dims, made.strides[:axis] + made.strides[axis + 1 :])
    elif len(indices.dims) > 1:  # a table, as PyTorch writes `as_strided`
        made = reshaped(reader, node, made, dims)
    reader.write(node, made)


def _split(reader: Reader, node: Any) -> None:
    view = reader.view(node)
    axis = int(reader.attribute(node, "axis", 0)) % len(view.dims)
    lengths = [reader.dims_of(output, node)[axis] for output in node.output]
    if sum(lengths) != view.dims[axis] or not all(node.output):
        raise reader.refuse(node, f"pieces of {lengths} of {view.dims[axis]}")
    if len(lengths) == 1:
        reader.same(node)
        return
    parts = [along(reader, node, view, axis, length, value) for length, value in zip(lengths, node.output, strict=True)]
    before = parts[0][0]
    values = tuple(str(value) for value in node.output)
    shapes = [shape for *_, shape in parts]
    reader.draft.add(Piece(reader.name(node), OpKind.SPLIT, (before.source,), values[0], others=values[1:]), *shapes)
    for number, (_, after, _, _) in enumerate(parts):
        reader.write(node, after, number)


def _concat(reader: Reader, node: Any) -> None:
    unknown = next((value for value in node.input if not reader.knows(value)), None)
    if unknown is not None:
        raise reader.refuse(node, f"input {quote(unknown)} is a constant; tensors that depend on the image were expected")
    if len(node.input) == 1:
        reader.same(node)
        return
    views = [reader.view(node, index) for index in range(len(node.input))]
    axis = int(reader.attribute(node, "axis", 1)) % len(views[0].dims)
    total = sum(view.dims[axis] for view in views)
    widest = max(range(len(views)), key=lambda index: views[index].dims[axis])
    before, after, side, shape = along(reader, node, views[widest], axis, total, str(node.output[0]))
    sources = []
    for view in views:
        wanted = list(reader.shape(before))
        wanted[side] = view.dims[axis]
        own = before.changed(axis, side, reader.shape(before), view.dims[axis], view.source) if view.dims != before.dims else before
        if own is None:
            own = View.plain(view.source, view.dims)
        sources.append(_alike(reader, node, view, own, (wanted[0], wanted[1], wanted[2])))
    reader.add(node, OpKind.CONCAT, tuple(sources), shape)
    reader.write(node, after)


def _alike(reader: Reader, node: Any, view: View, like: View, shape: Shape) -> str:
    """The tensor that holds the values of a view so that it would be seen as another is."""
    by_stride = sorted(range(len(view.dims)), key=lambda axis: (-like.strides[axis] if view.dims[axis] > 1 else 1, axis))
    return reader.settle(node, view.transposed(tuple(by_stride)), shape)


HANDLERS: Mapping[str, Handler] = {
    "Slice": _slice,
    "Gather": _gather,
    "Split": _split,
    "Concat": _concat,
}
