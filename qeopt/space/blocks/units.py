"""What blocks of units without a middle width share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from qeopt.space.genes import Gene, Whole
from qeopt.spec.model import Block


class UnitsBlock(Block):
    """Units in a row, all of one width and kernel; the first has the stride."""

    name: str
    """Name of the block; operators carry it."""
    width: Whole
    """Output channels of every unit."""
    kernel: Whole = (3,)
    """Side of the windows."""
    units: Whole = (1,)
    """How many units in a row."""
    stride: Annotated[int, Field(ge=1, le=8)] = 1
    """Stride of the first unit."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Width, kernel and number of units."""
        return Gene("width", self.width), Gene("kernel", self.kernel), Gene("units", self.units)
