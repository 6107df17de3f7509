"""What a check says about any kind of file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qeopt.check import Finding, Weight, check_device, check_runtime, check_study
from qeopt.design.verify import verify
from qeopt.hardware import Device, Runtime
from qeopt.network import macs, weight_count
from qeopt.runs import design_in
from qeopt.space import Space
from qeopt.spec.errors import Location
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded, SourceFile, load
from qeopt.spec.model import Block
from qeopt.spec.node import Mapping, locate
from qeopt.spec.units import counted
from qeopt.study import Study
from qeopt.study.file_kinds import KINDS, NetworkFile, check_unchanged, identify, load_network, stated_network
from qeopt.study.load import load_study

DESIGN_SUFFIX = ".json"


@dataclass(frozen=True)
class Check:
    """A file that could be loaded, and what is to be said about it."""

    kind: str
    name: str
    sources: tuple[SourceFile, ...]
    findings: tuple[Finding, ...]
    root: Mapping | None = None
    """The tree of the file, in which findings have their places; None for a design."""

    def location(self, finding: Finding) -> Location | None:
        """Where the value stands that a finding is about; None where it is about none."""
        return locate(self.root, finding.key) if self.root is not None and finding.key else None

    @property
    def passes(self) -> bool:
        """Whether nothing was found that cannot work."""
        return all(found.weight is not Weight.ERROR for found in self.findings)


def check_file(source: Path | str, *, overrides: Sequence[str] = (), library: Library | None = None) -> Check:
    """Load a file of any kind and tell, before anything is solved, whether it can ever work.

    Args:
        source: A study, device, runtime, space, network or model file, by path or name; or a design.json or the folder of a run.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.

    Raises:
        SpecError: when it cannot be loaded.
    """
    name, library = str(source), library or Library()
    if name.endswith(DESIGN_SUFFIX) or Path(name).is_dir():
        check_unchanged(name, overrides)
        return _check_design(design_in(Path(name)))
    kind, path = identify(library, name)
    if kind.model is Study:
        loaded = load_study(path, overrides=overrides, library=library)
        return Check(kind.name, loaded.value.name, loaded.files, check_study(loaded.value, library), loaded.root)
    if kind is KINDS["network"]:
        network = load_network(path, library=library, overrides=overrides)
        return Check(kind.name, path.stem, network.files, tuple(_check_network(network)), network.root)
    other = load(kind.model, path, library=library, kind=kind.name, folder=kind.folder, overrides=overrides)
    return Check(kind.name, path.stem, other.files, _check_block(other.value))


def _check_block(block: Block) -> tuple[Finding, ...]:
    if isinstance(block, Device):
        return check_device(block)
    if isinstance(block, Runtime):
        return check_runtime(block)
    return (_blocks(block),) if isinstance(block, Space) else ()


def _blocks(space: Space) -> Finding:
    size = "a single structure" if space.size == 1 else f"{space.size:,} structures, rules between blocks aside"
    return Finding(Weight.NOTE, f"{counted(len(space.blocks), 'block')}, {size}")


def _check_network(loaded: Loaded[NetworkFile]) -> Iterator[Finding]:
    """What a network file holds; a model file is read by its importer.

    Raises:
        SpecError: when a model file cannot be read.
    """
    found = stated_network(loaded)
    if isinstance(found, Space):
        open_ = Finding(Weight.ERROR, "a network leaves no structural choice open; this one has some", ("network", "blocks"))
        yield _blocks(found) if found.size == 1 else open_
        return
    network = found.network
    weights, work = (sum(int(of(op)) for op in network.ops) for of in (weight_count, macs))
    height, width, channels = network.tensors[0].height, network.tensors[0].width, network.tensors[0].channels
    yield Finding(Weight.NOTE, ", ".join((counted(len(network.ops), "operator"), counted(weights, "weight"), counted(work, "MAC"))))
    yield Finding(Weight.NOTE, f"it reads an image of [{height}, {width}, {channels}]: the `task` of a study has to say so")
    yield from (Finding(Weight.WARNING, note) for note in found.notes)


def _check_design(path: Path) -> Check:
    found = verify(path)
    findings = tuple(Finding(Weight.ERROR, text) for text in found.mismatches)
    return Check("design", found.design.study_name, (), findings or (Finding(Weight.NOTE, "every claim holds"),))
