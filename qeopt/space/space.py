"""Space and Structure: what a study lets vary, and one point of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from qeopt.network import Network, NetworkBuilder, Tensor
from qeopt.network.builder import FIXED_BITS
from qeopt.network.graph import Sides
from qeopt.space.blocks.base import BlockKind
from qeopt.space.blocks.classifier import Classifier
from qeopt.space.cells import Cell, SideCell
from qeopt.space.genes import Value
from qeopt.spec.model import Block
from qeopt.spec.plugins import Table, union_of

BLOCKS = Table(
    "blocks",
    {
        "conv": "qeopt.space.blocks.conv:Conv",
        "k1dwk1": "qeopt.space.blocks.k1dwk1:K1DWK1",
        "mbconv": "qeopt.space.blocks.mbconv:MBConv",
        "separable": "qeopt.space.blocks.separable:Separable",
        "residual": "qeopt.space.blocks.residual:Residual",
        "dense": "qeopt.space.blocks.dense:Dense",
        "classifier": "qeopt.space.blocks.classifier:Classifier",
        "detection": "qeopt.space.blocks.detection:Detection",
    },
)

if TYPE_CHECKING:
    AnyBlock: TypeAlias = BlockKind
else:
    AnyBlock = union_of(BLOCKS)


class Task(Block):
    """What the network reads and tells apart."""

    input: tuple[Annotated[int, Field(ge=1, le=4096)], Annotated[int, Field(ge=1, le=4096)], Annotated[int, Field(ge=1, le=4096)]]
    """Height, width and channels of the image."""
    classes: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of classes."""


@dataclass(frozen=True, slots=True)
class Structure:
    """One point of a space: a value for every gene, in the space's order."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell stands in a chain: all that its cost and score depend on besides itself."""

    height: int
    width: int
    stage: int
    ends_stage: bool
    output_is_seen: bool
    """Whether a scored operator reads what the cell writes."""
    is_first: bool
    results: tuple[Sides, ...] = ()
    """Height, width and channels of results of the network that were written before; they lie in memory to the end."""


@dataclass(frozen=True, slots=True)
class PlacedCell:
    """A cell of a structure, its name, the channels it reads, and its place."""

    name: str
    block: int
    """Index of the block it belongs to."""
    cell: Cell
    channels: int
    place: Place


class Space(Block):
    """A chain of blocks, each with its structural choices. With one value for every choice it is a single network."""

    name: str = ""
    """Short name; the file's name unless stated."""
    title: str = ""
    """What a person would call it."""
    blocks: Annotated[tuple[AnyBlock, ...], Field(min_length=1)]
    """The chain, from the image to the classifier."""
    widths: Literal["free", "non_decreasing"] = "free"
    """Whether a block may be narrower than the block before it (the last one with a width, the head, aside)."""

    @model_validator(mode="after")
    def _is_sound(self) -> Space:
        names = [block.name for block in self.blocks]
        if len(set(names)) != len(names):
            raise ValueError("two blocks have the same name")
        for block in self.blocks[:-1]:
            if isinstance(block, Classifier):
                raise ValueError(f"the classifier {block.name!r} is not the last block; one that ends the chain was expected")
        self.smallest()
        return self

    @cached_property
    def genes(self) -> tuple[tuple[str, str, tuple[Value, ...]], ...]:
        """Every gene as (block name, gene name, values), in the order of `Structure.values`."""
        return tuple((block.name, gene.name, gene.values) for block in self.blocks for gene in block.genes)

    @property
    def size(self) -> int:
        """Number of structures, rules between blocks aside."""
        return prod(len(values) for _, _, values in self.genes)

    def structure(self, choices: Mapping[str, Mapping[str, Value]]) -> Structure:
        """Build a structure from values by block and gene name; genes with one value may be left out.

        Raises:
            ValueError: naming a block or gene that is unknown or missing, or a value that is not declared, or widths that break the
                rule between blocks.
        """
        known = {(block, gene) for block, gene, _ in self.genes}
        for block, genes in choices.items():
            for gene in genes:
                if (block, gene) not in known:
                    raise ValueError(f"the space has no choice {block}.{gene}")
        found = []
        for block, gene, values in self.genes:
            value = choices.get(block, {}).get(gene, values[0] if len(values) == 1 else None)
            if value not in values:
                raise ValueError(f"{block}.{gene} cannot be {value}; it is one of {', '.join(map(str, values))}")
            found.append(values[values.index(value)])
        structure = Structure(tuple(found))
        if not self.follows_rules(structure):
            widths = ", ".join(f"{self.genes[index][0]} {structure.values[index]}" for index in self.ruled_widths)
            raise ValueError(f"widths may not decrease from block to block: {widths}")
        return structure

    def is_ruled(self, index: int) -> bool:
        """Whether a block may not be narrower than the last block before it that has a width."""
        ruled = {self.genes[position][0] for position in self.ruled_widths}
        with_width = [block.name for block in self.blocks[: index + 1] if any(gene.name == "width" for gene in block.genes)]
        return self.blocks[index].name in ruled and len(with_width) > 1 and with_width[-2] in ruled

    def smallest(self) -> Structure:
        """The structure with the least value of every gene that the rules allow.

        Raises:
            ValueError: naming the block whose widths are all below those of the block before it.
        """
        found = [values[0] for _, _, values in self.genes]
        width: Value = 0
        for index in self.ruled_widths:
            block, _, values = self.genes[index]
            allowed = [value for value in values if value >= width]
            if not allowed:
                raise ValueError(f"no structure: widths may not decrease, and {block!r} is at most {values[-1]} wide after {width}")
            width = found[index] = allowed[0]
        return Structure(tuple(found))

    def named(self, structure: Structure) -> dict[str, dict[str, Value]]:
        """Spell a structure out by block and gene name."""
        spelled: dict[str, dict[str, Value]] = {}
        for (block, gene, _), value in zip(self.genes, structure.values, strict=True):
            spelled.setdefault(block, {})[gene] = value
        return spelled

    @cached_property
    def ruled_widths(self) -> tuple[int, ...]:
        """Positions of the width genes that may not decrease; empty where widths are free."""
        if self.widths == "free":
            return ()
        return tuple(index for index, (_, gene, _) in enumerate(self.genes) if gene == "width")[:-1]

    def follows_rules(self, structure: Structure) -> bool:
        """Whether widths obey the rule between blocks."""
        widths = [structure.values[index] for index in self.ruled_widths]
        return all(a <= b for a, b in pairwise(widths))

    def cells(self, structure: Structure, task: Task) -> tuple[PlacedCell, ...]:
        """Walk the cells of a structure from the image to the classifier.

        A stage ends before each strided cell but the first, and with the last cell that is scored. Cells beside the chain are no
        part of a stage.
        """
        height, width, _ = task.input
        named = list(self._named_cells(structure, task))
        followers: list[Cell | None] = []
        after: Cell | None = None
        for _, _, cell, _ in reversed(named):
            followers.append(after)
            after = after if isinstance(cell, SideCell) else cell
        placed: list[PlacedCell] = []
        stage = 0
        results: tuple[Sides, ...] = ()
        for index, ((name, block, cell, reads), following) in enumerate(zip(named, reversed(followers), strict=True)):
            seen = following is not None and following.IS_SCORED
            ends = cell.IS_SCORED and (following is None or not seen or following.stride > 1)
            placed.append(PlacedCell(name, block, cell, reads, Place(height, width, stage, ends, seen, index == 0, results)))
            results += cell.results(height, width) if isinstance(cell, SideCell) else ()
            height, width = -(-height // cell.stride), -(-width // cell.stride)
            stage += ends
        return tuple(placed)

    def expand(self, structure: Structure, task: Task, name: str = "network") -> Network:
        """Expand a structure to its network."""
        height, width, channels = task.input
        source = Tensor("image", height, width, channels, bits=FIXED_BITS, is_image=True)
        builder = NetworkBuilder(name, source)
        for item in self.cells(structure, task):
            builder.unit = item.name
            source = item.cell.build(builder, item.name, source)
            if item.place.ends_stage:
                builder.end_stage()
        return builder.finish()

    def _named_cells(self, structure: Structure, task: Task) -> Iterator[tuple[str, int, Cell, int]]:
        """Every cell with its name, its block's index and the channels it reads."""
        spelled = self.named(structure)
        channels = task.input[2]
        for index, block in enumerate(self.blocks):
            values = spelled.get(block.name, {})
            units = int(values.get("units", 1))
            for number in range(1, units + 1):
                width = int(values.get("width", channels))
                cell = block.cell(channels, values, first=number == 1, same_width=width == channels, classes=task.classes)
                yield (block.name if units == 1 else f"{block.name}.{number}"), index, cell, channels
                channels = width
