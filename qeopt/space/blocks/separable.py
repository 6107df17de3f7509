"""The depthwise separable convolution of MobileNetV1 (Howard et al., 2017) and DS-CNN (Zhang et al., 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from qeopt.network import Dim
from qeopt.space.blocks.units import UnitsBlock
from qeopt.space.cells import SeparableCell
from qeopt.space.genes import Values, whole


class Separable(UnitsBlock):
    """Units of a depthwise and a 1x1 convolution; the first has the stride."""

    kind: Literal["separable"] = "separable"
    """Says that these are depthwise separable convolutions."""

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> SeparableCell:
        """One unit."""
        return SeparableCell(whole(values["width"]), whole(values["kernel"]), self.stride if first else 1)
