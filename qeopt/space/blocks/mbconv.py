"""MobileNetV2's inverted residual (Sandler et al., CVPR 2018): its middle width follows the input, a stride has no shortcut."""

from __future__ import annotations

from typing import Literal

from qeopt.network import Dim
from qeopt.space.blocks.bottleneck import BottleneckBlock, round_to_8
from qeopt.space.cells import BottleneckCell, Shortcut


class MBConv(BottleneckBlock):
    """Inverted residuals; `ratio` is middle width over each unit's input width, and 1 leaves the first convolution out."""

    kind: Literal["mbconv"] = "mbconv"
    """Says that this is MobileNetV2's block."""

    def cell(self, source: Dim, width: Dim, kernel: Dim, ratio: float, *, stride: int, same_width: bool) -> BottleneckCell:
        """One unit."""
        shortcut = Shortcut.IDENTITY if same_width and stride == 1 else Shortcut.NONE
        expands = ratio != 1
        return BottleneckCell(width, round_to_8(source, ratio) if expands else source, kernel, stride, shortcut, expands)
