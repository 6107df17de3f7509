"""What TFLite operators with weights become, and those around them that are a dilation."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from qeopt.network.graph import OpKind
from qeopt.network.importers.constant import Array, Constant
from qeopt.network.importers.tflite.node import Handler, Node
from qeopt.network.importers.windows import same_pads

MAX_STEP = 1 << 16
_LAST = "the weights are no constant"
_VALID = 1


def window_of(node: Node, window: tuple[int, int], dilation: tuple[int, int], strides: tuple[int, int]) -> dict[str, Any]:
    """Window, strides and padding, checked against the shapes that the file states."""
    stride = int(node.option(strides[0])), int(node.option(strides[1]))
    if any(not 1 <= number <= MAX_STEP for number in (*stride, *dilation, *window)):
        raise node.refuse(f"window {list(window)}, strides {list(stride)}, dilation {list(dilation)}")
    if window != (1, 1):
        node.needs_one_image("a window")
    source, written = node.read()[:2], node.shape()[:2]
    extent = [(side - 1) * distance + 1 for side, distance in zip(window, dilation, strict=True)]
    valid = int(node.option(0, "b")) == _VALID
    if valid and any(reach > side for reach, side in zip(extent, source, strict=True)):
        raise node.refuse(f"reads {list(source)} positions, fewer than the {list(extent)} that its window needs without padding")
    sides = zip(source, extent, stride, strict=True)
    expected = tuple((side - reach) // step + 1 if valid else -(-side // step) for side, reach, step in sides)
    if expected != written:
        raise node.refuse(f"writes {list(written)} positions where {list(expected)} follow from its window")
    pads = (0, 0, 0, 0) if valid else same_pads(source, window, stride, dilation)
    return {"window": window, "stride": stride, "dilation": dilation, "pads": pads}


def _conv(node: Node) -> None:
    node.needs(2)
    weights = node.constant(1, _LAST)
    if len(weights.dims) != 4:
        raise node.refuse(f"weights of {len(weights.dims)} dimensions; 4 were expected")
    outputs, height, width, per_group = weights.dims
    channels = node.read()[2]
    if channels % per_group or outputs % (channels // per_group) or node.shape()[2] != outputs:
        raise node.refuse(
            f"weights for {per_group} channels in and {outputs} out, but {channels} come in and {node.shape()[2]} go out"
        )
    told = _spread(node, (height, width)) or window_of(node, (height, width), _distances(node, 5, 4), (2, 1))
    turned = weights.then((outputs, per_group, height, width), _outputs_first, key="conv")
    _weighted(node, OpKind.CONV, turned, node.fused(3), groups=channels // per_group, **told)


def _depthwise(node: Node) -> None:
    node.needs(2)
    weights = node.constant(1, _LAST)
    if len(weights.dims) != 4 or weights.dims[0] != 1:
        raise node.refuse("weights of one filter per channel were expected")
    _, height, width, outputs = weights.dims
    channels = node.read()[2]
    if outputs % channels or node.shape()[2] != outputs:
        raise node.refuse(f"weights for {outputs} channels, but {channels} come in and {node.shape()[2]} go out")
    told = _spread(node, (height, width)) or window_of(node, (height, width), _distances(node, 6, 5), (2, 1))
    turned = weights.then((outputs, 1, height, width), lambda values: np.asarray(values).transpose(3, 0, 1, 2), key="depthwise")
    _weighted(node, OpKind.DEPTHWISE if channels > 1 else OpKind.CONV, turned, node.fused(4), **told)


def _distances(node: Node, down: int, right: int) -> tuple[int, int]:
    return int(node.option(down, "i", 1)), int(node.option(right, "i", 1))


def _dense(node: Node) -> None:
    node.needs(2)
    weights = node.constant(1, _LAST)
    if len(weights.dims) != 2:
        raise node.refuse(f"weights of {len(weights.dims)} dimensions; 2 were expected")
    outputs, inputs = weights.dims
    rows = prod(node.reader.tensors[node.op.outputs[0]].dims) // outputs
    if prod(node.dims()) != rows * inputs or prod(node.shape()) != rows * outputs:
        raise node.refuse(f"weights for {inputs} values in and {outputs} out do not fit what it reads and writes")
    source = node.reader.draft.resolve(str(node.op.inputs[0]))
    if not node.knows():
        raise node.refuse("its first input is a constant; a tensor that depends on the image was expected")
    if rows == 1:
        height, width, channels = node.reader.draft.shapes[source]

        def turned(values: Array) -> Array:
            """From rows, columns and channels to channels, rows and columns."""
            return np.asarray(values).reshape(outputs, height, width, channels).transpose(0, 3, 1, 2).reshape(outputs, inputs)

        if height * width > 1 and channels > 1:
            weights = weights.then(weights.dims, turned, key=f"channels first {height} {width}")
        _weighted(node, OpKind.DENSE, weights, node.fused(0), source=source)
        return
    is_last = node.read()[2] == inputs
    source = node.source() if is_last else node.reshaped(source, (1, rows, inputs), f"{node.name} (reshaped)")
    told: dict[str, Any] = {"window": (1, 1), "stride": (1, 1), "pads": (0, 0, 0, 0)}
    _weighted(node, OpKind.CONV, weights.seen_as((outputs, inputs, 1, 1)), node.fused(0), source=source, **told)


def _transposed(node: Node) -> None:
    """The output's shape comes first, then weights, then what is read."""
    node.needs(3)
    weights = node.constant(1, _LAST)
    if len(weights.dims) != 4:
        raise node.refuse(f"weights of {len(weights.dims)} dimensions; 4 were expected")
    outputs, height, width, inputs = weights.dims
    source, written = node.read(2), node.shape()
    stride = int(node.option(2)), int(node.option(1))
    if inputs != source[2] or outputs != written[2] or any(not 1 <= step <= MAX_STEP for step in stride):
        raise node.refuse(f"weights for {inputs} channels in and {outputs} out, strides {list(stride)}")
    whole = [(s - 1) * step + k for s, step, k in zip(source[:2], stride, (height, width), strict=True)]
    valid = int(node.option(0, "b")) == _VALID
    small = [
        -(-side // step) if not valid else (side - k) // step + 1
        for side, step, k in zip(written[:2], stride, (height, width), strict=True)
    ]
    if small != list(source[:2]):
        raise node.refuse(f"writes {list(written[:2])} positions, from which {small} would be read, not {list(source[:2])}")
    cut = [max(a - b, 0) for a, b in zip(whole, written[:2], strict=True)]
    pads = (cut[0] // 2, cut[1] // 2, cut[0] - cut[0] // 2, cut[1] - cut[1] // 2)
    turned = weights.then((outputs, inputs, height, width), _outputs_first, key="conv")
    told = {"window": (height, width), "stride": stride, "pads": pads}
    _weighted(node, OpKind.TRANSPOSED_CONV, turned, node.fused(3), source=node.source(2), bias=3, **told)


def _weighted(
    node: Node,
    kind: OpKind,
    weights: Constant,
    function: tuple[str, tuple[float | None, ...]],
    *,
    source: str = "",
    bias: int = 2,
    **told: Any,
) -> None:
    summand = None
    if len(node.op.inputs) > bias and node.op.inputs[bias] >= 0:
        summand = node.constant(bias, "the bias is no constant").seen_as((weights.dims[0],))
        if summand.size != weights.dims[0]:
            raise node.refuse(f"a bias of {summand.size} values for {weights.dims[0]} outputs")
    reads = told.pop("reads", None) or (source or node.source(),)
    made = node.add(kind, reads, weights=weights, bias=summand, **told)
    node.then(*function)
    if weights.bits is not None:
        node.reader.bits[made] = weights.bits


def _outputs_first(values: Array) -> Array:
    return np.asarray(values).transpose(0, 3, 1, 2)


def _space_to_batch(node: Node) -> None:
    """Blocks as a batch: what a converter makes of a dilation. The convolution behind it takes it up."""
    node.needs(3)
    block, pads = node.integers(1), node.integers(2)
    dims = node.dims()
    if block is None or pads is None or len(dims) not in {3, 4} or len(pads) != 2 * len(block) or len(block) != len(dims) - 2:
        raise node.refuse("constant blocks and padding of rows and columns were expected")
    if len(block) == 1:
        block, pads = (1, *block), (0, 0, *pads)
    node.reader.blocks[node.op.outputs[0]] = node.source(), (block[0], block[1]), (pads[0], pads[1], pads[2], pads[3])


def _spread(node: Node, window: tuple[int, int]) -> dict[str, Any] | None:
    """The dilation that blocks as a batch around a convolution are."""
    reader, found = node.reader, node.reader.blocks.get(node.op.inputs[0])
    if found is None:
        return None
    source, block, (top, bottom, left, right) = found
    readers = [op for op in reader.ops if node.op.outputs[0] in op.inputs]
    after = readers[0] if len(readers) == 1 and readers[0].kind == "BATCH_TO_SPACE_ND" else None
    plain = all(int(node.option(field)) == 1 for field in (1, 2)) and int(node.option(0, "b")) == _VALID
    crops = None if after is None or len(after.inputs) < 3 else reader.tensors.integers(after.inputs[2])
    if after is None or crops is None or not plain or node.op.outputs[0] in reader.outputs:
        raise node.refuse("blocks as a batch are known where they make a dilation of a convolution of stride 1 without padding")
    if len(crops) == 2:
        crops = (0, 0, *crops)
    pads = (top - crops[0], left - crops[2], bottom - crops[1], right - crops[3])
    height, width, _ = reader.draft.shapes[source]
    written = reader.shape(after.outputs[0])[:2]
    reach = [(side - 1) * distance + 1 for side, distance in zip(window, block, strict=True)]
    expected = (height + pads[0] + pads[2] - reach[0] + 1, width + pads[1] + pads[3] - reach[1] + 1)
    if min(pads) < 0 or expected != written:
        raise node.refuse(f"blocks as a batch that make {list(written)} positions where a dilation makes {list(expected)}")
    reader.draft.notes.append(
        f"taken as a dilation of {list(block)}: the blocks around {node.name!r}, which TFLite Micro runs as three operators"
    )
    reader.joined[node.op.outputs[0]] = after.outputs[0]
    return {"reads": (source,), "window": window, "stride": (1, 1), "dilation": block, "pads": pads}


def _batch_to_space(node: Node) -> None:
    if not node.reader.draft.knows(str(node.op.outputs[0])):
        raise node.refuse("blocks as a batch are known around a convolution only")


HANDLERS: Mapping[str, Handler] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "TRANSPOSE_CONV": _transposed,
    "SPACE_TO_BATCH_ND": _space_to_batch,
    "BATCH_TO_SPACE_ND": _batch_to_space,
}
