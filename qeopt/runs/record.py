"""The folder in which a run keeps what it needs to go on: what was asked for, and the journal of every search."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from qeopt.design.build import resolved
from qeopt.escape import csv_text
from qeopt.files import write_atomically
from qeopt.search import Journal, Progress
from qeopt.spec.errors import Location, QeoptError, SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded
from qeopt.spec.model import Block, build
from qeopt.study import Study
from qeopt.study.differences import differences
from qeopt.study.load import load_study

FORMAT: Literal["qeopt.request/1"] = "qeopt.request/1"
ROUND = ("generation", "evaluations", "feasible", "refined", "best_score", "bound", "seconds")
"""What is written down of a round, beside the shares of the budgets that the best design uses."""
MOST_CHANGES = 20
"""Changes of a study that are spelled out."""


class ResumeError(QeoptError):
    """A run cannot be gone on with, since it would not end as it was begun."""


class Request(Block):
    """What a run was asked for."""

    format: Literal["qeopt.request/1"]
    """Version of this layout."""
    source: str
    """The study's file."""
    overrides: tuple[str, ...]
    """Values replaced on the command line."""
    paths: tuple[str, ...]
    """Folders in which names were looked up first."""
    versions: Mapping[str, str]
    """Versions of this project and of what decides numbers."""
    study: Mapping[str, Any]
    """The study with everything it names resolved."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the design."""
        return hashlib.sha256(json.dumps([self.study, self.versions], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Run:
    """A folder and what is asked for in it."""

    folder: Path
    request: Request

    def journal(self, name: str) -> Journal:
        """The journal of the search called `name`."""
        return Journal(_state(self.folder) / f"{name}.jsonl", f"{self.request.fingerprint}/{name}")

    def write_history(self, histories: Mapping[str, Sequence[Progress]]) -> None:
        """Write how searches went, one row per round, as `history.csv`."""
        rows = [{"search": name, **round_row(progress)} for name, history in histories.items() for progress in history]
        shares = [key for row in rows for key in row if key not in ROUND]
        columns = list(dict.fromkeys(("search", *ROUND, *shares)))
        table = csv_text(columns, ([row.get(column) for column in columns] for row in rows))
        write_atomically(self.folder / "history.csv", table)


def round_row(progress: Progress) -> dict[str, float | None]:
    """What is written down of a round, by column; `sram_share` and the like are the shares of budgets used."""
    return {name: getattr(progress, name) for name in ROUND} | {f"{name}_share": share for name, share in progress.used.items()}


def start_run(folder: Path, loaded: Loaded[Study]) -> Run:
    """Write down what is asked for; whatever an earlier run has left in the folder's state is forgotten."""
    request = Request(
        format=FORMAT,
        source=str(loaded.files[0].path.resolve()),
        overrides=loaded.overrides,
        paths=tuple(str(path.resolve()) for path in loaded.paths),
        versions=_versions(),
        study=resolved(loaded),
    )
    for old in _state(folder).glob("*.jsonl"):
        old.unlink()
    write_atomically(_state(folder) / "request.json", json.dumps(request.model_dump(mode="json"), indent=1) + "\n")
    return Run(folder, request)


def reopen_run(folder: Path) -> tuple[Run, Loaded[Study]]:
    """Read what was asked for in a folder, and the study once more.

    Raises:
        SpecError: when there is no run in the folder, or its study cannot be read any more.
        ResumeError: when the study or a version that decides numbers has changed since.
    """
    request = _read_request(_state(folder) / "request.json")
    loaded = load_study(
        Path(request.source), overrides=request.overrides, library=Library(tuple(Path(path) for path in request.paths))
    )
    changes = [*differences(request.versions, _versions(), "version of "), *differences(request.study, resolved(loaded))]
    if changes:
        more = [f"and {len(changes) - MOST_CHANGES} more"] if len(changes) > MOST_CHANGES else []
        told = "\n  ".join([*changes[:MOST_CHANGES], *more])
        raise ResumeError(f"{folder}: has changed since the run began; undo that, or start again with `qeopt solve`\n  {told}")
    return Run(folder, request), loaded


def _read_request(path: Path) -> Request:
    location = Location(str(path))
    try:
        return build(Request, json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        message = f"cannot be read: {error.strerror}; the folder of a run begun with `qeopt solve` was expected"
        raise SpecError.at(location, message) from None
    except (ValueError, RecursionError, ValidationError):
        raise SpecError.at(location, f"does not say what was asked for ({FORMAT})") from None


def _state(folder: Path) -> Path:
    return folder / "state"


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("qeopt", "ortools", "numpy")}
