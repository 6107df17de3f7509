"""Names in a tree replaced by what the files they name hold, wherever the model says that a file may be named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from qeopt.spec.errors import Problem, SpecError, one_of, quote
from qeopt.spec.inherit import EXTENDS, KIND, inherit
from qeopt.spec.library import is_path
from qeopt.spec.model import Block, Reference
from qeopt.spec.node import Entry, Mapping, Node, Scalar, Sequence, count, plain
from qeopt.spec.override import Override, apply_all
from qeopt.spec.plugins import Plugged
from qeopt.spec.slots import Slot, fitting, keys_of
from qeopt.spec.sources import Sources

NAME = "name"
FILE = "file"
_MAX_NAMED = 256
_MAX_VALUES = 100_000
_MAX_CHAIN = 16

Part = str | int

CHANGED = " (changed)"
"""Follows the name of a file of which some values are replaced where it is named."""


@dataclass(slots=True)
class Grafter:
    """Follows the references of one tree; problems are gathered, so that the rest is still looked at.

    Attributes:
        sources: Finds and reads files.
        pending: Overrides of keys inside files that are yet to be read.
        problems: What went wrong.
        broken: The places where it did; what the model says about them adds nothing.
    """

    sources: Sources
    pending: tuple[Override, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    broken: list[tuple[Part, ...]] = field(default_factory=list)
    _chain: list[Path] = field(default_factory=list)
    _opened: int = 0
    _values: int = 0
    _limit: Problem | None = None

    def graft(self, root: Mapping, model: type[Block], origin: Path) -> Mapping:
        """Return the tree of a file with all references of `model` followed, however deep."""
        self._chain.append(origin)
        grafted = self._walk(root, (Slot(model),), ())
        return grafted if isinstance(grafted, Mapping) else root

    @property
    def out_of_reach(self) -> tuple[Override, ...]:
        """The overrides that could not be put in, less those of files that could not be read."""
        broken = [tuple(map(str, path)) for path in self.broken]
        return tuple(item for item in self.pending if not any(item.keys[: len(path)] == path for path in broken))

    def _walk(self, node: Node, slots: tuple[Slot, ...], path: tuple[Part, ...]) -> Node:
        depth = len(self._chain)
        reference = next((mark for slot in slots if (mark := slot.mark(Reference))), None)
        if reference is not None:
            slots = tuple(slot.without(Reference) for slot in slots)
            try:
                node = self._follow(node, reference, slots, path)
            except SpecError as error:
                self.problems.extend(error.problems)
                self.broken.append(path)
                return node
        plugged = next((mark for slot in slots if (mark := slot.mark(Plugged))), None)
        if plugged is not None and isinstance(node, Scalar) and isinstance(node.value, str) and is_path(node.value):
            try:
                node = self._reached(self._open_part(node.value, node, plugged), path)
            except SpecError as error:
                self.problems.extend(error.problems)
                self.broken.append(path)
                return node
        for slot in fitting(slots, node):
            for part, child, inner in tuple(slot.children(node)):
                grafted = self._walk(child, inner, (*path, part))
                if grafted is not child:
                    node = _with_child(node, part, grafted)
        del self._chain[depth:]
        return node

    def _follow(self, node: Node, reference: Reference, slots: tuple[Slot, ...], path: tuple[Part, ...]) -> Node:
        if isinstance(node, Mapping):
            root = self._change(node, reference, slots)
        elif isinstance(node, Scalar) and isinstance(node.value, str) and node.value.lower().endswith(reference.foreign or "\n"):
            root = with_name(Mapping((Entry(FILE, node.location, node),), node.location), Path(node.value).stem, slots)
        elif isinstance(node, Scalar) and isinstance(node.value, str):
            root = self._open(node.value, node, reference, slots)
        else:
            return node
        return self._reached(root, path)

    def _reached(self, root: Mapping, path: tuple[Part, ...]) -> Mapping:
        """Lay the overrides that reach into a file over what it holds."""
        reached = tuple(
            item for item in self.pending if len(item.keys) > len(path) and item.keys[: len(path)] == tuple(map(str, path))
        )
        root, blocked = apply_all(root, [replace(item, keys=item.keys[len(path) :]) for item in reached])
        still = {item.location for item in blocked}
        self.pending = tuple(item for item in self.pending if item not in reached or item.location in still)
        return root

    def _change(self, node: Mapping, reference: Reference, slots: tuple[Slot, ...]) -> Mapping:
        root = inherit(node, reference.kind, reference.folder, self.sources)
        base = node.get(EXTENDS)
        if base is None:
            return root
        self._enter(Path(node.location.file), node, root)
        return with_name(root, f"{Path(str(plain(base))).stem}{CHANGED}", slots)

    def _enter(self, file: Path, node: Node, root: Node) -> None:
        self._opened += 1
        self._values += count(root)
        if self._opened > _MAX_NAMED or self._values > _MAX_VALUES:
            said = f"more than {_MAX_NAMED} files or {_MAX_VALUES:,} values are named in all; a spec needs a few"
            self._limit = self._limit or Problem(node.location, said)
            raise SpecError([self._limit])
        if len(self._chain) >= _MAX_CHAIN:
            raise SpecError.at(
                node.location, f"more than {_MAX_CHAIN} files inside each other; do they name each other in a circle?"
            )
        self._chain.append(file)

    def _open_part(self, name: str, node: Scalar, plugged: Plugged) -> Mapping:
        """Read a part of a table from a file: its ``kind:`` says which, and stays."""
        kinds = plugged.table.names()
        noun = plugged.table.kind.removesuffix("s")
        file = self._found(noun, "", name, node)
        root = self.sources.read(file, noun, node.location).root
        entry = root.entry(KIND)
        kind = None if entry is None else plain(entry.value)
        if kind not in kinds:
            said = "has no 'kind'" if entry is None else f"says kind: {quote(kind)}"
            where = root.location if entry is None else entry.value.location
            raise SpecError.at(where, f"{said}; {one_of(kinds)} was expected")
        self._enter(file, node, root)
        return with_name(root, file.stem, (Slot(plugged.options(str(kind))),))

    def _open(self, name: str, node: Scalar, reference: Reference, slots: tuple[Slot, ...]) -> Mapping:
        file = self._found(reference.kind, reference.folder, name, node)
        document = self.sources.read(file, reference.kind, node.location)
        root = inherit(document.root, reference.kind, reference.folder, self.sources, origin=file)
        self._enter(file, node, root)
        return with_name(root, file.stem, slots)

    def _found(self, kind: str, folder: str, name: str, node: Scalar) -> Path:
        file = self.sources.find(kind, folder, name, node.location)
        chain = [step.resolve() for step in self._chain]
        if file.resolve() in chain:
            circle = " -> ".join(str(step) for step in (*self._chain[chain.index(file.resolve()) :], file))
            raise SpecError.at(node.location, f"files name each other in a circle: {circle}")
        return file


def with_name(root: Mapping, name: str, slots: Iterable[Slot]) -> Mapping:
    """Return a tree with ``name:`` filled in, if the model has that key and the tree does not."""
    if NAME not in keys_of(slots) or root.entry(NAME) is not None:
        return root
    return root.put(NAME, Scalar(name, root.location))


def _with_child(node: Node, part: Part, child: Node) -> Node:
    if isinstance(node, Mapping):
        return node.put(str(part), child)
    if isinstance(node, Sequence) and isinstance(part, int):
        return Sequence((*node.items[:part], child, *node.items[part + 1 :]), node.location)
    return node
