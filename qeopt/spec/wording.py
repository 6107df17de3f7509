"""What pydantic found, in our own words: which value, what was expected, did you mean; one problem per mistake."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Items

from pydantic import ValidationError

from qeopt.spec.errors import MAX_SHOWN, Location, Problem, did_you_mean, nearest, quote
from qeopt.spec.expected import any_of, expectation, noun_of
from qeopt.spec.finding import Finding, Path, choose, find
from qeopt.spec.inherit import EXTENDS
from qeopt.spec.model import Block, Reference
from qeopt.spec.node import Node, locate, locate_key
from qeopt.spec.slots import keys_of, slots_at


def problems_of(error: ValidationError, root: Node, model: type[Block], broken: Iterable[Path] = ()) -> list[Problem]:
    """Return what is wrong with a tree.

    Args:
        error: What pydantic says about it.
        root: The tree.
        model: What it was checked against.
        broken: Places already known to be wrong; nothing more is said about them.
    """
    # A wrong file may have a mistake on each of thousands of lines; nobody reads more of them than are shown.
    findings = [find(details, root) for details in error.errors(include_url=False)[: 2 * MAX_SHOWN]]
    known = tuple(broken)
    findings = [finding for finding in findings if not any(finding.path[: len(path)] == path for path in known)]
    findings = choose(findings, root, model)
    problems, findings = _pair_keys(findings, root)
    return problems + [_problem(finding, root, model) for finding in findings]


def _pair_keys(findings: list[Finding], root: Node) -> tuple[list[Problem], list[Finding]]:
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
        message = f"unknown key {quote(extra.key)}{_inside(extra.path)}, and '{match}' is missing; did you mean '{match}'?"
        problems.append(Problem(_key_location(extra, root), message))
        rest = [other for other in rest if other is not extra and not (other in missing and other.key == match)]
    return problems, rest


def _problem(finding: Finding, root: Node, model: type[Block]) -> Problem:
    if finding.type == "missing" and finding.key.isdigit():
        return Problem(locate(root, finding.path), f"{dotted(finding.path)} has too few items")
    if finding.type == "missing":
        return Problem(locate(root, finding.path), f"missing '{finding.key}'{_inside(finding.path)}")
    if finding.type == "extra_forbidden":
        slots = slots_at(model, root, finding.path)
        keys = keys_of(slots)
        may_extend = not finding.path or any(slot.mark(Reference) for slot in slots)
        hint = did_you_mean(finding.key, (*keys, EXTENDS) if may_extend else keys) or _list_keys(keys)
        return Problem(_key_location(finding, root), f"unknown key {quote(finding.key)}{_inside(finding.path)}{hint}")
    if finding.type == "union_tag_not_found":
        return Problem(locate(root, finding.path), f"missing {finding.error['ctx']['discriminator']}{_inside(finding.path)}")
    nouns = finding.nouns or _named_nouns(finding, root, model)
    words = any_of(finding.error, nouns) if nouns else expectation(finding.error)
    subject = dotted(finding.path)
    return Problem(locate(root, finding.path), f"{subject}{words}" if subject else words.removeprefix(": "))


def _named_nouns(finding: Finding, root: Node, model: type[Block]) -> tuple[str, ...]:
    """Return what may stand for a file, if one may be named at the place of a finding."""
    if noun_of(finding.error) != "a mapping":
        return ()
    reference = next((mark for slot in slots_at(model, root, finding.path) if (mark := slot.mark(Reference))), None)
    return () if reference is None else (f"the name of a {reference.kind}", "a path", "a mapping")


def _key_location(finding: Finding, root: Node) -> Location:
    return locate_key(root, (*finding.path, finding.key))


def _inside(path: Path) -> str:
    return f" in {dotted(path)}" if path else ""


def _list_keys(keys: Items[str]) -> str:
    return f"; the keys here are {', '.join(keys)}" if 0 < len(keys) <= 20 else ""


def dotted(path: Path) -> str:
    """Return a path as people write it: ``bits.weights[1]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{'.' if text else ''}{part if part.isidentifier() else quote(part)}"
    return text
