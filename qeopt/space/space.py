"""Space and Structure: what a study lets vary, and one point of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, Union

from pydantic import Field, model_validator

from qeopt.network import Network, NetworkBuilder, Tensor
from qeopt.network.builder import FIXED_BITS
from qeopt.space.blocks.base import BlockKind
from qeopt.space.cells import Cell
from qeopt.space.genes import Value
from qeopt.spec.model import Block
from qeopt.spec.plugins import Table

BLOCKS = Table(
    "blocks",
    {
        "conv": "qeopt.space.blocks.conv:Conv",
        "bottleneck": "qeopt.space.blocks.bottleneck:Bottleneck",
        "classifier": "qeopt.space.blocks.classifier:Classifier",
    },
)

if TYPE_CHECKING:
    AnyBlock: TypeAlias = BlockKind
else:
    AnyBlock = Annotated[Union[tuple(BLOCKS.load(name) for name in BLOCKS.names())], Field(discriminator="kind")]  # noqa: UP007


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
class NamedCell:
    """A cell of a structure, with its name and whether a stage ends before it."""

    name: str
    cell: Cell
    starts_stage: bool


class Space(Block):
    """A chain of blocks, each with its structural choices. With one value for every choice it is a single network."""

    kind: Literal["space", "network"]
    """`space`: structures to search. `network`: one structure; only bits are chosen."""
    name: str = ""
    """Short name; the file's name unless stated."""
    title: str = ""
    """What a person would call it."""
    blocks: Annotated[tuple[AnyBlock, ...], Field(min_length=1)]
    """The chain, from the image to the classifier."""
    widths: Literal["free", "non_decreasing"] = "free"
    """Whether a block may be narrower than the block before it (the last convolution and the classifier aside)."""

    @model_validator(mode="after")
    def _is_sound(self) -> Space:
        names = [block.name for block in self.blocks]
        if len(set(names)) != len(names):
            raise ValueError("two blocks have the same name")
        if self.kind == "network" and self.size > 1:
            raise ValueError("a network leaves no structural choice open; call it `kind: space`, or give every choice one value")
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
            ValueError: naming a block or gene that is unknown or missing, or a value that is not declared.
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
        return Structure(tuple(found))

    def named(self, structure: Structure) -> dict[str, dict[str, Value]]:
        """Spell a structure out by block and gene name."""
        spelled: dict[str, dict[str, Value]] = {}
        for (block, gene, _), value in zip(self.genes, structure.values, strict=True):
            spelled.setdefault(block, {})[gene] = value
        return spelled

    def follows_rules(self, structure: Structure) -> bool:
        """Whether widths obey the rule between blocks."""
        if self.widths == "free":
            return True
        widths = [value for (_, gene, _), value in zip(self.genes, structure.values, strict=True) if gene == "width"]
        return all(a <= b for a, b in zip(widths[:-2], widths[1:-1], strict=True))

    def cells(self, structure: Structure, task: Task) -> Iterator[NamedCell]:
        """Walk the cells of a structure from the image to the classifier."""
        spelled = self.named(structure)
        channels = task.input[2]
        for index, block in enumerate(self.blocks):
            values = spelled.get(block.name, {})
            cells = block.cells(values, channels, task.classes)
            for number, cell in enumerate(cells, start=1):
                name = block.name if len(cells) == 1 else f"{block.name}.{number}"
                yield NamedCell(name, cell, starts_stage=index > 0 and cell.stride > 1)
            channels = int(values.get("width", channels))

    def expand(self, structure: Structure, task: Task, name: str = "network") -> Network:
        """Expand a structure to its network. A stage ends before each strided cell after the first block and at the last scored cell."""
        height, width, channels = task.input
        image = Tensor("image", height, width, channels, bits=FIXED_BITS, is_image=True)
        builder, source = NetworkBuilder(name, image), image
        for item in self.cells(structure, task):
            if item.starts_stage:
                builder.end_stage()
            builder.unit = item.name
            source = item.cell.build(builder, item.name, source)
        return builder.finish()
