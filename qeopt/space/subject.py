"""What a study is about: structures to search, or one network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from qeopt.network import Network
from qeopt.space.genes import Value
from qeopt.space.space import Structure, Task


class Subject(Protocol):
    """A set of structures and the networks they expand to; an imported network is a set of one."""

    @property
    def name(self) -> str:
        """Short name."""
        ...

    @property
    def genes(self) -> tuple[tuple[str, str, tuple[Value, ...]], ...]:
        """Every choice as (block name, gene name, values), in the order of `Structure.values`."""
        ...

    @property
    def size(self) -> int:
        """Number of structures, rules between choices aside."""
        ...

    def structure(self, choices: Mapping[str, Mapping[str, Value]]) -> Structure:
        """Build a structure from values by block and gene name."""
        ...

    def smallest(self) -> Structure:
        """The structure with the least value of every gene that the rules allow."""
        ...

    def named(self, structure: Structure) -> dict[str, dict[str, Value]]:
        """Spell a structure out by block and gene name."""
        ...

    def expand(self, structure: Structure, task: Task, name: str = "network") -> Network:
        """Expand a structure to its network."""
        ...
