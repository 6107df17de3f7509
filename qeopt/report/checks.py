"""What a check says about any kind of file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from qeopt.check import Finding, Weight, check_device, check_runtime, check_study
from qeopt.hardware import Device, Runtime
from qeopt.kinds import Kind, identify
from qeopt.reading import load_study
from qeopt.report.solution import sources_document
from qeopt.report.words import place, used_name
from qeopt.space import Space
from qeopt.spec.library import Library
from qeopt.spec.load import SourceFile, load
from qeopt.spec.model import Block
from qeopt.study import Study
from qeopt.verify import verify

FORMAT = "qeopt.check/1"
DESIGN_SUFFIX = ".json"


@dataclass(frozen=True)
class Check:
    """A file that could be loaded, and what is to be said about it."""

    kind: str
    name: str
    sources: tuple[SourceFile, ...]
    findings: tuple[Finding, ...]

    @property
    def passes(self) -> bool:
        """Whether nothing was found that cannot work."""
        return all(found.weight is not Weight.ERROR for found in self.findings)


def check(name: str, library: Library, overrides: Sequence[str] = ()) -> Check:
    """Load a file of any kind, by path or name, and check it.

    Raises:
        SpecError: when it cannot be loaded.
    """
    if name.endswith(DESIGN_SUFFIX):
        return _check_design(Path(name))
    kind, path = identify(library, name)
    if kind.model is Study:
        loaded = load_study(path, overrides=overrides, library=library)
        return Check(kind.name, loaded.value.name, loaded.files, check_study(loaded.value))
    other = load(kind.model, path, library=library, kind=kind.name, folder=kind.folder, overrides=overrides)
    return Check(kind.name, path.stem, other.files, _check_block(kind, other.value))


def _check_block(kind: Kind, block: Block) -> tuple[Finding, ...]:
    if isinstance(block, Device):
        return check_device(block)
    if isinstance(block, Runtime):
        return check_runtime(block)
    if not isinstance(block, Space):
        return ()
    if kind.name == "network" and block.size > 1:
        return (Finding(Weight.ERROR, "a network leaves no structural choice open; this one has some"),)
    size = "a single structure" if block.size == 1 else f"{block.size:,} structures, rules between blocks aside"
    return (Finding(Weight.NOTE, f"{len(block.blocks)} blocks, {size}"),)


def _check_design(path: Path) -> Check:
    found = verify(path)
    findings = tuple(Finding(Weight.ERROR, text) for text in found.mismatches)
    return Check("design", found.design.study_name, (), findings or (Finding(Weight.NOTE, "every claim holds"),))


def print_check(console: Console, found: Check) -> None:
    """Say what was found, worst first."""
    console.print(f"{found.kind} {found.name}: {'can work' if found.passes else 'cannot work'}")
    for file in found.sources:
        console.print(f"  {used_name(file):<24} {place(file.path)}", soft_wrap=True)
    order = list(Weight)
    for finding in sorted(found.findings, key=lambda finding: order.index(finding.weight)):
        console.print(f"{finding.weight.value}: {finding.text}", soft_wrap=True)


def check_document(found: Check) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        "format": FORMAT,
        "status": "passes" if found.passes else "findings",
        "kind": found.kind,
        "name": found.name,
        "findings": [{**asdict(finding), "weight": finding.weight.value} for finding in found.findings],
        "sources": sources_document(found.sources),
    }
