"""Networks that leave no structural choice: written out operator by operator, or in a file of another tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from qeopt.network import Network
from qeopt.network.document import GraphBlock
from qeopt.network.importers import ImportOptions
from qeopt.space.genes import Value
from qeopt.space.space import Structure, Task

MODEL_SUFFIXES = (".onnx", ".tflite", ".json")
"""Endings of files that are no YAML; a study may name such a file instead of a network."""


class GraphNetwork(GraphBlock):
    """One network, operator by operator; names and shapes are stated, whatever the task says."""

    name: str = ""
    """Short name; the file's name unless stated."""
    title: str = ""
    """What a person would call it."""

    @property
    def genes(self) -> tuple[tuple[str, str, tuple[Value, ...]], ...]:
        """No choice."""
        return ()

    @property
    def size(self) -> int:
        """One structure."""
        return 1

    def structure(self, choices: Mapping[str, Mapping[str, Value]]) -> Structure:
        """The only structure.

        Raises:
            ValueError: naming a choice, as there is none.
        """
        for block in choices:
            raise ValueError(f"the network has no choice {block!r}")
        return self.smallest()

    def smallest(self) -> Structure:
        """The only structure."""
        return Structure(())

    def named(self, structure: Structure) -> dict[str, dict[str, Value]]:
        """Nothing: there is no choice."""
        return {}

    def expand(self, structure: Structure, task: Task, name: str = "network") -> Network:
        """The network."""
        return self.network(name)

    def misfit(self, task: Task) -> tuple[str, str] | None:
        """Say which field of a task is not what the network reads or writes, and why."""
        if self.image.shape != task.input:
            return "input", f"the network reads an image of {list(self.image.shape)}, the task says {list(task.input)}"
        written = {int(tensor.channels) for tensor in self.network(self.name).outputs}
        if task.classes not in written:
            return (
                "classes",
                f"the network writes {', '.join(map(str, sorted(written)))} values, the task has {task.classes} classes",
            )
        return None


class FileNetwork(ImportOptions):
    """A network in a file of another tool (ONNX, TFLite, MCUNet JSON)."""

    name: str = ""
    """Short name; the file's name unless stated."""
    title: str = ""
    """What a person would call it."""
    file: Annotated[str, Field(min_length=1)]
    """The file, beside the one that names it or by a path from there."""
    format: str | None = None
    """Importer that reads it; told from the file's ending unless stated."""
