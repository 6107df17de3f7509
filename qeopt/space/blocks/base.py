"""What every kind of block provides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from qeopt.network import Dim
from qeopt.space.cells import Cell
from qeopt.space.genes import Gene, Values


class BlockKind(Protocol):
    """A declared block of a chain: its genes, and its cells once they are chosen.

    A gene called `width` says how many channels the block writes; one called `units` how often its cell is repeated.
    """

    name: str

    @property
    def genes(self) -> tuple[Gene, ...]:
        """The structural choices this block leaves open (one value means none)."""
        ...

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> Cell:
        """One cell of this block reading `source` channels.

        Args:
            source: Channels read; an array stands for many cells.
            values: By gene name; arrays of the shape of `source`, or plain numbers.
            first: Whether it is the first cell of the block.
            same_width: Whether it writes as many channels as it reads (for all of an array).
            classes: Classes of the task.
        """
        ...
