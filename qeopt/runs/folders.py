"""Folders of runs: `runs/STUDY/1`, `runs/STUDY/2`, ..., and `runs/STUDY/latest`, which stands for the newest that ended.

A run never writes into the folder of another, and never takes away or replaces what it did not write itself.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qeopt.runs.lock import LockedError, hold
from qeopt.spec.errors import Location, QeoptError, SpecError, did_you_mean

ROOT = Path("runs")
DESIGN = "design.json"
LATEST = "latest"
MARKS = (
    DESIGN,
    "comparison.json",
    "sweep.json",
    "features.csv",
    "correlations.json",
    "explanation.json",
    "side_by_side.json",
    "run.json",
    "state/request.json",
)
"""Files by which a folder is known to hold a run."""


class RunFolderError(QeoptError):
    """A folder cannot take this run."""


@contextmanager
def open_run(out: Path | None, name: str) -> Iterator[Path]:
    """Give a run a folder of its own, locked until it ends; without an error it then is the latest of its name.

    Args:
        out: The folder asked for; a new one below ``runs/NAME`` where none was.
        name: Name of the study; never a way out of ``runs``.

    Raises:
        SpecError: when the folder cannot be made or written to.
        RunFolderError: when the folder asked for holds an earlier run, or another process is running there.
    """
    folder = _numbered(ROOT / safe_name(name)) if out is None else _asked(out)
    with _held(folder):
        if out is not None:
            _refuse_earlier(folder)
        yield folder
    if out is None:
        _point(folder.parent / LATEST, folder.name)


@contextmanager
def resuming(folder: Path) -> Iterator[None]:
    """Hold the folder of a run that goes on.

    Raises:
        RunFolderError: when another process is running there.
    """
    if not folder.is_dir():
        yield  # that there is no run in it is told by who reads it
        return
    with _held(folder):
        yield


def safe_name(name: str) -> str:
    """The name of a folder for a study: one part of a path, never hidden, never a way out."""
    return re.sub(r"[^\w.-]+", "_", name).strip(".")[:100] or "study"


def name_of(folder: Path) -> str:
    """What the run in a folder is called: the name of the study for a numbered one."""
    return folder.parent.name if folder.name.isdecimal() or folder.name == LATEST else folder.name


def design_in(given: Path) -> Path:
    """The design that a person means: a file, the folder of a run, the folder of a study (its latest run), or a study's name.

    Raises:
        SpecError: for a folder or a name with no design.
    """
    return _design_in(given, "design", "")


def design_or_model_in(given: Path) -> Path:
    """As `design_in`, where a model file is known as such and would do, too: that is said where there is nothing."""
    return _design_in(given, "design or model", "a model file, ")


def _design_in(given: Path, what: str, more: str) -> Path:
    if given.is_file() or given.suffix == ".json":
        return given
    folder = _meant(given)
    if folder.is_dir():
        for path in (folder / DESIGN, latest(folder) / DESIGN):
            if path.is_file():
                return path
        raise SpecError.at(Location(str(given)), f"holds no {DESIGN}; the folder of a run, or of a study with a run, was expected")
    names = [path.name for path in ROOT.iterdir() if path.is_dir()] if ROOT.is_dir() else []
    said = f"no such {what}: {more}a {DESIGN}, the folder of a run, or the name of a study with runs below {ROOT}/ was expected"
    raise SpecError.at(Location(str(given)), f"{said}{did_you_mean(str(given), names)}")


def beside(design: Path, what: str) -> Path:
    """The folder for what is made of a design: within its run; one of its own for a file of another name, as `sample` has many."""
    return design.parent / (what if design.name == DESIGN else f"{design.stem}.{what}")


def run_in(given: Path) -> Path:
    """The folder of a run that a person means; as `design_in`, but it may have no design yet."""
    folder = given.parent if given.name == DESIGN else _meant(given)
    if not folder.is_dir():
        return given
    return folder if holds_run(folder) or not _numbers(folder) else newest(folder)


def _meant(given: Path) -> Path:
    """The folder that a name stands for: runs of that name, where the folder of that name holds a study and no run."""
    named = ROOT / given
    holds = given.is_dir() and (holds_run(given) or bool(_numbers(given)))
    return named if not holds and named.is_dir() else given if given.is_dir() else named


def latest(folder: Path) -> Path:
    """The newest run of a study that ended, by its pointer; the newest at all where there is none."""
    pointer = folder / LATEST
    if pointer.is_file():  # where links need rights, the number stands in a file
        with suppress(OSError, UnicodeDecodeError):
            return folder / safe_name(pointer.read_text(encoding="utf-8").strip())
    return pointer if pointer.is_dir() else newest(folder)


def newest(folder: Path) -> Path:
    """The run of a study with the highest number; the folder itself where it has none."""
    numbers = _numbers(folder)
    return folder / str(numbers[-1]) if numbers else folder


def runs_below(root: Path) -> list[Path]:
    """Folders of all runs below `root`, by name and number."""
    studies = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return [run for study in studies for run in ([study / str(n) for n in _numbers(study)] or [study]) if holds_run(run)]


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir() if re.fullmatch("[1-9][0-9]{0,8}", path.name) and path.is_dir())


def holds_run(folder: Path) -> bool:
    """Whether a folder holds what some run wrote."""
    return any((folder / mark).exists() for mark in MARKS)


def _numbered(parent: Path) -> Path:
    """Make the next numbered folder; two processes that begin at once get two."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        number = max(_numbers(parent), default=0) + 1
        while True:
            try:
                (parent / str(number)).mkdir()
            except FileExistsError:
                number += 1
            else:
                return parent / str(number)
    except OSError as error:
        raise _unwritable(parent, error) from None


def _asked(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from None
    return out


def _refuse_earlier(folder: Path) -> None:
    if holds_run(folder):
        said = f"holds the results of an earlier run, and nothing is overwritten; choose another --out, or leave it out for {ROOT}/"
        raise RunFolderError(f"{folder}: {said}")


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    try:
        with hold(folder):
            yield
    except LockedError as error:
        raise RunFolderError(str(error)) from None


def _point(pointer: Path, number: str) -> None:
    """Let `latest` stand for a run; what is no pointer of ours is left alone."""
    if not pointer.is_symlink() and pointer.is_dir():
        return
    temporary = pointer.with_name(f".{LATEST}.{secrets.token_hex(8)}")
    try:
        temporary.symlink_to(number, target_is_directory=True)
    except (OSError, NotImplementedError):
        temporary.write_text(f"{number}\n", encoding="utf-8")
    temporary.replace(pointer)


def _unwritable(folder: Path, error: OSError) -> SpecError:
    return SpecError.at(Location(str(folder)), f"cannot write here: {error.strerror or error}; choose another folder with --out")
