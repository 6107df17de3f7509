"""Reading a YAML file or text: bounded, positioned, and every failure in our own words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import StringMark, YAMLError

from qeopt.spec.composer import Place, compose
from qeopt.spec.errors import Location, SpecError, quote
from qeopt.spec.node import Mapping, Node
from qeopt.spec.node import plain as _plain
from qeopt.spec.syntax import describe

MAX_BYTES = 1 << 20
MAX_LINE = 1 << 16
"""Some tokens cost the parser quadratic time, but none that does can span lines."""

_LINE_BREAK = re.compile("\r\n|\r|\n")
_LONG_LINE = re.compile(f"[^\r\n]{{{MAX_LINE + 1}}}")

# What YAML allows in a file (section 5.1), less the line separators that editors do not count as lines.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text that was read.

    Attributes:
        root: The tree; a mapping.
        path: Where it came from; for a text, its name.
        sha256: Hash of its bytes, in hexadecimal digits.
    """

    root: Mapping
    path: Path
    sha256: str


def read(path: Path, *, location: Location | None = None) -> Document:
    """Return the document in a file.

    Args:
        path: The file.
        location: Where the file is named, if another file names it.

    Raises:
        SpecError: There is no such file, it cannot be read, or it is not a single YAML mapping within the limits.
    """
    name = str(path)
    try:
        if path.is_dir():
            raise SpecError.at(location or Location(name), _said(location, name, "is a folder; a YAML file was expected"))
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecError.at(location or Location(name), _said(location, name, "there is no such file")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise SpecError.at(location or Location(name), _said(location, name, f"cannot be read: {reason}")) from None
    return _document(content, name, path)


def parse(text: str, name: str = "<text>") -> Document:
    """Return the document in a text; `name` stands for the file in messages.

    Raises:
        SpecError: It is not a single YAML mapping within the limits.
    """
    return _document(text.encode("utf-8", "surrogatepass"), name, Path(name))


def parse_value(text: str, location: Location) -> Node:
    """Return the tree of a value written on the command line; everything in it stands at `location`.

    Raises:
        SpecError: It is not a YAML value.
    """
    content = text.encode("utf-8", "surrogatepass")
    root = _compose(_decode(content, location, lambda _: location), lambda _: location)
    if root is None:
        raise SpecError.at(location, "a value is missing after '='")
    return root


def _document(content: bytes, name: str, path: Path) -> Document:
    def place(mark: StringMark | None) -> Location:
        return Location(name) if mark is None else Location(name, mark.line + 1, mark.column + 1)

    root = _compose(_decode(content, Location(name), partial(_place_after, name)), place)
    if root is None:
        raise SpecError.at(Location(name), "the file is empty; a mapping such as 'kind: ...' was expected")
    if not isinstance(root, Mapping):
        raise SpecError.at(root.location, f"the file holds {quote(_plain(root))}; a mapping such as 'kind: ...' was expected")
    return Document(root, path, hashlib.sha256(content).hexdigest())


def _decode(content: bytes, location: Location, place: Callable[[str], Location]) -> str:
    if len(content) > MAX_BYTES:
        raise SpecError.at(location, "larger than 1 MiB; a spec needs a few kilobytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        raise SpecError.at(place(before), "not UTF-8 text; a YAML file was expected") from None
    if found := _FORBIDDEN.search(text):
        message = f"the character U+{ord(found[0]):04X} is not text; a YAML file was expected"
        raise SpecError.at(place(text[: found.start()]), message)
    if found := _LONG_LINE.search(text):
        message = f"a line of more than {MAX_LINE:,} characters; a spec has short lines"
        raise SpecError.at(place(text[: found.start()]), message)
    return text


def _place_after(name: str, before: str) -> Location:
    lines = _LINE_BREAK.split(before)
    return Location(name, len(lines), len(lines[-1]) + 1)


def _compose(text: str, place: Place) -> Node | None:
    try:
        return compose(YAML(typ="safe", pure=True).parse(text), place)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        raise SpecError.at(place(mark), describe(error)) from None


def _said(location: Location | None, name: str, message: str) -> str:
    return message if location is None else f"{quote(name)}: {message}"
