"""What every kind of block provides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from qeopt.space.cells import Cell
from qeopt.space.genes import Gene, Value


class BlockKind(Protocol):
    """A declared block of a chain: its genes, and its cells once they are chosen."""

    name: str

    @property
    def genes(self) -> tuple[Gene, ...]:
        """The structural choices this block leaves open (one value means none)."""
        ...

    def cells(self, values: Mapping[str, Value], channels_in: int, classes: int) -> tuple[Cell, ...]:
        """The cells of this block when it reads `channels_in` channels and its genes take `values` (by gene name)."""
        ...
