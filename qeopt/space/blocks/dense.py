"""Dense layers inside a network, as autoencoders have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from qeopt.network import Dim
from qeopt.space.cells import DenseCell
from qeopt.space.genes import Gene, Values, Whole, whole
from qeopt.spec.model import Block


class Dense(Block):
    """Dense layers, each with its activation. They follow an input of one position (`input: [1, 1, N]`) or each other."""

    kind: Literal["dense"] = "dense"
    """Says that these are dense layers."""
    name: str
    """Name of the block; operators carry it."""
    width: Whole
    """Values that each writes."""
    units: Whole = (1,)
    """How many layers in a row."""
    weight_bits: Annotated[int, Field(ge=1, le=16)] | None = None
    """Fixed weight bits; left out, they are chosen."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Width and number of layers."""
        return Gene("width", self.width), Gene("units", self.units)

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> DenseCell:
        """One layer."""
        return DenseCell(whole(values["width"]), weight_bits=self.weight_bits)
