"""The paper's block (section 4.5): its middle width follows the output, its shortcut is pooled where a stride keeps the width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from qeopt.network import Dim
from qeopt.space.blocks.bottleneck import BottleneckBlock, round_to_8
from qeopt.space.cells import BottleneckCell, Shortcut
from qeopt.space.genes import Values, whole


class K1DWK1(BottleneckBlock):
    """Units of the paper's space; `ratio` is middle width over output width."""

    kind: Literal["k1dwk1"] = "k1dwk1"
    """Says that this is the paper's block."""

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> BottleneckCell:
        """One unit; there is no projection shortcut, so units that change the width have none."""
        width = whole(values["width"])
        stride = self.stride if first else 1
        kept = Shortcut.IDENTITY if stride == 1 else Shortcut.POOLED
        middle = round_to_8(width, values["ratio"])
        return BottleneckCell(width, middle, whole(values["kernel"]), stride, kept if same_width else Shortcut.NONE)
