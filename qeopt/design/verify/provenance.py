"""Set what a design says of its making against its study, and against the files that ship."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qeopt.design.build import resolved
from qeopt.design.model import Design
from qeopt.design.verify.hardware import shipped_file
from qeopt.spec.errors import QeoptError
from qeopt.study import Study
from qeopt.study.differences import differences
from qeopt.study.load import load_study

HASH = re.compile("[0-9a-f]{64}")
FOLDERS = {"study": "", "device": "devices", "runtime": "runtimes", "space": "spaces", "network": "networks"}
"""By what a file was read for: the folder in which such files ship."""
MOST = 5
"""Differences that are spelled out."""
VERSIONED = ("qeopt", "ortools", "numpy")


def provenance_faults(design: Design, study: Study) -> list[str]:
    """What does not hold of the design's provenance."""
    made = design.provenance
    found = [f"provenance: the version of {name} is missing" for name in VERSIONED if name not in made.versions]
    if made.seed != study.search.seed:
        found.append(f"provenance.seed: the design says {made.seed}, its study {study.search.seed}")
    found += [f"provenance: {file.name}: {file.sha256!r} is no SHA-256" for file in made.files if not HASH.fullmatch(file.sha256)]
    return [*found, *_made_of_shipped(design)]


def _made_of_shipped(design: Design) -> Iterator[str]:
    """Where every file is said to be as it ships, the study must be what these files and the overrides make."""
    files = design.provenance.files
    if not files or files[0].role != "study" or not all(_ships(file.role, file.name, file.sha256) for file in files):
        return
    try:
        loaded = load_study(files[0].name.removesuffix(".yaml"), overrides=design.provenance.overrides)
    except QeoptError as error:
        yield f"provenance: the files that ship and these overrides make no study: {error}"
        return
    hashes = {(file.path.name, file.role, file.sha256) for file in loaded.files}
    if hashes != {(file.name, file.role, file.sha256) for file in files}:
        yield "provenance: the study that ships under this name is read from other files"
        return
    changes = differences(resolved(loaded), design.study)
    more = [f"and {len(changes) - MOST} more"] if len(changes) > MOST else []
    if changes:
        yield f"study: not what the files that ship make with these overrides: {'; '.join([*changes[:MOST], *more])}"


def _ships(role: str, name: str, sha256: str) -> bool:
    """Whether a file of this name ships, with this hash."""
    if role not in FOLDERS:
        return False
    shipped = shipped_file(FOLDERS[role], name.removesuffix(".yaml"))
    return shipped is not None and shipped.sha256 == sha256
