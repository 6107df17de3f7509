"""How values are spelled in C, and the templates of all files that are written."""

from __future__ import annotations

import re
from collections.abc import Iterable

from jinja2 import Environment, PackageLoader, StrictUndefined

_PER_LINE = 24
_PLAIN = re.compile(r"[A-Za-z0-9 ._/()-]")


def quoted(text: str) -> str:
    """Return a C string literal; what could be misread (quotes, trigraphs, other alphabets) is written in octal."""
    plain = (chr(byte) if _PLAIN.fullmatch(chr(byte)) else f"\\{byte:03o}" for byte in text.encode())
    return f'"{"".join(plain)}"'


def numbers(values: Iterable[int]) -> str:
    """Spell values of a C array, in lines."""
    spelled = [_literal(value) for value in values] or ["0"]
    return "\n".join("  " + ", ".join(spelled[at : at + _PER_LINE]) + "," for at in range(0, len(spelled), _PER_LINE))


def _literal(value: int) -> str:
    return str(value) if value > -(2**31) else "(-2147483647 - 1)"


TEMPLATES = Environment(
    loader=PackageLoader("qeopt.export.c"), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
)
TEMPLATES.filters |= {"numbers": numbers, "quoted": quoted}
