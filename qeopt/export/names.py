"""Names of a design in languages that allow fewer."""

from __future__ import annotations

import re
from collections.abc import Iterable


def identifier(name: str) -> str:
    """Replace what no identifier may hold by underscores; the first sign may still be a digit."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "x"


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Number the names that occurred before or are taken."""
    used = set(taken)
    found: list[str] = []
    for name in names:
        number, free = 1, name
        while free in used:
            number += 1
            free = f"{name}_{number}"
        used.add(free)
        found.append(free)
    return found
