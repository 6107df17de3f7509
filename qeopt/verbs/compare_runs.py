"""Set two finished designs side by side: what each is, and everything in which they differ. Nothing is solved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from qeopt.design import Design, load_design
from qeopt.runs import design_in

Key = TypeVar("Key")
Value = TypeVar("Value")
Differences = Mapping[Key, tuple[Value | None, Value | None]]
"""The value of each design, by what is chosen; None where a design has no such choice. What is the same in both is left out."""


@dataclass(frozen=True)
class SideBySide:
    """Two designs, and everything in which they differ."""

    files: tuple[Path, Path]
    designs: tuple[Design, Design]
    structure: Differences[tuple[str, str], float]
    """Choices of the structure, by block and gene."""
    weights: Differences[str, int]
    """Bits of weights, by operator."""
    activations: Differences[str, int]
    """Bits of activations, by tensor."""

    @property
    def alike(self) -> bool:
        """Whether both have the same structure and the same bits."""
        return not (self.structure or self.weights or self.activations)


def compare_runs(one: Path | str, other: Path | str) -> SideBySide:
    """Set two finished designs side by side.

    Args:
        one: A design file, the folder of its run, or the name of its study (its latest run).
        other: Another.

    Raises:
        SpecError: where there is no such design, or it cannot be read.
    """
    files = design_in(Path(one)), design_in(Path(other))
    designs = load_design(files[0]), load_design(files[1])
    first, second = designs
    structures = [
        {(block, gene): value for block, genes in design.structure.items() for gene, value in genes.items()} for design in designs
    ]
    return SideBySide(
        files,
        designs,
        structure=_differences(*structures),
        weights=_differences(first.weights, second.weights),
        activations=_differences(first.activations, second.activations),
    )


def _differences(one: Mapping[Key, Value], other: Mapping[Key, Value]) -> Differences[Key, Value]:
    return {key: (one.get(key), other.get(key)) for key in dict.fromkeys((*one, *other)) if one.get(key) != other.get(key)}
