"""What pydantic found, in our own words: which value, what was expected, did you mean; one problem per mistake."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Items
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from qeopt.spec.errors import Location, Problem, did_you_mean, nearest
from qeopt.spec.expected import expectation
from qeopt.spec.model import Block
from qeopt.spec.node import Mapping, Node, Scalar, descend, locate, locate_key
from qeopt.spec.slots import keys_of, slots_at

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Finding:
    """A pydantic error at a place of the tree.

    Attributes:
        path: The parts of the error's path that lead through the tree; for a missing or unknown key, its parent's.
        key: The missing or unknown key; empty for others.
        branch: Which member of a union it is about; empty if none is named.
        error: What pydantic says.
    """

    path: Path
    key: str
    branch: Path
    error: ErrorDetails

    @property
    def type(self) -> str:
        return self.error["type"]


def problems_of(error: ValidationError, root: Node, model: type[Block], broken: Iterable[Path] = ()) -> list[Problem]:
    """Return what is wrong with a tree.

    Args:
        error: What pydantic says about it.
        root: The tree.
        model: What it was checked against.
        broken: Places already known to be wrong; nothing more is said about them.
    """
    findings = [_find(details, root) for details in error.errors(include_url=False)]
    known = tuple(broken)
    findings = [finding for finding in findings if not any(finding.path[: len(path)] == path for path in known)]
    findings = _choose_branches(findings, root)
    problems, findings = _pair_keys(findings, root)
    return problems + [_problem(finding, root, model) for finding in findings]


def _find(details: ErrorDetails, root: Node) -> _Finding:
    loc: Path = tuple(details["loc"])
    key = ""
    if details["type"] in {"missing", "extra_forbidden"} and loc:
        key, loc = str(loc[-1]), loc[:-1]
    steps = [(part, found) for part, (found, _, _) in zip(loc, descend(root, loc), strict=True)]
    path = tuple(part for part, found in steps if found is not None)
    return _Finding(path, key, tuple(part for part, found in steps if found is None), details)


_WRONG_SHAPE = ("model_type", "model_attributes_type", "dict_type", "tuple_type", "list_type")


def _choose_branches(findings: list[_Finding], root: Node) -> list[_Finding]:
    """Of what every member of a union says about one value, keep what the members of the right shape say."""
    kept = []
    for finding in findings:
        rivals = [other for other in findings if other.branch != finding.branch and other.branch and finding.branch]
        rivals = [other for other in rivals if other.path[: len(finding.path)] == finding.path]
        if rivals and not _is_right_shape(finding, root) and any(_is_right_shape(other, root) for other in rivals):
            continue
        kept.append(finding)
    return kept


def _is_right_shape(finding: _Finding, root: Node) -> bool:
    if finding.key:
        return True
    *_, (_, _, node) = [(None, None, root), *descend(root, finding.path)]
    if isinstance(node, Scalar):
        return finding.type not in _WRONG_SHAPE
    if isinstance(node, Mapping):
        return not finding.type.endswith("_type") and finding.type != "value_error"
    return not finding.type.endswith("_type")


def _pair_keys(findings: list[_Finding], root: Node) -> tuple[list[Problem], list[_Finding]]:
    """Say in one message that an unknown key probably is a missing one, misspelt."""
    problems = []
    rest = list(findings)
    for extra in findings:
        if extra.type != "extra_forbidden":
            continue
        missing = [other for other in rest if other.type == "missing" and other.path == extra.path]
        match = nearest(extra.key, [other.key for other in missing])
        if match is None:
            continue
        message = f"unknown key '{extra.key}'{_inside(extra.path)}, and '{match}' is missing; did you mean '{match}'?"
        problems.append(Problem(_key_location(extra, root), message))
        rest = [other for other in rest if other is not extra and not (other in missing and other.key == match)]
    return problems, rest


def _problem(finding: _Finding, root: Node, model: type[Block]) -> Problem:
    if finding.type == "missing":
        return Problem(locate(root, finding.path), f"missing '{finding.key}'{_inside(finding.path)}")
    if finding.type == "extra_forbidden":
        keys = keys_of(slots_at(model, root, finding.path))
        hint = did_you_mean(finding.key, keys) or _list_keys(keys)
        return Problem(_key_location(finding, root), f"unknown key '{finding.key}'{_inside(finding.path)}{hint}")
    if finding.type == "union_tag_not_found":
        return Problem(locate(root, finding.path), f"missing {finding.error['ctx']['discriminator']}{_inside(finding.path)}")
    words = expectation(finding.error)
    subject = dotted(finding.path)
    return Problem(locate(root, finding.path), f"{subject}{words}" if subject else words.removeprefix(": "))


def _key_location(finding: _Finding, root: Node) -> Location:
    return locate_key(root, (*finding.path, finding.key))


def _inside(path: Path) -> str:
    return f" in {dotted(path)}" if path else ""


def _list_keys(keys: Items[str]) -> str:
    return f"; the keys here are {', '.join(keys)}" if 0 < len(keys) <= 20 else ""


def dotted(path: Path) -> str:
    """Return a path as people write it: ``bits.weights[1]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
