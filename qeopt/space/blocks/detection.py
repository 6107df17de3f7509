"""A detection head: it reads a stage at once, beside the chain, so that nothing of the stage waits in memory for a later head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from qeopt.network import Dim
from qeopt.space.cells import Cell, DetectionCell, HeadStyle
from qeopt.space.genes import Gene, Values
from qeopt.spec.model import Block


class Detection(Block):
    """Boxes and scores at every position of what the chain holds there; the chain goes on from the same tensor.

    What a head writes stays in memory to the end of the inference. There is no path from later stages back to earlier ones.
    """

    kind: Literal["detection"] = "detection"
    """Says that this is a detection head."""
    name: str
    """Name of the block; operators carry it."""
    anchors: Annotated[int, Field(ge=1, le=64)] = 1
    """Boxes at each position."""
    style: Literal["ssd", "ssd_lite"] = "ssd_lite"
    """`ssd`: a 3x3 convolution for boxes and one for scores, as in SSD and S3FD. `ssd_lite`: each of them depthwise and 1x1."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """No choice."""
        return ()

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> Cell:
        """The head; the background is a class beside those of the task."""
        return DetectionCell(self.anchors, classes, HeadStyle(self.style))
