"""What a model says may stand at a place of the tree: the walk shared by grafting and by error texts."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from qeopt.spec.model import Block
from qeopt.spec.node import Mapping, Node, Scalar, Sequence, descend
from qeopt.spec.plugins import Plugged

MarkT = TypeVar("MarkT")


@dataclass(frozen=True, slots=True)
class Slot:
    """One alternative for a value: a type without unions, and the marks on it."""

    type: Any
    marks: tuple[Any, ...] = ()

    def mark(self, kind: type[MarkT]) -> MarkT | None:
        """Return the mark of a given class, or None."""
        return next((mark for mark in self.marks if isinstance(mark, kind)), None)

    def without(self, kind: type[object]) -> Slot:
        """Return the slot less its marks of a given class."""
        return Slot(self.type, tuple(mark for mark in self.marks if not isinstance(mark, kind)))

    def children(self, node: Node) -> Iterator[tuple[str | int, Node, tuple[Slot, ...]]]:
        """Yield the part, value and alternatives of every child of `node` that this type describes."""
        if isinstance(node, Mapping):
            for entry in node.entries:
                if slots := self.child(entry.key):
                    yield entry.key, entry.value, slots
        elif isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                if slots := self.child(index):
                    yield index, item, slots

    def child(self, part: str | int) -> tuple[Slot, ...]:
        """Return the alternatives for the child called `part`; none if there is no such child."""
        if is_block(self.type):
            field = self.type.model_fields.get(part)
            return () if field is None else tuple(alternatives(field.annotation, tuple(field.metadata)))
        arguments = get_args(self.type)
        if not arguments:
            return ()
        if get_origin(self.type) in {dict, abc.Mapping}:
            return tuple(alternatives(arguments[1]))
        if not isinstance(part, int):
            return ()
        if get_origin(self.type) is tuple and arguments[-1] is not Ellipsis:
            return tuple(alternatives(arguments[part])) if part < len(arguments) else ()
        return tuple(alternatives(arguments[0]))


def is_block(annotation: Any) -> bool:
    """Return whether an annotation is a model."""
    return isinstance(annotation, type) and issubclass(annotation, Block)


def alternatives(annotation: Any, marks: tuple[Any, ...] = ()) -> Iterator[Slot]:
    """Yield the members of a possibly annotated, optional or nested union."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        yield from alternatives(inner, (*marks, *more))
    elif origin in {Union, UnionType}:
        for member in get_args(annotation):
            if member is not NoneType:
                yield from alternatives(member, marks)
    elif hasattr(annotation, "__value__"):
        yield from alternatives(annotation.__value__, marks)
    else:
        yield Slot(annotation, marks)


def fitting(slots: Iterable[Slot], node: Node) -> tuple[Slot, ...]:
    """Return the alternatives that a value may be: those whose tags agree with it if there are any, else all."""
    slots = tuple(_plugged(slot, node) for slot in slots)
    return tuple(slot for slot in slots if _tags_agree(slot, node)) or slots


def slots_at(model: type[Block], root: Node, path: Iterable[str | int]) -> tuple[Slot, ...]:
    """Return what `model` allows at the place that `path` leads to, given what stands on the way."""
    slots = fitting((Slot(model),), root)
    for part, _, node in descend(root, path):
        if part is not None:
            slots = fitting((child for slot in slots for child in slot.child(part)), node)
    return slots


def keys_of(slots: Iterable[Slot]) -> tuple[str, ...]:
    """Return the keys that the models among some alternatives have."""
    return tuple(dict.fromkeys(key for slot in slots if is_block(slot.type) for key in slot.type.model_fields))


def _plugged(slot: Slot, node: Node) -> Slot:
    mark = slot.mark(Plugged)
    kind = node.get("kind") if isinstance(node, Mapping) else None
    if mark is None or not isinstance(kind, Scalar) or kind.value not in mark.table.names():
        return slot
    return Slot(mark.options(str(kind.value)))


def _tags_agree(slot: Slot, node: Node) -> bool:
    if not (isinstance(node, Mapping) and is_block(slot.type)):
        return isinstance(node, Sequence) == (get_origin(slot.type) in {tuple, list, set, frozenset})
    for name, field in slot.type.model_fields.items():
        value = node.get(name)
        if get_origin(field.annotation) is Literal and isinstance(value, Scalar) and value.value not in get_args(field.annotation):
            return False
    return True
