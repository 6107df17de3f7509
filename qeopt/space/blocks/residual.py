"""The basic block of ResNet (He et al., CVPR 2016): two convolutions, and a 1x1 convolution as shortcut where shapes differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from qeopt.network import Dim
from qeopt.space.cells import ResidualCell
from qeopt.space.genes import Gene, Values, Whole, whole
from qeopt.spec.model import Block


class Residual(Block):
    """Units of two convolutions with a shortcut; the first has the stride."""

    kind: Literal["residual"] = "residual"
    """Says that these are residual units."""
    name: str
    """Name of the block; operators carry it."""
    width: Whole
    """Output channels of all its convolutions."""
    kernel: Whole = (3,)
    """Side of both windows."""
    units: Whole = (1,)
    """How many units in a row."""
    stride: Annotated[int, Field(ge=1, le=8)] = 1
    """Stride of the first unit."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Width, kernel and number of units."""
        return Gene("width", self.width), Gene("kernel", self.kernel), Gene("units", self.units)

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> ResidualCell:
        """One unit; its shortcut is plain where neither width nor size changes."""
        stride = self.stride if first else 1
        return ResidualCell(whole(values["width"]), whole(values["kernel"]), stride, not same_width or stride > 1)
