"""What a design assumes of hardware: its device and runtime, and every number of theirs that is not as it ships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qeopt.design.model import Design
from qeopt.files import sha256_of
from qeopt.hardware import Device, Runtime
from qeopt.spec.graft import CHANGED
from qeopt.spec.library import Library, builtin_folder
from qeopt.spec.load import load
from qeopt.spec.model import Block
from qeopt.study import Study
from qeopt.study.differences import MISSING, changed

MOST = 12
"""Differences that are spelled out."""
WORDS = frozenset({"name", "title", "source"})
"""What is said about hardware rather than of it."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """A file that ships."""

    path: Path
    sha256: str


def shipped_file(folder: str, name: str) -> Shipped | None:
    """The file that ships under a name; None where there is none."""
    root = builtin_folder() / folder
    path = root / f"{name}.yaml"
    if not name or Path(name).name != name or not path.is_file():
        return None
    return Shipped(path, sha256_of(path))


def assumptions(design: Design, study: Study) -> tuple[str, ...]:
    """Say what a design rests on that verifying it cannot tell to be true."""
    return (
        *_hardware("device", "devices", Device, study, study.device),
        *_hardware("runtime", "runtimes", Runtime, study, study.runtime),
        *_versions(design),
    )


def _hardware(kind: str, folder: str, model: type[Device | Runtime], study: Study, used: Device | Runtime | None) -> Iterator[str]:
    """Set a device or runtime against what ships under its name, a runtime on the core of the study's device."""
    if used is None:
        yield f"{kind}: none is named"
        return
    name = used.name.removesuffix(CHANGED)
    file = shipped_file(folder, name)
    if file is None:
        yield f"{kind}: {used.name or 'without a name'}, and none of that name ships"
        return
    shipped: Device | Runtime = load(model, file.path, library=Library(), kind=kind, folder=folder).value
    if isinstance(shipped, Runtime):
        shipped = shipped.on(study.device, study.budgets.margin)
    found = changed(_numbers(shipped), _numbers(used))
    if not found:
        yield f"{kind}: {name}, as it ships"
        return
    said = [f"{key} {_spell(now)} instead of {_spell(before)}" for key, before, now in found[:MOST]]
    more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    yield f"{kind}: made for a changed {name}: {'; '.join([*said, *more])}"


def _numbers(block: Block) -> Mapping[str, Any]:
    return block.model_dump(mode="json", by_alias=True, exclude=set(WORDS))


def _spell(value: Any) -> str:
    return "nothing" if value is MISSING or value is None else str(value)


def _versions(design: Design) -> Iterator[str]:
    """Versions other than those here, with which the same study may have another answer."""
    for name, made in design.provenance.versions.items():
        try:
            here = version(name)
        except ImportError:  # PackageNotFoundError
            here = "none"
        if here != made:
            yield f"made with {name} {made}; here is {here}"
