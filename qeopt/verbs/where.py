"""The files that a name stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qeopt.spec.errors import Location, SpecError
from qeopt.spec.library import Library, kind_of
from qeopt.study.file_kinds import FOREIGN, find, identify


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that a name could stand for."""

    kind: str
    """"study", "device", ..."""
    origin: str
    """The folder or pack in which the name was looked up; "path" for a file given by its path."""
    path: Path


def where(name: Path | str, *, library: Library | None = None) -> tuple[NamedFile, ...]:
    """Every file of any kind that a name could stand for, the one that wins first; of a path, the file itself.

    Raises:
        SpecError: when there is none.
    """
    library = library or Library()
    if Path(name).is_file() and not str(name).endswith(FOREIGN) and kind_of(Path(name)) is None:
        raise SpecError.at(Location(str(name)), "does not say what it is: a line such as `kind: study` was expected")
    found = tuple(NamedFile(kind.name, one.origin, one.path) for kind, one in find(library, str(name)))
    if found:
        return found
    kind, path = identify(library, str(name))
    if not path.is_file():
        raise SpecError.at(None, f"there is no file {str(name)!r}")
    return (NamedFile(kind.name, "path", path),)
