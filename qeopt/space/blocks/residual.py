"""The basic block of ResNet (He et al., CVPR 2016): two convolutions, and a 1x1 convolution as shortcut where shapes differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from qeopt.network import Dim
from qeopt.space.blocks.units import UnitsBlock
from qeopt.space.cells import ResidualCell
from qeopt.space.genes import Values, whole


class Residual(UnitsBlock):
    """Units of two convolutions with a shortcut; the first has the stride."""

    kind: Literal["residual"] = "residual"
    """Says that these are residual units."""

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> ResidualCell:
        """One unit; its shortcut is plain where neither width nor size changes."""
        stride = self.stride if first else 1
        return ResidualCell(whole(values["width"]), whole(values["kernel"]), stride, not same_width or stride > 1)
