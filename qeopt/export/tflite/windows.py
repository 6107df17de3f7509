"""Windows as TFLite has them: padding is none or "same", where an odd row or column goes last.

Padding that is neither is reached without an operator more by weights of zero around the window: a window of 3 rows from row -1 on,
in steps of 2, is one of 4 rows of which the last counts nothing, and "same" begins that one at row -1.
"""

from __future__ import annotations

from dataclasses import dataclass

from qeopt.export.arithmetic.geometry import window
from qeopt.export.tflite.model import SAME, VALID
from qeopt.network import Op, OpKind

MOST_ZEROS = 3
"""Rows or columns of zeros that a window may get at an end."""
Pads = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class TfliteWindow:
    """A window, and how it comes to see what the network says."""

    padding: int
    zeros: Pads = (0, 0, 0, 0)
    """Rows and columns of weights of zero at the top, left, bottom and right."""
    pads: Pads | None = None
    """Padding by an operator before, where nothing else does."""


def tflite_window(op: Op, *, may_grow: bool) -> TfliteWindow:
    """Say how an operator of TFLite sees what `op` sees; windows without weights cannot grow."""
    found = window(op)
    source, output = op.inputs[0], op.output
    if op.kind is OpKind.TRANSPOSED_CONV:  # it writes what the convolution of the same window would read
        source, output = output, source
    sides = [
        (found.height, found.strides[0], found.dilation[0], int(source.height), int(output.height), found.pads[0]),
        (found.width, found.strides[1], found.dilation[1], int(source.width), int(output.width), found.pads[1]),
    ]
    if all(top == 0 and (side - (k - 1) * d - 1) // step + 1 == out for k, step, d, side, out, top in sides):
        return TfliteWindow(VALID)
    most = MOST_ZEROS if may_grow else 0
    rows, columns = (_grown(*side, most) for side in sides)
    if rows is None or columns is None:
        return TfliteWindow(VALID, pads=found.pads)
    return TfliteWindow(SAME, zeros=(rows[0], columns[0], rows[1], columns[1]))


def _grown(k: int, step: int, d: int, side: int, out: int, top: int, most: int) -> tuple[int, int] | None:
    """The fewest zeros before and after a window with which "same" begins it where it has to begin."""
    if out != -(-side // step):
        return None
    for total in range(2 * most + 1):
        for before in range(max(total - most, 0), min(total, most) + 1):
            padding = max((out - 1) * step + (k + total - 1) * d + 1 - side, 0)
            if padding // 2 == top + before * d:
                return before, total - before
    return None
