"""The block that ends a classification network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from qeopt.network import Dim
from qeopt.space.cells import Cell, ClassifierCell
from qeopt.space.genes import Gene, Values
from qeopt.spec.model import Block


class Classifier(Block):
    """Global average pool and a dense layer with 8-bit weights, one output per class of the task."""

    kind: Literal["classifier"] = "classifier"
    """Says that this is the classifier."""
    name: str = "classifier"
    """Name of the block; operators carry it."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """No choice."""
        return ()

    def cell(self, source: Dim, values: Mapping[str, Values], *, first: bool, same_width: bool, classes: int) -> Cell:
        """Pool and dense layer."""
        return ClassifierCell(classes)
