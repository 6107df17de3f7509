"""Padding and shapes as formats spell them, and as a network knows them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]


def same_pads(source: Pair, window: Pair, stride: Pair, dilation: Pair) -> Pads:
    """The padding (top, left, bottom, right) of "same": a stride divides sides rounding up, and an odd row or column goes last."""
    totals = []
    for side, kernel, step, distance in zip(source, window, stride, dilation, strict=True):
        totals.append(max((-(-side // step) - 1) * step + (kernel - 1) * distance + 1 - side, 0))
    down, right = totals
    return down // 2, right // 2, down - down // 2, right - right // 2


def normal_pads(pads: Pads, source: Pair, window: Pair, stride: Pair, dilation: Pair) -> Pads | None:
    """The given padding, or None where it is that of "same"."""
    return None if pads == same_pads(source, window, stride, dilation) else pads


def channels_first(dims: Sequence[int]) -> tuple[int, int, int]:
    """Height, width and channels of (batch, channels, ...) with up to two positions; what is more counts as channels."""
    if len(dims) <= 2:
        return 1, 1, prod(dims)
    if len(dims) == 3:
        return 1, dims[2], dims[0] * dims[1]
    return dims[-2], dims[-1], prod(dims[:-2])
