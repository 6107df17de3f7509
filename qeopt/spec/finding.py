"""A pydantic error placed in the tree, and the choice among what the members of a union say about one value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pydantic_core import ErrorDetails

from qeopt.spec.expected import noun_of
from qeopt.spec.model import Block
from qeopt.spec.node import Mapping, Node, Scalar, Sequence, descend, plain
from qeopt.spec.slots import is_block, slots_at

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A pydantic error at a place of the tree.

    Attributes:
        path: The parts of the error's own path that lead through the tree; for a missing or unknown key, its parent's.
        error: What pydantic says.
        key: The missing or unknown key.
        forks: The unions on the way, outermost first: where they are, and which member this is about.
        nouns: If set, what was expected, from several members together.
    """

    path: Path
    error: ErrorDetails
    key: str = ""
    forks: tuple[tuple[Path, str], ...] = ()
    nouns: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """Pydantic's name for the kind of error."""
        return self.error["type"]


def find(details: ErrorDetails, root: Node) -> Finding:
    """Return an error with its place in a tree."""
    loc: Path = tuple(details["loc"])
    key = ""
    if details["type"] in {"missing", "extra_forbidden"} and loc:
        key, loc = str(loc[-1]), loc[:-1]
    path: Path = ()
    forks: list[tuple[Path, str]] = []
    for part, (found, _, _) in zip(loc, descend(root, loc), strict=True):
        if found is None:
            forks.append((path, str(part)))
        else:
            path = (*path, part)
    return Finding(path, details, key, tuple(forks))


def choose(findings: Iterable[Finding], root: Node, model: type[Block], level: int = 0) -> list[Finding]:
    """Return the findings that help: of a union, those of the member that was most likely meant."""
    kept: list[Finding] = []
    by_place: dict[Path, dict[str, list[Finding]]] = {}
    for finding in findings:
        if len(finding.forks) <= level:
            kept.append(finding)
        else:
            place, tag = finding.forks[level]
            by_place.setdefault(place, {}).setdefault(tag, []).append(finding)
    for place, branches in by_place.items():
        meant = _meant(branches, place, root, model)
        if meant:
            kept.extend(choose(meant, root, model, level + 1))
        else:
            kept.append(_together(branches, place, root))
    return kept


def _meant(branches: dict[str, list[Finding]], place: Path, root: Node, model: type[Block]) -> list[Finding]:
    """Return the findings of the member of a union that fits a value best, or none if no member is of its shape."""
    if len(branches) == 1:
        return next(iter(branches.values()))
    node = _node_at(root, place)
    blocks = [slot.type.__name__ for slot in slots_at(model, root, place) if is_block(slot.type)]
    shaped = {tag: found for tag, found in branches.items() if _shape(tag, blocks) is type(node)}
    if isinstance(node, Scalar):
        # That it is neither a text nor a number is best said once for all members; what else is wrong is about one.
        shaped = {tag: found for tag, found in shaped.items() if any(noun_of(finding.error) is None for finding in found)}
    if not shaped:
        return []
    return min(shaped.values(), key=_misfit)


def _together(branches: dict[str, list[Finding]], place: Path, root: Node) -> Finding:
    """Return one finding that says what all members of a union expected of a value that fits none."""
    firsts = [found[0] for found in branches.values()]
    nouns = [noun_of(first.error) for first in firsts if first.path == place]
    error = firsts[0].error.copy()
    error["input"] = plain(_node_at(root, place))
    known = tuple(dict.fromkeys(noun for noun in nouns if noun is not None))
    return replace(firsts[0], path=place, key="", error=error, nouns=known)


def _misfit(findings: list[Finding]) -> tuple[int, int]:
    return sum(finding.type == "extra_forbidden" for finding in findings), len(findings)


def _shape(tag: str, blocks: Iterable[str]) -> type[Node]:
    # Pydantic names a member of a union by its type, wrapped in the names of its validators: the outermost type counts.
    names = "|".join(map(re.escape, blocks)) or "(?!)"
    match = re.search(rf"(?P<mapping>\b(?:{names})\b|dict\[)|(?:tuple|list|set)\[", tag)
    if match is None:
        return Scalar
    return Mapping if match["mapping"] else Sequence


def _node_at(root: Node, path: Path) -> Node:
    node = root
    for _, _, value in descend(root, path):
        node = value
    return node
