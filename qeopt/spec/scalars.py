"""The scalars of YAML 1.2: what a plain word stands for (core schema, section 10.3.2 of the specification)."""

from __future__ import annotations

import re

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

MAX_DIGITS = 40
"""Longer numbers are refused: nothing real needs them, and Python converts them in quadratic time."""


def resolve_plain(text: str) -> str | int | float | bool | None:
    """Return the value of a plain (unquoted) scalar.

    Raises:
        ValueError: It is a number of more than `MAX_DIGITS` characters, or a whole one beyond 64 bits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        _bound(text)
        number = int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
        if not -(2**63) <= number < 2**63:
            raise ValueError(f"the whole number {text} does not fit in 64 bits")
        return number
    if _FLOAT.fullmatch(text):
        _bound(text)
        return float(text)
    if infinity := _INFINITY.fullmatch(text):
        return float(f"{infinity[1]}inf")
    return float("nan") if text in _NAN else text


def _bound(text: str) -> None:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} characters; at most {MAX_DIGITS} are read")
