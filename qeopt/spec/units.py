"""Sizes and counts that people write: ``256 KiB``, ``60 M``. Exact integers, and no unit with two meanings."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from qeopt.spec.errors import quote

_BINARY = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_AMBIGUOUS = {"k": 1, "m": 2, "g": 3}
_BINARY_NAMES = ("B", "KiB", "MiB", "GiB")
_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
# Bounded digits: Decimal arithmetic on a pasted megabyte of them would take long and mean nothing.
_QUANTITY = re.compile(r"([+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?) ?([A-Za-z]{0,5})")
_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%")
_MOST_PERCENT = 1000
_MAX = 2**63 - 1
_A_SIZE = "a size such as 262144, 664 B, 256 KiB or 1 MiB"
_A_COUNT = "a count such as 60000000, 60 M, 6.976 G or 109e6"


def parse_bytes(value: object) -> int:
    """Return a number of bytes given as an integer or as text such as ``256 KiB``, ``1.5 MiB`` or ``664 B``.

    Raises:
        ValueError: It is not a whole, non-negative number of bytes, or its unit has two readings.
    """
    return _parse_bytes(value, 0)


def parse_positive_bytes(value: object) -> int:
    """Return a number of bytes as `parse_bytes`, refusing zero.

    Raises:
        ValueError: As `parse_bytes`; also for zero.
    """
    return _parse_bytes(value, 1)


def parse_count(value: object) -> int:
    """Return a positive whole number given as an integer, a whole float, or text such as ``60 M``, ``6.976 G`` or ``109e6``.

    Raises:
        ValueError: It is not a positive whole number.
    """
    number, unit = _split(repr(value) if isinstance(value, float) else value, value, _A_COUNT)
    if unit not in _DECIMAL:
        raise ValueError(f"{quote(value)} has an unknown unit; {_A_COUNT} was expected (k, M, G, T are powers of 1000)")
    return _whole(value, number * _DECIMAL[unit], 1)


def parse_percent(value: object) -> float:
    """Return the share that a text such as ``15 %`` says: 0.15.

    Raises:
        ValueError: It is no percentage from 0 % to 1000 %.
    """
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or Decimal(match[1]) > _MOST_PERCENT:
        raise ValueError(f"got {quote(value)}; a percentage from 0 % to {_MOST_PERCENT} %, such as 15 %, was expected")
    return float(Decimal(match[1]) / 100)


def format_bytes(size_bytes: float) -> str:
    """Return a size as ``262,144 B (256.0 KiB)``; below 1 KiB as ``664 B``, and with two decimals where it is no whole number."""
    number = f"{size_bytes:,.0f}" if float(size_bytes).is_integer() else f"{size_bytes:,.2f}"
    return f"{number} B ({size_bytes / 1024:,.1f} KiB)" if abs(size_bytes) >= 1024 else f"{number} B"


def counted(number: int, noun: str) -> str:
    """A number of things: 1 device, 2 devices."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _parse_bytes(value: object, minimum: int) -> int:
    number, unit = _split(value, value, _A_SIZE)
    if unit not in _BINARY:
        raise ValueError(_refuse_unit(str(value), number, unit))
    return _whole(value, number * _BINARY[unit], minimum)


def _split(text: object, value: object, expected: str) -> tuple[Decimal, str]:
    if isinstance(text, int) and not isinstance(text, bool):
        return Decimal(text), ""
    match = _QUANTITY.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"got {quote(value)}; {expected} was expected")
    return Decimal(match[1]), match[2]


def _refuse_unit(text: str, number: Decimal, unit: str) -> str:
    power = _AMBIGUOUS.get(unit[:1].lower()) if unit.lower() in {"k", "m", "g", "kb", "mb", "gb"} else None
    if power is None:
        return f"{quote(text)} has an unknown unit; {_A_SIZE} was expected"
    decimal, binary = number * 1000**power, number * 1024**power
    readings = f"{_plain(decimal, ',')} or {_plain(binary, ',')} bytes"
    return f"{quote(text)} could mean {readings}; write {_plain(decimal)} B or {_plain(number)} {_BINARY_NAMES[power]}"


def _plain(number: Decimal, separator: str = "") -> str:
    return f"{number.to_integral_value() if number == number.to_integral_value() else number.normalize():{separator}f}"


def _whole(value: object, number: Decimal, minimum: int) -> int:
    if number != number.to_integral_value():
        raise ValueError(f"got {quote(value)}; a whole number was expected")
    if number < minimum:
        raise ValueError(f"got {quote(value)}; {'more than zero' if minimum else 'zero or more'} was expected")
    if number > _MAX:
        raise ValueError(f"got {quote(value)}; at most {_MAX:,} was expected")
    return int(number)


def _schema(minimum: int, example: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "integer", "minimum": minimum}, {"type": "string", "examples": [example]}]})


ByteSize = Annotated[int, BeforeValidator(parse_bytes), _schema(0, "256 KiB")]
"""Bytes, zero or more: an integer or text such as ``256 KiB``."""

PositiveByteSize = Annotated[int, BeforeValidator(parse_positive_bytes), _schema(1, "256 KiB")]
"""Bytes, more than zero."""

Count = Annotated[int, BeforeValidator(parse_count), _schema(1, "60 M")]
"""A positive whole number: an integer or text such as ``60 M``."""

Percent = Annotated[
    float,
    BeforeValidator(parse_percent),
    PlainSerializer(lambda share: f"{100 * share:g} %", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["15 %"]}),
]
"""A share, zero or more: text such as ``15 %``."""
