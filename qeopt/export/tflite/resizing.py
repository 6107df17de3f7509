"""Resizing as the reference kernels of TensorFlow Lite Micro do it: places in units of 1/1024, or in single precision."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qeopt.export.arithmetic.quantised import Integers
from qeopt.export.arithmetic.resizing import nearest
from qeopt.network import Op

FLOORED = "nearest asymmetric floor"
RESIZED: Mapping[str, tuple[str, bool, bool]] = {
    FLOORED: ("RESIZE_NEAREST_NEIGHBOR", False, False),
    "nearest half_pixel round_prefer_ceil": ("RESIZE_NEAREST_NEIGHBOR", False, True),
    "nearest align_corners round_prefer_ceil": ("RESIZE_NEAREST_NEIGHBOR", True, False),
    "linear asymmetric": ("RESIZE_BILINEAR", False, False),
    "linear half_pixel": ("RESIZE_BILINEAR", False, True),
    "linear align_corners": ("RESIZE_BILINEAR", True, False),
}
"""By function: the kernel, whether corners are aligned, and whether centres of pixels are half a pixel in."""
UNIT = 1 << 10
"""Parts of the distance between two rows or columns."""
Places = tuple[Integers, Integers, Integers, Integers]


def between(op: Op, values: Integers) -> Integers:
    """Values between the four around each place, rounded, halves away from zero.

    Args:
        op: A resize by `linear`.
        values: Integers, shape (images, channels, height, width).
    """
    source, output = op.inputs[0], op.output
    top, bottom, above, below = _places(op.function, int(source.height), int(output.height))
    left, right, before, behind = _places(op.function, int(source.width), int(output.width))
    upper, lower = values[:, :, top], values[:, :, bottom]
    rows = [(part[:, :, :, left] * before + part[:, :, :, right] * behind) for part in (upper, lower)]
    total = rows[0] * above[:, None] + rows[1] * below[:, None]
    return np.asarray(np.sign(total) * ((np.abs(total) + UNIT * UNIT // 2) // (UNIT * UNIT)))


def _places(function: str, side: int, out: int) -> Places:
    """The place before and the one behind, and the share of each in units of 1/1024."""
    _, aligned, halved = RESIZED[function]
    whole = aligned and out > 1
    scale = (UNIT * (side - 1) + (out - 1) // 2) // (out - 1) if whole else (UNIT * side + out // 2) // out
    places = np.arange(out) * scale + (scale // 2 - UNIT // 2 if halved else 0)
    before = np.maximum(places // UNIT, 0)
    behind = np.minimum(-(-places // UNIT), side - 1)
    share = places - UNIT * before
    return np.minimum(before, side - 1), behind, UNIT - share, share


def is_nearest_as_stated(op: Op) -> bool:
    """Whether the kernel, whose places are computed in single precision, takes the rows and columns that the network says."""
    source, output = op.inputs[0], op.output
    sides = ((int(source.height), int(output.height)), (int(source.width), int(output.width)))
    return all(
        np.array_equal(_nearest(op.function or FLOORED, side, out), stated)
        for (side, out), stated in zip(sides, nearest(op), strict=True)
    )


def _nearest(function: str, side: int, out: int) -> Integers:
    _, aligned, halved = RESIZED[function]
    whole = aligned and out > 1
    scale = np.float32(side - 1) / np.float32(out - 1) if whole else np.float32(side) / np.float32(out)
    places = (np.arange(out, dtype=np.float32) + np.float32(0.5 if halved else 0.0)) * scale
    found = np.floor(places + np.float32(0.5)) if whole else np.floor(places)
    return np.asarray(np.clip(found, 0, side - 1), np.int64)
