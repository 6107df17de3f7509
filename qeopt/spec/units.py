"""Sizes and counts that people write: ``256 KiB``, ``60 M``. Exact integers, and no unit with two meanings."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from qeopt.spec.errors import quote

_BINARY = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_AMBIGUOUS = {"k": 1, "m": 2, "g": 3}
_BINARY_NAMES = ("B", "KiB", "MiB", "GiB")
_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
# Bounded digits: Decimal arithmetic on a pasted megabyte of them would take long and mean nothing.
_QUANTITY = re.compile(r"([+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?) ?([A-Za-z]{0,5})")
_MAX = 2**63 - 1


def parse_bytes(value: object) -> int:
    """Return a number of bytes given as an integer or as text such as ``256 KiB``, ``1.5 MiB`` or ``664 B``.

    Raises:
        ValueError: It is not a whole, non-negative number of bytes, or its unit has two readings.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(value, value)
    number, unit = _split(value, "a size such as 262144, 664 B, 256 KiB or 1 MiB")
    if unit not in _BINARY:
        raise ValueError(_refuse_unit(str(value), number, unit))
    return _whole(value, number * _BINARY[unit], "bytes")


def parse_count(value: object) -> int:
    """Return a positive whole number given as an integer, a whole float, or text such as ``60 M``, ``6.976 G`` or ``109e6``.

    Raises:
        ValueError: It is not a positive whole number.
    """
    expected = "a count such as 60000000, 60 M, 6.976 G or 109e6"
    if isinstance(value, float):
        value = repr(value)
    number, unit = _split(value, expected)
    if unit not in _DECIMAL:
        raise ValueError(f"{quote(value)} has an unknown unit; {expected} was expected (k, M, G, T are powers of 1000)")
    return _positive(_whole(value, number * _DECIMAL[unit], "units"), value)


def format_bytes(size_bytes: int) -> str:
    """Return a size as ``262,144 B (256.0 KiB)``."""
    return f"{size_bytes:,} B ({size_bytes / 1024:,.1f} KiB)"


def _positive(number: int, value: object) -> int:
    if number <= 0:
        raise ValueError(f"{quote(value)} is not positive; more than zero was expected")
    return number


def _parse_positive_bytes(value: object) -> int:
    return _positive(parse_bytes(value), value)


def _split(value: object, expected: str) -> tuple[Decimal, str]:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value), ""
    match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{quote(value)} is not a size or count; {expected} was expected")
    return Decimal(match[1]), match[2]


def _refuse_unit(text: str, number: Decimal, unit: str) -> str:
    power = _AMBIGUOUS.get(unit[:1].lower()) if unit.lower() in {"k", "m", "g", "kb", "mb", "gb"} else None
    if power is None:
        written = f"{number:f} B" if not unit else "B, KiB, MiB or GiB"
        return f"{quote(text)} has {'no' if not unit else 'an unknown'} unit; write {written}"
    decimal, binary = number * 1000**power, number * 1024**power
    return (
        f"{quote(text)} could mean {decimal:,f} or {binary:,f} bytes; "
        f"write {decimal.normalize():f} B or {number:f} {_BINARY_NAMES[power]}"
    )


def _whole(value: object, number: Decimal, noun: str) -> int:
    if number != number.to_integral_value():
        raise ValueError(f"{quote(value)} is not a whole number of {noun}")
    return _bounded(int(number), value)


def _bounded(number: int, value: object) -> int:
    if number < 0:
        raise ValueError(f"{quote(value)} is negative; zero or more was expected")
    if number > _MAX:
        raise ValueError(f"{quote(value)} is too large; at most {_MAX:,} is read")
    return number


def _schema(minimum: int, example: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "integer", "minimum": minimum}, {"type": "string", "examples": [example]}]})


ByteSize = Annotated[int, BeforeValidator(parse_bytes), _schema(0, "256 KiB")]
"""Bytes, zero or more: an integer or text such as ``256 KiB``."""

PositiveByteSize = Annotated[int, BeforeValidator(_parse_positive_bytes), _schema(1, "256 KiB")]
"""Bytes, more than zero."""

Count = Annotated[int, BeforeValidator(parse_count), _schema(1, "60 M")]
"""A positive whole number: an integer or text such as ``60 M``."""
