"""From parser events to a tree, without recursion and within bounds.

Aliases are expanded by sharing the finished node, so their cost is counted, not paid: a node that would take the tree
past `MAX_NODES` or `MAX_DEPTH` is refused where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ruamel.yaml.error import StringMark
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from qeopt.spec.errors import Location, SpecError, quote
from qeopt.spec.node import Entry, Mapping, Node, Scalar, Sequence
from qeopt.spec.scalars import resolve_plain

MAX_NODES = 20_000
MAX_DEPTH = 64

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
"""What no text has: a NUL ends paths, halves of a character cannot be written. Any other may be spelled with an escape; names are
data, and made visible where people read them."""

Place = Callable[[StringMark | None], Location]


@dataclass(frozen=True, slots=True)
class _Built:
    """A finished node with the size and height it has when all its aliases are written out; a scalar has height 0."""

    node: Node
    size: int = 1
    height: int = 0


@dataclass(slots=True)
class _Open:
    """A list or mapping that is still being read; a mapping's children alternate between keys and values."""

    location: Location
    is_mapping: bool
    anchor: str | None
    children: list[_Built] = field(default_factory=list)
    keys: dict[str, Location] = field(default_factory=dict)


def compose(events: Iterable[Event], place: Place) -> Node | None:
    """Return the tree of a stream of parser events, or None for an empty stream.

    Args:
        events: What the parser yields.
        place: Turns the parser's mark into a location.

    Raises:
        SpecError: The tree is too large or deep, has a duplicate or non-text key, or uses what is not supported.
    """
    return _Composer(place).run(events)


class _Composer:
    def __init__(self, place: Place) -> None:
        self.place = place
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Built | None] = {}
        self.documents = 0
        self.size = 0
        self.root: Node | None = None

    def run(self, events: Iterable[Event]) -> Node | None:
        for event in events:
            location = self.place(event.start_mark)
            if isinstance(event, DocumentStartEvent):
                self._start_document(event, location)
            elif isinstance(event, MappingStartEvent | SequenceStartEvent):
                self._open(event, location)
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                self._close()
            elif isinstance(event, ScalarEvent):
                self._define(event.anchor, _Built(_scalar(event, location)))
            elif isinstance(event, AliasEvent):
                self._add(self._alias(event, location), location)
        return self.root

    def _start_document(self, event: DocumentStartEvent, location: Location) -> None:
        if event.tags or event.version not in {None, (1, 2)}:
            raise SpecError.at(location, "YAML directives are not supported; files are read as YAML 1.2")
        self.documents += 1
        if self.documents > 1:
            raise SpecError.at(location, "a second document starts here; a file holds a single document")

    def _open(self, event: MappingStartEvent | SequenceStartEvent, location: Location) -> None:
        _refuse_tag(event.tag, location)
        self._refuse_as_key(location)
        self._check_depth(1, location)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(location, isinstance(event, MappingStartEvent), event.anchor))

    def _close(self) -> None:
        frame = self.stack.pop()
        node = _finish(frame)
        size = 1 + sum(child.size for child in frame.children)
        height = 1 + max((child.height for child in frame.children), default=0)
        # Its children were counted as they were read; only the node itself is new.
        self.size -= size - 1
        self._define(frame.anchor, _Built(node, size, height))

    def _define(self, anchor: str | None, built: _Built) -> None:
        if anchor is not None:
            self.anchors[anchor] = built
        self._add(built, built.node.location)

    def _alias(self, event: AliasEvent, location: Location) -> _Built:
        if event.anchor not in self.anchors:
            raise SpecError.at(location, f"the alias {quote(event.anchor)} has no anchor of that name above it")
        built = self.anchors[event.anchor]
        if built is None:
            raise SpecError.at(location, f"the alias {quote(event.anchor)} stands inside the value it refers to")
        return built

    def _add(self, built: _Built, location: Location) -> None:
        self.size += built.size
        if self.size > MAX_NODES:
            raise SpecError.at(location, f"more than {MAX_NODES:,} values once aliases are written out; a spec needs a few hundred")
        self._check_depth(built.height, location)
        if not self.stack:
            self.root = built.node
            return
        frame = self.stack[-1]
        if frame.is_mapping and len(frame.children) % 2 == 0:
            _check_key(frame, built.node, location)
        frame.children.append(built)

    def _check_depth(self, height: int, location: Location) -> None:
        if len(self.stack) + height > MAX_DEPTH:
            raise SpecError.at(location, f"nested more than {MAX_DEPTH} levels deep; a spec needs fewer than ten")

    def _refuse_as_key(self, location: Location) -> None:
        if self.stack and self.stack[-1].is_mapping and len(self.stack[-1].children) % 2 == 0:
            raise SpecError.at(location, "a list or mapping cannot be a key; keys are text")


def count_values(data: object) -> int:
    """How many values plain data has when it is written out, as `MAX_NODES` counts them: keys, lists and mappings too."""
    if isinstance(data, dict):
        return 1 + sum(1 + count_values(value) for value in data.values())
    return 1 + sum(map(count_values, data)) if isinstance(data, list | tuple) else 1


def _finish(frame: _Open) -> Node:
    nodes = tuple(child.node for child in frame.children)
    if not frame.is_mapping:
        return Sequence(nodes, frame.location)
    pairs = zip(frame.keys.items(), nodes[1::2], strict=True)
    return Mapping(tuple(Entry(key, location, value) for (key, location), value in pairs), frame.location)


def _scalar(event: ScalarEvent, location: Location) -> Scalar:
    # A quoted scalar carries the non-specific tag '!' in some versions of the parser; it means text and is no user's tag.
    if event.tag != "!":
        _refuse_tag(event.tag, location)
    text = str(event.value)
    if _NO_TEXT.search(text):
        raise SpecError.at(location, "a text holds a control character; write printable text")
    if not event.implicit[0]:
        return Scalar(text, location)
    try:
        return Scalar(resolve_plain(text), location)
    except ValueError as error:
        raise SpecError.at(location, str(error)) from None


def _check_key(frame: _Open, node: Node, location: Location) -> None:
    value = node.value if isinstance(node, Scalar) else None
    if not isinstance(value, str):
        raise SpecError.at(location, f"the key {quote(value)} is not text; keys are names")
    if value == "<<":
        raise SpecError.at(location, "the merge key '<<' is not supported; write the keys out, or use 'extends'")
    if value in frame.keys:
        raise SpecError.at(location, f"duplicate key {quote(value)}; it is already given at {frame.keys[value]}")
    frame.keys[value] = location


def _refuse_tag(tag: object, location: Location) -> None:
    if tag is not None:
        raise SpecError.at(location, "YAML tags are not supported; write the plain value")
