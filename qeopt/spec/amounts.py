"""Amounts on the command line: sizes that must name their unit, ranges of them, and amounts by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qeopt.spec.errors import Location, SpecError, did_you_mean, one_of, quote
from qeopt.spec.units import parse_count, parse_positive_bytes

MOST_VALUES = 256
"""Values of one range."""
_A_RANGE = "START:STOP:STEP such as 128KiB:512KiB:32KiB, or a list such as 128KiB,256KiB, was expected"


def parse_sizes(text: str, option: str) -> tuple[int, ...]:
    """Return the sizes, in bytes and ascending, that ``128KiB:512KiB:32KiB`` or ``128KiB,256KiB`` stands for; both ends count.

    Raises:
        SpecError: A size has no unit or one with two readings, or the range is empty or too long.
    """
    place = Location(f"{option} {text}")
    parts = text.split(":")
    if len(parts) == 1:
        return tuple(sorted({_size(part, place) for part in text.split(",")}))
    if len(parts) != 3:
        raise SpecError.at(place, _A_RANGE)
    start, stop, step = (_size(part, place) for part in parts)
    if stop < start:
        raise SpecError.at(place, f"{_A_RANGE}; this one stops before it starts")
    number = (stop - start) // step + 1
    if number > MOST_VALUES:
        raise SpecError.at(place, f"these are {number:,} values; at most {MOST_VALUES} were expected: take a longer step")
    return tuple(range(start, stop + 1, step))


def parse_counts(text: str, option: str) -> tuple[int, ...]:
    """Return the numbers, ascending, that ``8:20``, ``8:20:2`` or ``8,11,14`` stands for; both ends count.

    Raises:
        SpecError: A part is no whole number, or the range is empty or too long.
    """
    place = Location(f"{option} {text}")
    expected = "FIRST:LAST or FIRST:LAST:STEP such as 8:20, or a list such as 8,11,14, was expected"
    parts = [part.strip() for part in text.replace(",", ":").split(":")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 10 and int(part) > 0 for part in parts):
        raise SpecError.at(place, f"{expected}, of whole numbers from 1")
    numbers = [int(part) for part in parts]
    if ":" not in text:
        return tuple(sorted(set(numbers)))
    if "," in text or len(numbers) > 3:
        raise SpecError.at(place, expected)
    first, last, step = (*numbers, 1)[:3]
    if last < first:
        raise SpecError.at(place, f"{expected}; this one stops before it starts")
    if (last - first) // step >= MOST_VALUES:
        raise SpecError.at(place, f"these are more than {MOST_VALUES} values; take a longer step")
    return tuple(range(first, last + 1, step))


def parse_amounts(texts: Iterable[str], option: str, sizes: Sequence[str], counts: Sequence[str]) -> dict[str, int]:
    """Return the amounts that texts such as ``sram=1KiB`` and ``bitops=1M`` stand for.

    Args:
        texts: What the user wrote.
        option: The option, for messages.
        sizes: Names of what is counted in bytes.
        counts: Names of what is counted.

    Raises:
        SpecError: A text is no ``NAME=AMOUNT``, its name is unknown or given twice, or its amount is not sound.
    """
    found: dict[str, int] = {}
    known = (*sizes, *counts)
    for text in texts:
        place = Location(f"{option} {text}")
        name, separator, amount = (part.strip() for part in text.partition("="))
        if not (name and separator and amount):
            raise SpecError.at(place, "NAME=AMOUNT was expected, such as sram=1KiB")
        if name not in known:
            raise SpecError.at(place, f"there is no {name!r}; {one_of(known)} was expected{did_you_mean(name, known)}")
        if name in found:
            raise SpecError.at(place, f"{name!r} is given twice")
        found[name] = _size(amount, place) if name in sizes else _count(amount, place)
    return found


def _size(text: str, place: Location) -> int:
    stripped = text.strip()
    if stripped.isascii() and stripped.replace(".", "", 1).isdigit():
        raise SpecError.at(place, f"{quote(stripped)} has no unit; write {stripped} B or {stripped} KiB")
    try:
        return parse_positive_bytes(stripped)
    except ValueError as error:
        raise SpecError.at(place, str(error)) from None


def _count(text: str, place: Location) -> int:
    try:
        return parse_count(text)
    except ValueError as error:
        raise SpecError.at(place, str(error)) from None
