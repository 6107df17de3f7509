"""What ONNX operators that move values, or take some of them, become."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from qeopt.network.graph import OpKind
from qeopt.network.importers.draft import Piece, Shape
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.state import Reader, Step
from qeopt.network.importers.onnx.steps import as_reals
from qeopt.network.importers.onnx.weighted import Handler
from qeopt.network.importers.views import View
from qeopt.spec.errors import quote

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
    seen = _reshaped(reader, node, view, (*parts, height, width))
    turned = seen.transposed((0, 3, 1, 4, 2) if columns else (2, 3, 0, 4, 1))
    reader.write(node, _reshaped(reader, node, turned, (1, channels // block**2, height * block, width * block)))


def _space_to_depth(reader: Reader, node: Any) -> None:
    view, block = reader.view(node), int(reader.attribute(node, "blocksize", 1))
    _, channels, height, width = view.dims
    seen = _reshaped(reader, node, view, (channels, height // block, block, width // block, block))
    turned = seen.transposed((2, 4, 0, 1, 3))
    reader.write(node, _reshaped(reader, node, turned, (1, channels * block**2, height // block, width // block)))


def _reshaped(reader: Reader, node: Any, view: View, dims: tuple[int, ...]) -> View:
    if prod(dims) != prod(view.dims):
        raise reader.refuse(node, f"{list(view.dims)} values cannot be seen as {list(dims)}")
    return view.reshaped(dims) or View.plain(reader.settle(node, view, canonical(dims)), dims)


def along(reader: Reader, node: Any, view: View, axis: int, length: int, source: str) -> tuple[View, View, int, Shape]:
    """A view of which an axis changes its length: before and after, the side of the tensor that is, and its shape after."""
    if view.dims[axis] == length:
        raise reader.refuse(node, "changes no length")
    before, side = reader.grouped(node, view, axis)
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
        view = _taken(reader, node, view, axis % rank, rows, f"{node.output[0]} ({axis})")
    reader.write(node, view)


def _taken(reader: Reader, node: Any, view: View, axis: int, rows: range, value: str) -> View:
    """Some rows of an axis."""
    if rows == range(view.dims[axis]):
        return view
    if len(rows) == view.dims[axis]:
        before, side = reader.grouped(node, view, axis)
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
    made = _taken(reader, node, view, axis, range(rows[0], rows[0] + step * len(rows), step), str(node.output[0]))
    dims = (*made.dims[:axis], *indices.dims, *made.dims[axis + 1 :])
    if not indices.dims:
        made = View(made.source, dims, made.strides[:axis] + made.strides[axis + 1 :])
    elif len(indices.dims) > 1:  # a table, as PyTorch writes `as_strided`
        made = _reshaped(reader, node, made, dims)
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
        view = _taken(reader, node, view, axis, rows, f"{node.output[0]} (cut {axis})")
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


_RESIZE_STATES_PLACES = 11
"""Version of the standard operators from which Resize says where values come from."""


def _scales(reader: Reader, node: Any, dims: tuple[int, ...], index: int) -> list[float]:
    """By rows and columns, the scales that are stated, or that follow from sizes and a proportion to keep; none otherwise."""
    rank = len(dims)
    axes = [axis % rank for axis in reader.attribute(node, "axes") or range(rank)]
    stated = reader.attribute(node, "scales")
    if stated is None and index < len(node.input) and node.input[index]:
        stated = reader.array(node, index)
    policy = str(reader.attribute(node, "keep_aspect_ratio_policy", "stretch"))
    if policy != "stretch" and index + 1 < len(node.input) and node.input[index + 1]:
        sizes = reader.numbers(node, "sizes", index + 1, ()) or ()
        shares = [size / dims[axis] for axis, size in zip(axes, sizes, strict=True)]
        stated = [min(shares) if policy == "not_larger" else max(shares)] * len(axes)
    if stated is None or len(stated) != len(axes):
        return []
    found = {axis: float(scale) for axis, scale in zip(axes, stated, strict=True)}
    sides = [found.get(axis, 1.0) for axis in range(2, rank)]
    return [1.0, *sides] if len(sides) == 1 else sides


def _resize(reader: Reader, node: Any) -> None:
    upsample = node.op_type == "Upsample"
    view, written = reader.view(node), reader.dims_of(node.output[0], node)
    if len(view.dims) not in {3, 4} or view.dims[:2] != written[:2]:
        raise reader.refuse(node, "only rows and columns can be resized")
    if view.dims == written:
        reader.same(node)
        return
    mode = str(reader.attribute(node, "mode", "nearest")).replace("bilinear", "linear")
    old = upsample or reader.inference.version() < _RESIZE_STATES_PLACES
    places = "asymmetric" if old else str(reader.attribute(node, "coordinate_transformation_mode", "half_pixel"))
    odd = [name for name in ("antialias", "exclude_outside") if reader.attribute(node, name, 0)]
    if places == "tf_crop_and_resize" or odd or mode not in {"nearest", "linear", "cubic"}:
        raise reader.refuse(node, f"resizing by {' '.join([mode, *odd])} with {places} and what else is stated here is not known")
    shrinks = {b < a for a, b in zip(view.dims, written, strict=True) if a != b}
    if old and mode == "nearest" and len(shrinks) > 1:
        raise reader.refuse(
            node, "resizing that shrinks one side and stretches the other rounds each in its own way in this version"
        )
    rounding = (
        ("ceil" if True in shrinks else "floor") if old else str(reader.attribute(node, "nearest_mode", "round_prefer_floor"))
    )
    if places == "tf_half_pixel_for_nn" and mode == "nearest" and rounding == "floor":
        places, rounding = "half_pixel", "round_prefer_ceil"  # half a place less, and rounded instead of cut off
    function = f"{mode} {places} {rounding}" if mode == "nearest" else f"{mode} {places}"
    terms: tuple[float | None, ...] = ()
    scales = _scales(reader, node, view.dims, 1 if old else 2)
    if any(abs(scale * a - b) > 1e-6 for scale, a, b in zip(scales, canonical(view.dims), canonical(written), strict=False)):
        terms = tuple(scales)
    if mode == "cubic":
        terms = (*(terms or (None, None)), float(reader.attribute(node, "cubic_coeff_a", -0.75)))
    shape = canonical(written)
    reader.write_plain(node, OpKind.RESIZE, (reader.plain(node),), shape, function=function, terms=terms)


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
    "Slice": _slice,
    "Gather": _gather,
    "Split": _split,
    "Concat": _concat,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "ArgMax": _arg_max,
}
