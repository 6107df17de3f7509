"""The tree a YAML text becomes: plain values, each with the place where it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from qeopt.spec.errors import Location


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value of the YAML 1.2 core schema."""

    value: str | int | float | bool | None
    location: Location


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    location: Location


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping, where it stands, and its value."""

    key: str
    location: Location
    value: Node


IN_OTHER_WORDS = {"fps": "latency_ms", "latency_ms": "fps"}
"""Keys that state one thing in two ways: a change of one replaces the other. Both in one place are refused by the model."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping with text keys, in the order written."""

    entries: tuple[Entry, ...]
    location: Location

    def get(self, key: str) -> Node | None:
        """Return the value under `key`, or None."""
        entry = self.entry(key)
        return None if entry is None else entry.value

    def entry(self, key: str) -> Entry | None:
        """Return the entry of `key`, or None."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def without(self, *keys: str) -> Mapping:
        """Return a copy that lacks `keys`."""
        return Mapping(tuple(entry for entry in self.entries if entry.key not in keys), self.location)

    def put(self, key: str, value: Node, location: Location | None = None) -> Mapping:
        """Return a copy in which `key` holds `value`; its place in the order, and its location unless given, are kept."""
        old = self.entry(key)
        if old is None:
            return Mapping((*self.entries, Entry(key, location or value.location, value)), self.location)
        new = Entry(key, location or old.location, value)
        return Mapping(tuple(new if entry is old else entry for entry in self.entries), self.location)


Node: TypeAlias = Scalar | Sequence | Mapping
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"


def plain(node: Node) -> Plain:
    """Return the values of a tree without their places: dicts, lists and scalars."""
    if isinstance(node, Mapping):
        return {entry.key: plain(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


def tree(value: Plain, location: Location) -> Node:
    """Return the tree of plain values, all of which stand at one place."""
    if isinstance(value, dict):
        return Mapping(tuple(Entry(key, location, tree(item, location)) for key, item in value.items()), location)
    if isinstance(value, list):
        return Sequence(tuple(tree(item, location) for item in value), location)
    return Scalar(value, location)


def count(node: Node) -> int:
    """Return the number of lists, mappings and scalars in a tree, itself included."""
    total, rest = 0, [node]
    while rest:
        node = rest.pop()
        total += 1
        if isinstance(node, Mapping):
            rest.extend(entry.value for entry in node.entries)
        elif isinstance(node, Sequence):
            rest.extend(node.items)
    return total


def locate(node: Node, path: Iterable[str | int]) -> Location:
    """Return where the value at `path` stands.

    Parts of the path that the tree lacks are skipped: the tags that pydantic puts into the path of a union, and a key
    that is missing, whose place is its parent's. A scalar is placed at its value; a list or mapping at its key.
    """
    place = node.location
    for part, key_place, value in descend(node, path):
        if part is not None:
            place = key_place if key_place is not None and not isinstance(value, Scalar) else value.location
    return place


def locate_key(node: Node, path: Iterable[str | int]) -> Location:
    """Return where the last key of `path` that the tree has stands."""
    place = node.location
    for part, key_place, value in descend(node, path):
        if part is not None:
            place = key_place or value.location
    return place


def descend(node: Node, path: Iterable[str | int]) -> Iterator[tuple[str | int | None, Location | None, Node]]:
    """Walk down a tree, giving for each part of `path` the part (None if the tree lacks it), its key's place and the value."""
    for part in path:
        if isinstance(node, Mapping) and (entry := node.entry(str(part))) is not None:
            node = entry.value
            yield part, entry.location, node
        elif isinstance(node, Sequence) and isinstance(part, int) and 0 <= part < len(node.items):
            node = node.items[part]
            yield part, None, node
        else:
            yield None, None, node
