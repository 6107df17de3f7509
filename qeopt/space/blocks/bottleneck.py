"""What blocks of bottleneck units share."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from qeopt.network import Dim
from qeopt.space.genes import Gene, Ratios, Values, Whole, whole
from qeopt.spec.model import Block


def round_to_8(width: Dim, ratio: Values) -> Dim:
    """Multiply and round to a multiple of 8, halves to even, at least 8 (the authors' rule for widths)."""
    return whole(np.maximum(np.rint(width * ratio / 8), 1) * 8)


class BottleneckBlock(Block):
    """Units of 1x1, depthwise and 1x1 convolutions; the first has the stride, all share kernel and ratio."""

    name: str
    """Name of the block; operators carry it."""
    width: Whole
    """Output channels."""
    kernel: Whole = (3,)
    """Side of the depthwise window."""
    ratio: Ratios
    """Middle width as a multiple of the width it is taken from, rounded to a multiple of 8."""
    units: Whole = (1,)
    """How many units in a row."""
    stride: Annotated[int, Field(ge=1, le=8)] = 1
    """Stride of the first unit."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Width, kernel, ratio and number of units."""
        return Gene("width", self.width), Gene("kernel", self.kernel), Gene("ratio", self.ratio), Gene("units", self.units)
