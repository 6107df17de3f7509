"""Padding and shapes as formats spell them, and as a network knows them."""

from __future__ import annotations

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]


def same_pads(source: Pair, window: Pair, stride: Pair, dilation: Pair) -> Pads:
    """The padding (top, left, bottom, right) of "same": a stride divides sides rounding up, and an odd row or column goes last."""
    totals = []
    for side, kernel, step, distance in zip(source, window, stride, dilation, strict=True):
        totals.append(max((-(-side // step) - 1) * step + (kernel - 1) * distance + 1 - side, 0))
    down, right = totals
    return down // 2, right // 2, down - down // 2, right - right // 2
