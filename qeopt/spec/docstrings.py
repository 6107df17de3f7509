"""The docstrings below the fields of a class, which are what the fields mean."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent


def field_docs(model: type) -> dict[str, str]:
    """The text below each field of a class and of those that it is derived from, by name; none where there is no source."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        found |= _own(base)
    return found


@cache
def _own(model: type) -> dict[str, str]:
    try:
        tree = ast.parse(dedent(inspect.getsource(model)))
    except (OSError, TypeError):  # built in, or made while the program runs
        return {}
    declared = tree.body[0]
    if not isinstance(declared, ast.ClassDef):
        return {}
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(declared.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }
