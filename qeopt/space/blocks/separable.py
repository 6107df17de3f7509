"""The depthwise separable convolution of MobileNetV1 (Howard et al., 2017) and DS-CNN (Zhang et al., 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from qeopt.network import Dim
from qeopt.space.cells import SeparableCell
from qeopt.space.genes import Gene, Values, Whole, whole
from qeopt.spec.model import Block


class Separable(Block):
    """Units of a depthwise and a 1x1 convolution; the first has the stride."""

    kind: Literal["separable"] = "separable"
    """Says that these are depthwise separable convolutions."""
    name: str
    """Name of the block; operators carry it."""
    width: Whole
    """Output channels."""
    kernel: Whole = (3,)
    """Side of the depthwise window."""
    units: Whole = (1,)
    """How many units in a row."""
    stride: Annotated[int, Field(ge=1, le=8)] = 1
    """Stride of the first unit."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Width, kernel and number of units."""
        return Gene("width", self.width), Gene("kernel", self.kernel), Gene("units", self.units)

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> SeparableCell:
        """One unit."""
        return SeparableCell(whole(values["width"]), whole(values["kernel"]), self.stride if first else 1)
