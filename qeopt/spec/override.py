"""Values given on the command line, ``KEY=VALUE`` with a dotted key, put into the tree."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
from typing import Self

from qeopt.spec.document import parse_value
from qeopt.spec.errors import Location, SpecError, quote
from qeopt.spec.node import IN_OTHER_WORDS, Mapping, Node, Scalar, Sequence, plain

OPTION = "--set"
_MAX_KEYS = 16


class Spelled(str):
    """A ``KEY=VALUE`` text that was given as an option of its own, which messages name instead of `--set`."""

    option: str

    def __new__(cls, text: str, option: str) -> Self:
        """A text that is called by an option."""
        found = super().__new__(cls, text)
        found.option = option
        return found

    def __reduce__(self) -> tuple[type[Spelled], tuple[str, str]]:
        """Both parts; a copy of a text alone would forget the option."""
        return Spelled, (str(self), self.option)


@dataclass(frozen=True, slots=True)
class Override:
    """A value that replaces what stands under some keys.

    Attributes:
        keys: The keys still to go down, outermost first.
        value: What to put there.
        location: The option as the user gave it.
    """

    keys: tuple[str, ...]
    value: Node
    location: Location


class BlockedError(Exception):
    """Something that is neither a list nor a mapping stands in the way of an override.

    Attributes:
        node: What stands there.
        left: How many keys are still to go down.
    """

    def __init__(self, node: Node, left: int) -> None:
        self.node = node
        self.left = left
        super().__init__()


def parse_override(text: str) -> Override:
    """Return the override that ``KEY=VALUE`` stands for; the value is YAML.

    Raises:
        SpecError: It has no key or no value, or the value is not YAML.
    """
    said = text.option if isinstance(text, Spelled) else f"{OPTION} {text}"
    location = Location(said if len(said) <= 86 else f"{said[:83]}...")
    key, separator, value = text.partition("=")
    keys = tuple(key.strip().split("."))
    if not separator or not all(keys) or len(keys) > _MAX_KEYS:
        raise SpecError.at(location, "KEY=VALUE was expected, such as budgets.layers=47; dots separate nested keys")
    return Override(keys, parse_value(value, location), location)


def apply(root: Mapping, override: Override) -> Mapping:
    """Return `root` with the value of an override put in; mappings on the way are made if they are missing.

    Raises:
        BlockedError: Something else stands on the way.
    """
    changed = _put(root, override)
    if not isinstance(changed, Mapping):
        raise BlockedError(changed, len(override.keys))
    return changed


def apply_all(root: Mapping, overrides: Items[Override]) -> tuple[Mapping, tuple[Override, ...]]:
    """Return `root` with all overrides put in, in order, and those that were blocked."""
    blocked = []
    stated = {override.keys for override in overrides}
    for override in overrides:
        try:
            root = apply(_without_other_words(root, override.keys, stated), override)
        except BlockedError:
            blocked.append(override)
    return root, tuple(blocked)


def _without_other_words(root: Mapping, keys: tuple[str, ...], stated: set[tuple[str, ...]]) -> Mapping:
    """Return `root` without what an override of `keys` says anew, unless another override states that too."""
    *path, last = keys
    other = IN_OTHER_WORDS.get(last)
    inner: Node | None = root
    for key in path:
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    if other is None or (*path, other) in stated or not isinstance(inner, Mapping) or inner.entry(other) is None:
        return root
    return apply(root, Override(tuple(path), inner.without(other), inner.location)) if path else root.without(other)


def blocked_message(root: Mapping, override: Override) -> str:
    """Return why an override could not be put in."""
    try:
        apply(root, override)
    except BlockedError as error:
        key = ".".join(override.keys[: len(override.keys) - error.left])
        return f"'{key}' holds {quote(plain(error.node))}; a mapping was expected"
    return "it comes too late to change what was read before it"


def _put(node: Node | None, override: Override) -> Node:
    if not override.keys:
        return override.value
    key, rest = override.keys[0], replace(override, keys=override.keys[1:])
    if node is None or (isinstance(node, Scalar) and node.value is None):
        node = Mapping((), override.location)
    if isinstance(node, Sequence) and key.isascii() and key.isdigit() and len(key) < 5 and int(key) < len(node.items):
        index = int(key)
        return Sequence((*node.items[:index], _put(node.items[index], rest), *node.items[index + 1 :]), node.location)
    if not isinstance(node, Mapping):
        raise BlockedError(node, len(override.keys))
    known = rest.keys and node.entry(key) is not None
    return node.put(key, _put(node.get(key), rest), None if known else override.location)
