"""MobileNetV2's inverted residual (Sandler et al., CVPR 2018): its middle width follows the input, a stride has no shortcut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import model_validator

from qeopt.network import Dim
from qeopt.space.blocks.bottleneck import BottleneckBlock, round_to_8
from qeopt.space.cells import BottleneckCell, Shortcut
from qeopt.space.genes import Values, whole


class MBConv(BottleneckBlock):
    """Inverted residuals; `ratio` is middle width over each unit's input width, and 1 leaves the first convolution out."""

    kind: Literal["mbconv"] = "mbconv"
    """Says that this is MobileNetV2's block."""

    @model_validator(mode="after")
    def _ratio_one_stands_alone(self) -> MBConv:
        if 1 in self.ratio and len(self.ratio) > 1:
            raise ValueError("a ratio of 1 leaves a convolution out, so it cannot be one choice among others")
        return self

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> BottleneckCell:
        """One unit."""
        stride = self.stride if first else 1
        shortcut = Shortcut.IDENTITY if same_width and stride == 1 else Shortcut.NONE
        expands = self.ratio != (1,)
        middle = round_to_8(source, values["ratio"]) if expands else source
        return BottleneckCell(whole(values["width"]), middle, whole(values["kernel"]), stride, shortcut, expands)
