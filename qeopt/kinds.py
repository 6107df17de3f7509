"""Every kind of file that users write: its model, and the folder where names of it are looked up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qeopt.hardware import Device, Runtime
from qeopt.space import Space
from qeopt.spec.errors import Location, SpecError, did_you_mean, one_of
from qeopt.spec.library import Found, Library, is_path, kind_of
from qeopt.spec.model import Block
from qeopt.study import Study


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Attributes:
        name: What `kind:` says.
        model: What it is checked against.
        folder: Where names of it are looked up; empty for the place itself.
    """

    name: str
    model: type[Block]
    folder: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("study", Study, ""),
        Kind("device", Device, "devices"),
        Kind("runtime", Runtime, "runtimes"),
        Kind("space", Space, "spaces"),
        Kind("network", Space, "networks"),
    )
}


def kind_named(name: str) -> Kind:
    """Return a kind.

    Raises:
        SpecError: when there is none of that name.
    """
    if name not in KINDS:
        raise SpecError.at(None, f"there is no kind {name!r}; {one_of(KINDS)} was expected{did_you_mean(name, KINDS)}")
    return KINDS[name]


def find(library: Library, name: str) -> tuple[tuple[Kind, Found], ...]:
    """Every file of any kind that a name could stand for; within a kind, the one that wins comes first. A path is no name."""
    if is_path(name):
        return ()
    return tuple((kind, found) for kind in KINDS.values() for found in library.candidates(kind.name, kind.folder, name))


def identify(library: Library, name: str) -> tuple[Kind, Path]:
    """Return the kind and the path of a file given by path or name; of a name, a study comes before a device and so on.

    Raises:
        SpecError: when there is no such file, or its kind is unknown.
    """
    path = Path(name)
    if is_path(name) or path.exists():
        stated = kind_of(path)
        # Without a readable kind, reading it as a study says what is wrong with it.
        return KINDS["study" if stated is None else kind_named_in(path, stated).name], path
    for kind, found in find(library, name):
        return kind, found.path
    known = {known.name for kind in KINDS.values() for known in library.available(kind.folder, kind.name)}
    raise SpecError.at(None, f"there is no file and nothing shipped named {name!r}{did_you_mean(name, known)}")


def kind_named_in(path: Path, name: str) -> Kind:
    """Return the kind that a file states.

    Raises:
        SpecError: when there is none of that name; it says which file states it.
    """
    try:
        return kind_named(name)
    except SpecError as error:
        raise SpecError.at(Location(str(path)), error.problems[0].message) from None
