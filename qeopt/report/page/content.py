"""What a page holds, before it is HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from qeopt.report.pictures.picture import Picture


@dataclass(frozen=True)
class Words:
    """Sentences, one below the other."""

    lines: Sequence[str]
    kind: str = "words"


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    text: str
    order: float | None = None
    """What rows are sorted by where that is no text."""
    share: float | None = None
    """Of a whole, drawn as a bar behind the text."""
    is_code: bool = False
    """Whether it is read letter by letter: a checksum, a command."""


@dataclass(frozen=True)
class Table:
    """Rows that can be sorted by every column."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    folded: bool = False
    """Whether it is opened on demand only; on paper it is open."""
    strong: int | None = None
    """Number of the row that matters."""
    kind: str = "table"

    @cached_property
    def numeric(self) -> list[bool]:
        """By column, whether it holds numbers."""
        return [any(row[place].order is not None for row in self.rows) for place in range(len(self.headings))]


@dataclass(frozen=True)
class Chip:
    """The bits of one operator in a block."""

    text: str
    bits: int
    colour: str
    ink: str
    title: str


@dataclass(frozen=True)
class BlockCard:
    """One block of a network."""

    name: str
    shape: str
    chips: Sequence[Chip]
    facts: Sequence[str]
    share: float
    """Of the memory that the step with most needs."""
    is_peak: bool


@dataclass(frozen=True)
class Blocks:
    """A network as blocks one after the other."""

    blocks: Sequence[BlockCard]
    alt: str
    kind: str = "blocks"


@dataclass(frozen=True)
class Commands:
    """What to type next."""

    lines: Sequence[tuple[str, str]]
    """What a command does, and the command."""
    kind: str = "commands"


@dataclass(frozen=True)
class Shown:
    """A picture in a page."""

    picture: Picture
    wide: bool = False
    """Whether it may need to be scrolled."""
    kind: str = "picture"


@dataclass(frozen=True)
class Pair:
    """Pictures of the same of several designs, side by side where there is room."""

    pictures: Sequence[Picture]
    kind: str = "pair"


Part: TypeAlias = Words | Table | Blocks | Commands | Shown | Pair


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    name: str
    heading: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Fact:
    """A number that is seen first."""

    name: str
    value: str
    note: str = ""
    share: float | None = None


@dataclass(frozen=True)
class Page:
    """A page."""

    title: str
    subtitle: str
    facts: Sequence[Fact]
    sections: Sequence[Section]
    made: str
    """What made it and when."""
