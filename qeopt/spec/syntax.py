"""Syntax errors of YAML in our own words, found by what the parser says."""

from __future__ import annotations

import re

from ruamel.yaml.error import YAMLError

_FALLBACK = "this is not valid YAML; check the indentation, colons, brackets and quotes here and just above"

# What ruamel.yaml says (problem, or context where the problem is generic) -> what we say.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"scanning a directive|an? tag|tag handle|directive", "YAML directives and tags are not supported; write the plain value"),
    (r"scanning an (anchor|alias)", "a name is missing after '&' or '*'; quote the text if none is meant"),
    (r"character '\\t'", "a tab is not allowed here; indent with spaces"),
    (r"mapping values are not allowed", "a ':' cannot stand here; check the indentation, or quote the text"),
    (r"mapping keys are not allowed", "a '?' cannot stand here; quote the text"),
    (r"could not find expected ':'", "a key without its ':'; every line of a mapping is 'key: value'"),
    (r"expected <block end>", "this does not line up with the lines above; check the indentation"),
    (r"sequence entries are not allowed", "a '-' cannot stand here; check the indentation"),
    (r"expected ',' or '[\]}]'", "a list or mapping in brackets is not closed, or lacks a ','"),
    (r"unexpected (end of stream|document separator)", "a quoted text is never closed"),
    (r"escape", "an unknown '\\' escape in a quoted text; single quotes keep '\\' as it is"),
    (r"cannot start any token", "this character cannot start a value; quote the text"),
    (r"expected the node content", "a value is missing here"),
    (r"scanning a block scalar", "a text after '|' or '>' starts on the next line, indented"),
    (r"expected '<document start>'", "this stands after the end of the file's mapping; check the indentation"),
)


def describe(error: YAMLError) -> str:
    """Return our own words for a syntax error."""
    said = f"{getattr(error, 'problem', '')} {getattr(error, 'context', '')}"
    return next((words for pattern, words in _WORDS if re.search(pattern, said)), _FALLBACK)
