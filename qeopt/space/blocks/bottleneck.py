"""A block of bottleneck units: the paper's K1DWK1 and MobileNetV2's inverted residual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from qeopt.network import Dim
from qeopt.space.cells import BottleneckCell, Cell, Shortcut
from qeopt.space.genes import Gene, Ratios, Value, Whole
from qeopt.spec.model import Block


def round_to_8(width: Dim, ratio: float) -> Dim:
    """Multiply and round to a multiple of 8, halves to even, at least 8 (the authors' rule for widths)."""
    eighths = np.maximum(np.rint(width * ratio / 8), 1)
    return int(eighths) * 8 if isinstance(width, int) else eighths.astype(np.int64) * 8


class Bottleneck(Block):
    """Units of 1x1, depthwise and 1x1 convolutions; the first has the stride, all share kernel and middle width."""

    kind: Literal["k1dwk1", "mbconv"]
    """`k1dwk1`: the paper's block, middle width a ratio of the output, pooled shortcut where the stride keeps the width.
    `mbconv`: MobileNetV2's block, middle width a ratio of each unit's input, no shortcut around a stride."""
    name: str
    """Name of the block; operators carry it."""
    width: Whole
    """Output channels."""
    kernel: Whole = (3,)
    """Side of the depthwise window."""
    ratio: Ratios
    """Middle width over output width (k1dwk1) or input width (mbconv), rounded to a multiple of 8."""
    units: Whole = (1,)
    """How many units in a row."""
    stride: Annotated[int, Field(ge=1, le=8)] = 1
    """Stride of the first unit."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Width, kernel, ratio and number of units."""
        return Gene("width", self.width), Gene("kernel", self.kernel), Gene("ratio", self.ratio), Gene("units", self.units)

    def cells(self, values: Mapping[str, Value], channels_in: int, classes: int) -> tuple[Cell, ...]:
        """One cell per unit."""
        width, kernel, ratio = int(values["width"]), int(values["kernel"]), float(values["ratio"])
        found: list[Cell] = []
        for index in range(int(values["units"])):
            source = width if index else channels_in
            found.append(self.cell(source, width, kernel, ratio, stride=1 if index else self.stride, same_width=source == width))
        return tuple(found)

    def cell(self, source: Dim, width: Dim, kernel: Dim, ratio: float, *, stride: int, same_width: bool) -> BottleneckCell:
        """One unit reading `source` channels; dimensions may be arrays as long as all agree on `same_width`."""
        shortcut = Shortcut.NONE
        if same_width and stride == 1:
            shortcut = Shortcut.IDENTITY
        elif same_width and self.kind == "k1dwk1":
            shortcut = Shortcut.POOLED
        if self.kind == "k1dwk1":
            return BottleneckCell(width, round_to_8(width, ratio), kernel, stride, shortcut)
        expands = ratio != 1
        return BottleneckCell(width, round_to_8(source, ratio) if expands else source, kernel, stride, shortcut, expands)
