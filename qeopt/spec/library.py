"""Where named files are found: beside the naming file, the search path, installed packs, then what is shipped."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

from qeopt.spec.errors import Location, PluginError, SpecError, did_you_mean, nearest, quote, squeezed

SEARCH_PATH = "QEOPT_PATH"
PACKS = "qeopt.specs"
SUFFIX = ".yaml"

_KIND = re.compile(rb"^kind:[ \t]*['\"]?([\w-]+)", re.MULTILINE)
_TITLE = re.compile(rb"^title:(.*)$", re.MULTILINE)
LEAST_OF_A_TITLE = 4
"""Letters and digits of a name that is looked for in titles."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that a name stands for.

    Attributes:
        name: The name, without folder and suffix.
        path: The file.
        origin: Which of the places it was found in, for people.
    """

    name: str
    path: Path
    origin: str


@dataclass(frozen=True, slots=True)
class _Place:
    folder: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Library:
    """The places where names are looked up, in order; the first match wins.

    Attributes:
        paths: Folders given by the user (``--path``); they come before those of the environment variable QEOPT_PATH.
    """

    paths: tuple[Path, ...] = ()

    def resolve(self, kind: str, folder: str, name: str, near: Path | None, *, location: Location | None = None) -> Path:
        """Return the file that `name` stands for.

        Args:
            kind: What is looked for, for messages.
            folder: The folder that holds files of this kind in every place; empty if they stand in the place itself.
            name: A name, which may have a sub-folder; or a path, which ends in ``.yaml``.
            near: The folder of the file that names it; None for the current folder.
            location: Where it is named.

        Raises:
            SpecError: There is no such file; the message gives the nearest name and the places searched.
        """
        for found in self._matches(kind, folder, name, near):
            return found.path
        raise SpecError.at(location, self._missing(kind, folder, name, near))

    def candidates(self, kind: str, folder: str, name: str, near: Path | None = None) -> tuple[Found, ...]:
        """Return every file that `name` could stand for, the one that wins first; see `resolve`."""
        return tuple(self._matches(kind, folder, name, near))

    def available(self, folder: str, kind: str | None = None, near: Path | None = None) -> tuple[Found, ...]:
        """Return what can be named in a folder, by name; a name found twice is given where it wins.

        With `kind`, only files whose ``kind:`` line says so.
        """
        by_name: dict[str, Found] = {}
        for place in self._places(near):
            root = place.folder / folder
            # Beside a file may be anybody's whole home folder: sub-folders are looked into only where files of a kind are kept.
            patterns = (f"*{SUFFIX}", f"*/*{SUFFIX}") if folder or place.origin != _BESIDE else (f"*{SUFFIX}",)
            for path in sorted(path for pattern in patterns for path in _glob(root, pattern)):
                name = path.relative_to(root).with_suffix("").as_posix()
                if name not in by_name and (kind is None or kind_of(path) == kind):
                    by_name[name] = Found(name, path, place.origin)
        return tuple(by_name[name] for name in sorted(by_name))

    def _matches(self, kind: str, folder: str, name: str, near: Path | None) -> Iterator[Found]:
        base = near or Path()
        if is_path(name) or ("/" in name and _is_file(base / name)):
            if _is_file(base / name):
                yield Found(Path(name).stem, base / name, "path")
            return
        beside = base / f"{name}{SUFFIX}"
        # A study and the network it is about may well have the same name: beside the file, only the right kind counts.
        direct = [Found(name, beside, _BESIDE)] if folder and _is_file(beside) else []
        is_other_kind = bool(direct) and kind_of(beside) not in {kind, None}
        if not is_other_kind:
            yield from direct
        for place in self._places(near):
            path = place.folder / folder / f"{name}{SUFFIX}"
            if _is_file(path):
                yield Found(name, path, place.origin)
        if is_other_kind:
            yield from direct

    def _places(self, near: Path | None) -> Iterator[_Place]:
        yield _Place(near or Path(), _BESIDE)
        yield from (_Place(path, "--path") for path in self.paths)
        given = os.environ.get(SEARCH_PATH, "")
        yield from (_Place(Path(path), SEARCH_PATH) for path in given.split(os.pathsep) if path)
        yield from _packs()
        yield _Place(builtin_folder(), "built-in")

    def _missing(self, kind: str, folder: str, name: str, near: Path | None) -> str:
        path = (near or Path()) / name
        if is_path(name):
            beside = {found.stem: found.name for found in _glob(path.parent, f"*{SUFFIX}")} if _exists(path.parent) else {}
            close = path.stem if path.stem in beside else nearest(path.stem, beside)
            hint = "" if close is None else f"; did you mean {quote(beside[close], 200)}?"
            return f"there is no {kind} file {quote(str(path), 200)}{hint}"
        if name and _exists(path):
            why = "that is a folder, a file was expected" if path.is_dir() else f"the name of a {kind} file ends in {SUFFIX}"
            return f"there is no {kind} named {quote(name, 200)}: {why}"
        known = {found.name for found in self.available(folder, kind, near)}
        searched = ", ".join(dict.fromkeys(str(place.folder / folder) for place in self._places(near)))
        hint = did_you_mean(name, known) or self._titled(kind, folder, name, near)
        return f"there is no {kind} named {quote(name)}{hint} (searched: {searched})"

    def _titled(self, kind: str, folder: str, name: str, near: Path | None) -> str:
        """``"; did you mean 'X'?"`` for a file that has the name in its title, however it is spelt; an empty text if none has."""
        wanted = squeezed(name)
        found = (one.name for one in self.available(folder, kind, near) if wanted in squeezed(_stated(_TITLE, one.path) or ""))
        match = next(found, None) if len(wanted) >= LEAST_OF_A_TITLE else None
        return "" if match is None else f"; did you mean '{match}'?"


_BESIDE = "beside the file"


def is_path(name: str) -> bool:
    """Return whether a value names a file by its path rather than by its name."""
    return name.endswith((SUFFIX, ".yml")) or name.startswith(("./", "../", "/"))


def builtin_folder() -> Path:
    """Return the folder of the files that are shipped: inside an installed package, or beside it in a checkout."""
    package = Path(str(files("qeopt")))
    shipped = package / "_specs"
    return shipped if shipped.is_dir() else package.parent / "specs"


def kind_of(path: Path) -> str | None:
    """Return what the ``kind:`` line of a file says, without reading the file as YAML; None if it has none."""
    return _stated(_KIND, path)


def _stated(line: re.Pattern[bytes], path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            match = line.search(file.read(1 << 16))
    except OSError:
        return None
    return match[1].decode("utf-8", "replace") if match else None


def _packs() -> Iterator[_Place]:
    for point in sorted(entry_points(group=PACKS), key=lambda point: point.name):
        try:
            folder = Path(str(files(point.value)))
        except (ImportError, TypeError, ValueError) as error:
            said = f"the pack '{point.name}' ({point.value}) cannot be opened: {error}"
            raise PluginError(f"{said}; reinstall or remove it") from error
        yield _Place(folder, f"pack {point.name}")


def _glob(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.glob(pattern) if _is_file(path)]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # as in `_is_file`
        return False


def _is_file(path: Path) -> bool:
    # A name may be too long for a path or hold what no path can; then there is no such file.
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
