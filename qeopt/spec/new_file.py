"""Files for people to keep: one that is there already is never written over."""

from __future__ import annotations

from pathlib import Path

from qeopt.spec.errors import Location, SpecError


def refuse_existing(path: Path) -> None:
    """Raise a `SpecError` where there is a file already."""
    if path.exists():
        raise SpecError.at(Location(str(path)), "exists already; choose another file")


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; its folder is made if it is missing.

    Raises:
        SpecError: when the file exists already or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        refuse_existing(path)
        raise SpecError.at(Location(str(path)), f"cannot be written: {error.strerror}") from None
