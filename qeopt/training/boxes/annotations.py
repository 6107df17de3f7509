"""The text format of WIDER FACE: a picture's name, how many boxes it has, and a line of ten numbers for each.

Yang et al., WIDER FACE: A Face Detection Benchmark, CVPR 2016. A picture without faces has the count 0 and one line of zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from qeopt.spec.errors import Location, Problem, SpecError

FIELDS = ("x", "y", "w", "h", "blur", "expression", "illumination", "invalid", "occlusion", "pose")
WIDTH, HEIGHT, INVALID = FIELDS.index("w"), FIELDS.index("h"), FIELDS.index("invalid")
MOST_TOLD = 20
"""Mistakes that are told; a wrong file has as many as lines."""


@dataclass(frozen=True)
class Box:
    """One box."""

    left: float
    top: float
    width: float
    height: float
    invalid: bool
    """Whether it is to be ignored."""
    line: int


@dataclass(frozen=True)
class Annotated:
    """One picture."""

    name: str
    """Its path below the folder of pictures."""
    line: int
    boxes: tuple[Box, ...]


def read_annotations(path: Path) -> tuple[Annotated, ...]:
    """Read all pictures of a file.

    Raises:
        SpecError: with file and line of everything that is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError.at(Location(str(path)), f"cannot be read as text: {error}") from None
    reader = _Reader(str(path), lines)
    found = tuple(reader.pictures())
    if not found and not reader.problems:
        raise SpecError.at(Location(str(path)), "is empty; a picture's name, its number of boxes and its boxes were expected")
    reader.refuse()
    return found


class _Reader:
    """Goes through the lines once and collects what is wrong."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.file, self.lines, self.at = file, [line.strip() for line in lines], 0
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        self.problems: list[Problem] = []
        self.names: dict[str, int] = {}

    def refuse(self) -> None:
        if self.problems:
            raise SpecError(self.problems)

    def pictures(self) -> Iterator[Annotated]:
        while self.at < len(self.lines):
            found = self._picture()
            if found is not None:
                yield found
            if len(self.problems) >= MOST_TOLD:
                return

    def _picture(self) -> Annotated | None:
        name, first = self.lines[self.at], self.at + 1
        self.at += 1
        if not PurePosixPath(name).suffix or _is_of_numbers(name):
            self._say(first, f"{name!r} is no picture's name; are there more boxes than were counted?")
            self._skip_to_name()
            return None
        self._check_name(name, first)
        if self.at == len(self.lines):
            self._say(first, f"the file ends after the picture {name!r}; its number of boxes was expected")
            return None
        count = self.lines[self.at]
        self.at += 1
        if not count.isdecimal():
            self._say(self.at, f"{count!r} is no number of boxes of {name!r}")
            self.at -= 1
            self._skip_to_name()
            return None
        boxes = []
        for _ in range(max(int(count), 1)):
            if self.at == len(self.lines):
                self._say(self.at, f"the file ends before the boxes of {name!r} do: there should be {int(count):,}")
                return None
            self.at += 1
            box = self._box(self.lines[self.at - 1], empty=int(count) == 0)
            if box is not None:
                boxes.append(box)
        return Annotated(name, first, tuple(boxes))

    def _check_name(self, name: str, line: int) -> None:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            self._say(line, f"{name!r} leads out of the folder of pictures")
        if name in self.names:
            self._say(line, f"the picture {name!r} is listed twice; first in line {self.names[name]}")
        self.names.setdefault(name, line)

    def _box(self, text: str, *, empty: bool) -> Box | None:
        parts = text.split()
        values = [_number(part) for part in parts]
        if len(parts) != len(FIELDS) or any(value is None for value in values):
            self._say(self.at, f"{text!r} is no box; {len(FIELDS)} numbers were expected: {' '.join(FIELDS)}")
            return None
        numbers = [value for value in values if value is not None]
        if empty:
            if any(numbers):
                self._say(self.at, "a box, but none were counted; a line of zeros was expected")
            return None
        if numbers[WIDTH] < 0 or numbers[HEIGHT] < 0:
            self._say(self.at, f"the box is {parts[WIDTH]} wide and {parts[HEIGHT]} high; at least 0 was expected")
            return None
        if numbers[INVALID] not in {0, 1}:
            self._say(self.at, f"`invalid` is {parts[INVALID]}; 0 or 1 was expected")
            return None
        left, top, width, height = numbers[:4]
        return Box(left, top, width, height, bool(numbers[INVALID]), self.at)

    def _skip_to_name(self) -> None:
        """Go on at the next line that may be a picture's name, so that one mistake is told once."""
        while self.at < len(self.lines) and (not self.lines[self.at] or _is_of_numbers(self.lines[self.at])):
            self.at += 1

    def _say(self, line: int, text: str) -> None:
        if len(self.problems) < MOST_TOLD:
            self.problems.append(Problem(Location(self.file, line), text))


def _is_of_numbers(text: str) -> bool:
    return all(_number(part) is not None for part in text.split())


def _number(text: str) -> float | None:
    """A finite number in plain notation."""
    digits = text.removeprefix("-").replace(".", "", 1)
    return float(text) if digits.isdecimal() and len(text) < 16 else None
