"""What can go wrong in a user's hands, with the place where it did.

The tree of exceptions::

    QeoptError            anything a user can put right; exit code 2
    ├── SpecError         one or more problems in files, names or overrides, each with its place
    └── PluginError       an installed extension cannot be used
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a text: a file (or a command-line option), and line and column counted from 1 where they are known."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in our own words: what it is; what was expected; did you mean."""

    location: Location | None
    message: str

    def __str__(self) -> str:
        return self.message if self.location is None else f"{self.location}: {self.message}"


class QeoptError(Exception):
    """Anything a user can put right. Its text is complete: no traceback is needed to act on it."""

    exit_code: ClassVar[int] = 2


class SpecError(QeoptError):
    """One or more problems in what the user declared; all that were found are reported at once, up to `MAX_SHOWN` as text.

    Attributes:
        problems: The problems, by file, line and column; those without a place come first.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(dict.fromkeys(problems), key=_order))
        shown = [str(problem) for problem in self.problems[:MAX_SHOWN]]
        if len(self.problems) > MAX_SHOWN:
            shown.append("and more; put these right first")
        super().__init__("\n".join(shown))

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Problem, ...]]]:
        # The text alone, which is all that Exception would hand to another process, cannot be turned back into problems.
        return SpecError, (self.problems,)

    @classmethod
    def at(cls, location: Location | None, message: str) -> SpecError:
        """Return an error of a single problem."""
        return cls((Problem(location, message),))


class PluginError(QeoptError):
    """An installed extension cannot be imported or is not what its table says."""


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that `name` most likely stands for, or None if none is close."""
    # A pasted paragraph has no nearest name, and comparing it with everything is slow.
    if len(name) > 80:
        return None
    by_folded: dict[str, str] = {}
    for candidate in candidates:
        by_folded.setdefault(_fold(candidate), candidate)
    matches = get_close_matches(_fold(name), sorted(by_folded), n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return ``"; did you mean 'X'?"`` for the nearest candidate, or an empty text if none is close."""
    match = nearest(name, candidates)
    return "" if match is None else f"; did you mean '{match}'?"


def squeezed(name: str) -> str:
    """Return letters and digits alone, in small letters: ``STM32-F412`` becomes ``stm32f412``."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def one_of(candidates: Iterable[str]) -> str:
    """Return ``"'a', 'b' or 'c'"``."""
    *others, last = [f"'{candidate}'" for candidate in candidates] or ["nothing"]
    return f"{', '.join(others)} or {last}" if others else last


def quote(value: object, limit: int = 60) -> str:
    """Return a short one-line rendering of a value a user wrote, as YAML would show it."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _fold(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")


def _order(problem: Problem) -> tuple[str, int, int]:
    place = problem.location
    return ("", 0, 0) if place is None else (place.file, place.line or 0, place.column or 0)
