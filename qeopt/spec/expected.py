"""What was expected of a single value, by pydantic's type of error."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import ErrorDetails

from qeopt.spec.errors import did_you_mean, quote

_KIND_WORDS = {
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
    "datetime": "a date and time",
    "decimal": "a number",
    "url": "a web address",
}

# Error type -> what was expected; filled in with the error's context.
_PHRASES = {
    "greater_than": "more than {gt} was expected",
    "greater_than_equal": "at least {ge} was expected",
    "less_than": "less than {lt} was expected",
    "less_than_equal": "at most {le} was expected",
    "multiple_of": "a multiple of {multiple_of} was expected",
    "finite_number": "a finite number was expected",
    "none_required": "null was expected",
    "string_too_short": "at least {min_length} characters were expected",
    "string_too_long": "at most {max_length} characters were expected",
    "string_pattern_mismatch": "a text that matches {pattern} was expected",
    "int_from_float": "a whole number was expected",
    "int_parsing_size": "a smaller number was expected",
    "tuple_unexpected_item": "a shorter list was expected",
}

_QUOTED = re.compile(r"'([^']*)'")


def expectation(error: ErrorDetails) -> str:
    """Return what is wrong with a value, to stand after the value's name: `` is 'x'; a whole number was expected``."""
    kind, given = error["type"], error["input"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return f": {context.get('error', error['msg'])}"
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        return _not_among(given, context)
    if kind in {"too_short", "too_long"}:
        return _wrong_length(kind, context)
    if kind in _PHRASES:
        return f" is {quote(given)}; {_PHRASES[kind].format(**context)}"
    base = re.sub(r"_(type|parsing|from_date_parsing|exact)$", "", kind)
    if base in _KIND_WORDS:
        return f" is {quote(given)}; {_KIND_WORDS[base]} was expected"
    return f" is {quote(given)}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _not_among(given: Any, context: dict[str, Any]) -> str:
    expected = str(context.get("expected", context.get("expected_tags", "")))
    if "tag" in context:
        given, where = context["tag"], f": {str(context['discriminator']).strip(chr(39))}"
    else:
        where = ""
    choices = _QUOTED.findall(expected)
    words = expected.replace("' or '", "', '") if not choices else _or_list(choices)
    hint = did_you_mean(given, choices) if isinstance(given, str) else ""
    return f"{where} is {quote(given)}; {words} was expected{hint}"


def _or_list(choices: list[str]) -> str:
    *others, last = [f"'{choice}'" for choice in choices]
    return f"{', '.join(others)} or {last}" if others else last


def _wrong_length(kind: str, context: dict[str, Any]) -> str:
    has = context.get("actual_length")
    few, limit = ("at least", context["min_length"]) if kind == "too_short" else ("at most", context["max_length"])
    if has == 0:
        return f" is empty; {few} {limit} {'item was' if limit == 1 else 'items were'} expected"
    return f" has {has} {'item' if has == 1 else 'items'}; {few} {limit} {'was' if limit == 1 else 'were'} expected"
