"""What was expected of a single value, by pydantic's type of error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic_core import ErrorDetails

from qeopt.spec.errors import did_you_mean, one_of, quote
from qeopt.spec.units import counted

_NOUNS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "tuple": "a list",
    "list": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "model_attributes": "a mapping",
    "mapping": "a mapping",
    "path": "a path",
    "date": "a date such as 2025-01-31",
    "decimal": "a number",
    "url": "a web address",
    "none_required": "null",
    "finite_number": "a finite number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "tuple_unexpected_item": "a shorter list",
}

# Error type -> what was expected; filled in with the error's context.
_PHRASES = {
    "greater_than": "more than {gt} was expected",
    "greater_than_equal": "at least {ge} was expected",
    "less_than": "less than {lt} was expected",
    "less_than_equal": "at most {le} was expected",
    "multiple_of": "a multiple of {multiple_of} was expected",
    "string_too_short": "at least {min_length} characters were expected",
    "string_too_long": "at most {max_length} characters were expected",
    "string_pattern_mismatch": "a text that matches {pattern} was expected",
}

_SUFFIX = re.compile(r"_(type|parsing|from_date_parsing|exact)$")
_QUOTED = re.compile(r"'([^']*)'")


def noun_of(error: ErrorDetails) -> str | None:
    """Return what was expected where a value is of another type or not among a few; None for any other error."""
    kind = error["type"]
    if kind in {"literal_error", "enum"}:
        return _names(str(error["ctx"]["expected"]))
    return _NOUNS.get(_SUFFIX.sub("", kind))


def expectation(error: ErrorDetails) -> str:
    """Return what is wrong with a value, to stand after the value's name: `` is 'x'; a whole number was expected``."""
    kind, given = error["type"], error["input"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return f": {context.get('error', error['msg'])}"
    if kind == "union_tag_invalid":
        names = _QUOTED.findall(context["expected_tags"])
        return f": {_bare(context['discriminator'])} is {_not_among(context['tag'], names)}"
    if kind in {"too_short", "too_long"}:
        return _wrong_length(kind, context)
    if kind in _PHRASES:
        return f" is {quote(given)}; {_PHRASES[kind].format(**context)}"
    noun = noun_of(error)
    if noun is None:
        return f" is {quote(given)}: {error['msg'][:1].lower()}{error['msg'][1:]}"
    return any_of(error, (noun,))


def any_of(error: ErrorDetails, nouns: Iterable[str]) -> str:
    """Return that a value is none of what was expected: `` is 3; 'all' or a list was expected``."""
    given = error["input"]
    names = _QUOTED.findall(error["ctx"]["expected"]) if error["type"] in {"literal_error", "enum"} else []
    hint = did_you_mean(given, names) if isinstance(given, str) else ""
    *others, last = nouns
    expected = f"{', '.join(others)} or {last}" if others else last
    return f" is {quote(given)}; {expected} was expected{hint}"


def _names(expected: str) -> str:
    # Numbers are listed by pydantic as they should be; the names of enum members and literals come in single quotes.
    names = _QUOTED.findall(expected)
    return one_of(names) if names else expected


def _not_among(given: object, names: list[str]) -> str:
    hint = did_you_mean(given, names) if isinstance(given, str) else ""
    return f"{quote(given)}; {one_of(names)} was expected{hint}"


def _bare(discriminator: object) -> str:
    return str(discriminator).strip("'")


def _wrong_length(kind: str, context: dict[str, Any]) -> str:
    has = context["actual_length"]
    few, limit = ("at least", context["min_length"]) if kind == "too_short" else ("at most", context["max_length"])
    expected = f"{few} {counted(limit, 'item')} {'was' if limit == 1 else 'were'} expected"
    return f" is empty; {expected}" if has == 0 else f" has {counted(has, 'item')}; {expected}"
