"""What differs between two nested mappings, value by value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Say what differs between two nested mappings, one line per value: `budgets.layers: was 47, is 44`."""
    return [
        f"{key}: {'was not given' if old is MISSING else f'was {json.dumps(old)}'}, "
        f"{'is not given' if new is MISSING else f'is {json.dumps(new)}'}"
        for key, old, new in changed(before, now, prefix)
    ]


MISSING: Any = object()
"""Stands for a value that one side does not have."""


def changed(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """List (dotted place, value before, value now) of all values that differ; MISSING where a side has none."""
    old, new = dict(_leaves(before, prefix)), dict(_leaves(now, prefix))
    return [
        (key, old.get(key, MISSING), new.get(key, MISSING))
        for key in dict.fromkeys([*old, *new])
        if old.get(key, MISSING) != new.get(key, MISSING)
    ]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value inside nested mappings and lists of mappings, with the way to it."""
    inner: Any = None
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        inner = enumerate(value)
    if inner is None:
        yield path.removesuffix("."), value
        return
    for key, item in inner:
        yield from _leaves(item, f"{path}{key}.")
