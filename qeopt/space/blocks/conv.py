"""A block of one convolution: stem or head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from qeopt.network import Dim
from qeopt.space.cells import Cell, ConvCell
from qeopt.space.genes import Gene, Values, Whole, whole
from qeopt.spec.model import Block


class Conv(Block):
    """One convolution with normalisation and activation."""

    kind: Literal["conv"] = "conv"
    """Says that this is a single convolution."""
    name: str
    """Name of the block; operators carry it."""
    width: Whole
    """Output channels."""
    kernel: Whole = (1,)
    """Side of the window, or its height."""
    kernel_width: Annotated[int, Field(ge=1, le=255)] | None = None
    """Width of the window where it is not square."""
    stride: Annotated[int, Field(ge=1, le=8)] = 1
    """Step of the window."""
    weight_bits: Annotated[int, Field(ge=1, le=16)] | None = None
    """Fixed weight bits; left out, they are chosen."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Width and kernel."""
        return Gene("width", self.width), Gene("kernel", self.kernel)

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> Cell:
        """The convolution."""
        return ConvCell(whole(values["width"]), whole(values["kernel"]), self.stride, self.weight_bits, self.kernel_width)
