"""What TFLite cannot say of a design, or its kernels cannot run: all of it at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qeopt.design import Design
from qeopt.export.arithmetic.geometry import shape_of, window
from qeopt.export.arithmetic.softmax import SOFTMAX
from qeopt.export.tflite.arithmetic import clamps, fused, spelled
from qeopt.export.tflite.kernels import FUNCTIONS, KERNELS, PADS, UNFUSED
from qeopt.export.tflite.resizing import FLOORED, RESIZED, is_nearest_as_stated
from qeopt.export.tflite.windows import tflite_window
from qeopt.network import Network, Op, OpKind

BITS = 8


def obstacles(design: Design, network: Network) -> Iterator[str]:
    """Everything that TFLite cannot say, or its kernels cannot run."""
    bits = design.bit_widths()
    narrow = sorted({*(n for n, b in bits.weights.items() if b != BITS), *(n for n, b in bits.activations.items() if b != BITS)})
    if narrow:
        more = f" and {len(narrow) - 3} more" if len(narrow) > 3 else ""
        yield f"TFLite files here have 8 bits everywhere; {', '.join(map(repr, narrow[:3]))}{more} have others"
    for op in network.ops:
        yield from _of_operator(op)


def _of_operator(op: Op) -> Iterator[str]:
    if op.kind is OpKind.ACTIVATION:
        if op.function not in FUNCTIONS or (op.function == "clip" and np.isfinite(clamps(op, "clip")).all()):
            what = spelled(op.function, op.terms)
            yield f"{op.name!r} is the function {what} by itself, which the format tflite cannot write"
        elif op.function == SOFTMAX and op.terms:
            yield f"{op.name!r} is a softmax over rows or columns, and that of TFLite is over channels"
    elif op.kind not in KERNELS:
        yield f"{op.name!r} is of the kind {op.kind}, which the format tflite cannot write"
    elif op.moves or (op.kind is OpKind.RESHAPE and not _keeps_order(op)):
        yield f"{op.name!r} moves values, which the format tflite cannot write"
    elif op.kind in {OpKind.PAD, OpKind.RESIZE}:
        yield from _of_places(op)
    elif op.kind is OpKind.AFFINE and op.constants > 2 * int(op.output.channels):
        yield f"{op.name!r} has constants by row or column, and the format tflite writes those by channel"
    elif op.kind in UNFUSED and op.function:
        yield f"{op.name!r} ends in {op.function!r}, which its kernel of TFLite cannot"
    elif fused(op.function, op.terms) is None:
        yield f"{op.name!r} ends in {spelled(op.function, op.terms)}, which operators of TFLite cannot"
    else:
        yield from _of_windows(op)


def _of_windows(op: Op) -> Iterator[str]:
    """What stands in the way of a window that no operator can pad for."""
    is_spread = op.kind is OpKind.TRANSPOSED_CONV
    if is_spread and (op.groups > 1 or op.dilation != (1, 1)):
        yield f"{op.name!r} has groups or dilation, and transposed convolutions of TFLite have neither"
    elif (is_spread or op.kind in {OpKind.POOL, OpKind.MAX_POOL}) and tflite_window(op, may_grow=is_spread).pads is not None:
        what = "transposed convolutions" if is_spread else "pools"
        yield f"{op.name!r} pads {list(window(op).pads)}, and {what} of TFLite pad 'same' or not at all"


def _of_places(op: Op) -> Iterator[str]:
    """What stands in the way of padding or of a resize."""
    if op.kind is OpKind.PAD:
        if op.function not in PADS:
            yield f"{op.name!r} pads by {op.function!r}, which the format tflite cannot write"
        return
    function = op.function or FLOORED
    if function not in RESIZED:
        yield f"{op.name!r} resizes by {function!r}; the format tflite writes {' or '.join(RESIZED)}"
    elif any(term is not None for term in op.terms):
        yield f"{op.name!r} resizes by scales that are not those of its sides, which the format tflite cannot write"
    elif function.startswith("nearest") and not is_nearest_as_stated(op):
        yield f"{op.name!r} resizes by {function!r}, and the kernel of TFLite takes other rows or columns at these sides"


def _keeps_order(op: Op) -> bool:
    """Whether a reshape keeps the order of values where channels come last, as it does where they come first."""
    shapes = [shape_of(op.inputs[0]), shape_of(op.output)]
    return shapes[0] == shapes[1] or all(channels == 1 or height == width == 1 for channels, height, width in shapes)
