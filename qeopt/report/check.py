"""What a check found, for a person and as a document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console

from qeopt.check import Finding, Weight
from qeopt.report.solution import sources_document
from qeopt.report.words import of_kind, used_files
from qeopt.verbs.check import Check

FORMAT = "qeopt.check/1"


def print_check(console: Console, found: Check) -> None:
    """Say what was found, worst first."""
    console.print(f"{of_kind(found.kind, found.name)}: {'can work' if found.passes else 'cannot work'}")
    for said in used_files(found.sources):
        console.print(said, soft_wrap=True)
    order = list(Weight)
    for finding in sorted(found.findings, key=lambda finding: order.index(finding.weight)):
        location = found.location(finding)
        where = "" if location is None else f"{location}: "
        console.print(f"{finding.weight.value}: {where}{finding.text}", soft_wrap=True)


def check_document(found: Check) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        "format": FORMAT,
        "status": "passes" if found.passes else "findings",
        "kind": found.kind,
        "name": found.name,
        "findings": [_finding_document(found, finding) for finding in found.findings],
        "sources": sources_document(found.sources),
    }


def _finding_document(found: Check, finding: Finding) -> dict[str, Any]:
    location = found.location(finding)
    return {
        "weight": finding.weight.value,
        "text": finding.text,
        "key": ".".join(finding.key) or None,
        "place": None if location is None else asdict(location),
        "change": dict(finding.change),
    }
