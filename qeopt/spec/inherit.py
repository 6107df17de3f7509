"""``kind:`` and ``extends:``: what a file is, and the file of the same kind that it changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qeopt.spec.errors import Location, SpecError, did_you_mean, nearest, quote
from qeopt.spec.node import IN_OTHER_WORDS, Mapping, Node, Scalar, plain
from qeopt.spec.sources import Sources

KIND = "kind"
EXTENDS = "extends"


def check_kind(root: Mapping, kind: str, *, required: bool) -> None:
    """Check that a mapping says it is of a kind.

    Raises:
        SpecError: It says another kind; or says none although it must.
    """
    entry = root.entry(KIND)
    if entry is None:
        if required:
            close = nearest(KIND, (entry.key for entry in root.entries))
            hint = "" if close is None else f"; did you mean '{KIND}' by '{close}'?"
            raise SpecError.at(root.location, f"missing '{KIND}: {kind}'; every file says what it is{hint}")
        return
    value = plain(entry.value)
    if value == kind:
        return
    said = f"this is a {value} file" if isinstance(value, str) and value.isidentifier() else f"the kind {quote(value)} is unknown"
    hint = did_you_mean(value, (kind,)) if isinstance(value, str) else ""
    raise SpecError.at(entry.value.location, f"{said}; a {kind} was expected{hint}")


def inherit(root: Mapping, kind: str, folder: str, sources: Sources, *, origin: Path | None = None) -> Mapping:
    """Return a mapping with everything it extends merged in, and without ``kind:`` and ``extends:``.

    Mappings are merged key by key; lists and scalars replace. A mapping whose own ``kind:`` differs replaces too, because
    the options of one kind mean nothing to another. ``name:`` is never inherited.

    Args:
        root: A file's root, or an inline mapping.
        kind: What it must be, and what it may extend.
        folder: Where names of that kind are looked up.
        sources: Finds and reads files.
        origin: The file that `root` is; None for an inline mapping.

    Raises:
        SpecError: A wrong kind, an unknown name, or files that extend each other in a circle.
    """
    check_kind(root, kind, required=origin is not None)
    chain = [] if origin is None else [origin]
    layers = [root]
    while (entry := layers[-1].entry(EXTENDS)) is not None:
        if not (isinstance(entry.value, Scalar) and isinstance(entry.value.value, str)):
            raise SpecError.at(
                entry.value.location, f"'{EXTENDS}' is {quote(plain(entry.value))}; the name of one {kind} was expected"
            )
        path = sources.find(kind, folder, entry.value.value, entry.value.location)
        _refuse_cycle(chain, path, entry.location)
        parent = sources.read(path, f"{kind} (extended)", entry.value.location)
        check_kind(parent.root, kind, required=True)
        chain.append(path)
        layers.append(parent.root)
    merged = layers.pop()
    while layers:
        merged = _merge_mappings(merged.without("name"), layers.pop())
    return merged.without(KIND, EXTENDS)


def merge(base: Node, change: Node) -> Node:
    """Return `base` with `change` laid over it; places are kept."""
    if not (isinstance(base, Mapping) and isinstance(change, Mapping)):
        return change
    kinds = base.get(KIND), change.get(KIND)
    if kinds[0] is not None and kinds[1] is not None and plain(kinds[0]) != plain(kinds[1]):
        return change
    return _merge_mappings(base, change)


def _merge_mappings(base: Mapping, change: Mapping) -> Mapping:
    said_anew = [IN_OTHER_WORDS[entry.key] for entry in change.entries if entry.key in IN_OTHER_WORDS]
    entries = {entry.key: entry for entry in base.without(*said_anew).entries}
    for entry in change.entries:
        old = entries.get(entry.key)
        entries[entry.key] = entry if old is None else replace(entry, value=merge(old.value, entry.value))
    return Mapping(tuple(entries.values()), change.location)


def _refuse_cycle(chain: list[Path], path: Path, location: Location) -> None:
    resolved = [step.resolve() for step in chain]
    if path.resolve() in resolved:
        circle = " -> ".join(str(step) for step in (*chain[resolved.index(path.resolve()) :], path))
        raise SpecError.at(location, f"'{EXTENDS}' goes round in a circle: {circle}")
