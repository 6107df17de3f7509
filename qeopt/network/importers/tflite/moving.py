"""What TFLite operators that move, cut, join and resize tensors become, and those that keep states."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from qeopt.network.graph import OpKind
from qeopt.network.importers.draft import Piece
from qeopt.network.importers.tflite.node import Handler, Node, in_order, permuted

_BLOCKED = "a block that divides rows, columns or channels was expected"


def _reshape(node: Node) -> None:
    node.needs(1)
    if prod(node.reader.tensors[node.op.outputs[0]].dims) != prod(node.dims()):
        raise node.refuse("writes another number of values than it reads")
    made = node.add(OpKind.RESHAPE, (node.source(),), moves=in_order(node.read(), node.shape()))
    node.reader.draft.copies.add(made)  # what a converter has left in, it leaves in when it quantises


def _requantised(node: Node) -> None:
    """Between integers of two scales an operator runs; at the border to real numbers the values are the same."""
    node.needs(1)
    read, written = (node.reader.tensors[index].bits for index in (node.op.inputs[0], node.op.outputs[0]))
    if read is not None and written is not None and node.op.kind == "QUANTIZE":
        node.add(OpKind.ACTIVATION, (node.source(),))
        return
    if (read is None) != (written is None) and node.op.kind in {"QUANTIZE", "DEQUANTIZE"}:
        at = "before" if read is None else "behind"
        node.reader.draft.notes.append(
            f"real numbers {at} {node.op.kind} {node.name!r} are counted as the integers that they become"
        )
    node.same()


def _concat(node: Node) -> None:
    node.needs(1)
    sources = [node.source(index) for index in range(len(node.op.inputs))]
    if len(sources) == 1:
        node.same()
        return
    if sum(prod(node.reader.draft.shapes[value]) for value in sources) != prod(node.shape()):
        raise node.refuse("writes another number of values than it reads")
    node.needs_side(int(node.option(0)), node.dims())
    node.add(OpKind.CONCAT, sources)
    node.then(*node.fused(1))


def _pad(node: Node) -> None:
    node.needs(2)
    pads = node.integers(1)
    rank = len(node.dims())
    if pads is None or len(pads) != 2 * rank or rank > 4 or any(pads[: 2 * (rank - 3)]) or any(margin < 0 for margin in pads):
        raise node.refuse("only constant padding of rows, columns and channels is known")
    around = (*(0,) * (6 - len(pads)), *pads)[-6:]
    top, bottom, left, right, front, back = around
    source, written = node.read(), node.shape()
    if (source[0] + top + bottom, source[1] + left + right, source[2] + front + back) != written:
        raise node.refuse(f"writes {list(written)}, which does not follow from its padding")
    function: str = "zero"
    terms: tuple[float | None, ...] = ()
    if node.op.kind == "PADV2":
        value = node.constant(2, "the value to pad with is no constant").values()
        if value is None or value.size != 1:
            raise node.refuse("one value to pad with was expected")
        filler = float(value.reshape(-1)[0])
        function, terms = ("constant", (filler,)) if filler else ("zero", ())
    if node.op.kind == "MIRROR_PAD":
        if int(node.option(0, "b")):
            raise node.refuse("padding by mirroring with the border is not known")
        function = "reflect"
    told = {"pads": (top, left, bottom, right), "channel_pads": (front, back), "function": function, "terms": terms}
    node.add(OpKind.PAD, (node.source(),), **told)


def _transpose(node: Node) -> None:
    node.needs(2)
    order, dims = node.integers(1), node.dims()
    if order is None or sorted(order) != list(range(len(dims))):
        raise node.refuse("only a constant order of all dimensions is known")
    node.add(OpKind.TRANSPOSE, (node.source(),), moves=permuted(node.read(), dims, order, node.shape()))


def _depth_to_space(node: Node) -> None:
    node.needs(1)
    block, (height, width, channels) = int(node.option(0)), node.read()
    if block < 1 or channels % (block * block) or node.shape() != (height * block, width * block, channels // block**2):
        raise node.refuse(_BLOCKED)
    dims = (height, width, block, block, channels // block**2)
    node.add(OpKind.TRANSPOSE, (node.source(),), moves=permuted(node.read(), dims, (0, 2, 1, 3, 4), node.shape()))


def _space_to_depth(node: Node) -> None:
    node.needs(1)
    block, (height, width, channels) = int(node.option(0)), node.read()
    if block < 1 or height % block or width % block or node.shape() != (height // block, width // block, channels * block**2):
        raise node.refuse(_BLOCKED)
    dims = (height // block, block, width // block, block, channels)
    node.add(OpKind.TRANSPOSE, (node.source(),), moves=permuted(node.read(), dims, (0, 2, 1, 3, 4), node.shape()))


def _resize(node: Node) -> None:
    node.needs(1)
    linear = node.op.kind == "RESIZE_BILINEAR"
    corners, centers = (2, 3) if linear else (0, 1)
    places = "align_corners" if node.option(corners, "b") else "half_pixel" if node.option(centers, "b") else "asymmetric"
    rounding = "floor" if places == "asymmetric" else "round_prefer_ceil"  # from centres, half a place less is rounded
    if node.shape()[2] != node.read()[2]:
        raise node.refuse("only rows and columns can be resized")
    node.add(OpKind.RESIZE, (node.source(),), function=f"linear {places}" if linear else f"nearest {places} {rounding}")


def _split(node: Node) -> None:
    place = 1 if node.op.kind == "SPLIT" else 0
    node.needs(place + 1)
    source, pieces = node.source(place), [prod(node.shape(output)) for output in range(len(node.op.outputs))]
    if sum(pieces) != prod(node.reader.draft.shapes[source]):
        raise node.refuse("its pieces together hold another number of values than it reads")
    if len(pieces) == 1:
        node.same(place)
        return
    axis = node.integers(2 if node.op.kind == "SPLIT_V" else 0)
    if axis is None or len(axis) != 1:
        raise node.refuse("a constant axis was expected")
    node.needs_side(axis[0], node.dims(place))
    node.add(OpKind.SPLIT, (source,))


def _slice(node: Node) -> None:
    node.needs(3)
    begins, ends, dims = node.integers(1), node.integers(2), node.dims()
    rank = len(dims)
    node.needs_one_image("a slice")
    steps, dropped = (1,) * rank, 0
    if begins is None or ends is None or rank > 4:
        raise node.refuse("constant begins and ends of four dimensions at most were expected")
    if node.op.kind == "STRIDED_SLICE":
        steps = node.integers(3) or ()
        *masks, dropped = (int(node.option(field)) for field in range(5))
        if not len(begins) == len(ends) == len(steps) == rank or any(masks[2:]):
            raise node.refuse("a slice that adds dimensions or names some of them only is not known")
        if not all(steps):
            raise node.refuse("a slice in steps of nothing")
        told = [None if masks[0] >> axis & 1 else begin for axis, begin in enumerate(begins)]
        begins = tuple(slice(begin, None, step).indices(side)[0] for begin, step, side in zip(told, steps, dims, strict=True))
    if len(begins) != rank:
        raise node.refuse("a slice of some dimensions only is not known")
    written = iter(node.reader.tensors[node.op.outputs[0]].dims)
    sides = tuple(1 if dropped >> axis & 1 else next(written, 1) for axis in range(rank))
    lasts = [begin + (side - 1) * step for begin, side, step in zip(begins, sides, steps, strict=True)]
    if any(not 0 <= last < dims[axis] for axis, last in enumerate(lasts)):
        raise node.refuse("reads values that are not there")
    first, every, shape = _of_an_image(begins, 0), _of_an_image(steps, 1), _of_an_image(sides, 1)
    if prod(node.shape()) != prod(sides):
        raise node.refuse("writes another number of values than it takes")
    if shape == node.shape():
        node.add(OpKind.SLICE, (node.source(),), begins=first, every=every)
        return
    value = f"{node.op.outputs[0]} (with all its sides)"
    piece = Piece(f"{node.name} (with all its sides)", OpKind.SLICE, (node.source(),), value, begins=first, every=every)
    node.reader.draft.add(piece, shape)
    node.add(OpKind.RESHAPE, (value,), moves=in_order(shape, node.shape()))


def _of_an_image(told: tuple[int, ...], fill: int) -> tuple[int, int, int]:
    """What is told of rows, columns and channels, the last dimensions."""
    rows, columns, channels = (fill, fill, fill, *told)[-3:]
    return rows, columns, channels


def _arg_max(node: Node) -> None:
    node.needs(1)
    if node.op.outputs[0] not in node.reader.outputs:
        raise node.refuse("a ranking is known at the end of a network only")
    node.reader.draft.notes.append(f"left out at the end: {node.op.kind} {node.name!r}")
    node.same()


def _handle(node: Node) -> None:
    """A name for a state; what it holds is known where it is read or written."""
    if not node.op.outputs:
        return
    options = node.op.options
    node.reader.handles[node.op.outputs[0]] = "" if options is None else options.text(1)


def _read_variable(node: Node) -> None:
    node.needs(1)
    node.add(OpKind.READ_STATE, (node.reader.state(node.op.inputs[0], node.shape(), node.name),))


def _assign_variable(node: Node) -> None:
    """A state is written where it lies."""
    if len(node.op.inputs) != 2:
        raise node.refuse("a state and what it becomes were expected")
    reader = node.reader
    if not node.knows(1):
        reader.draft.notes.append(f"left out: a state is set to constants by operator {node.number}")
        return
    state = reader.state(node.op.inputs[0], node.read(1), node.name)
    reader.draft.write_state(f"{state} (written)", node.source(1), state)


def _ignore(node: Node) -> None:
    """What is done once before the first inference, or is arithmetic of shapes, which are stated."""


HANDLERS: Mapping[str, Handler] = {
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "QUANTIZE": _requantised,
    "DEQUANTIZE": _requantised,
    "CAST": _requantised,
    "CONCATENATION": _concat,
    "PAD": _pad,
    "PADV2": _pad,
    "MIRROR_PAD": _pad,
    "TRANSPOSE": _transpose,
    "DEPTH_TO_SPACE": _depth_to_space,
    "SPACE_TO_DEPTH": _space_to_depth,
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "SLICE": _slice,
    "STRIDED_SLICE": _slice,
    "ARG_MAX": _arg_max,
    "VAR_HANDLE": _handle,
    "READ_VARIABLE": _read_variable,
    "ASSIGN_VARIABLE": _assign_variable,
    "CALL_ONCE": _ignore,
    "SHAPE": _ignore,
    "DENSIFY": _ignore,
}
