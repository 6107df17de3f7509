"""Options that are short for `--set`, so that designs record them in one way."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[A-Za-z./~][\w./~-]*")


def overrides(sets: Sequence[str] | None, given: Sequence[str] = (), *, alternatives: int | None = None) -> tuple[str, ...]:
    """Spell options as `KEY=VALUE` texts; what `--set` says comes last and wins.

    Args:
        sets: What `--set` says.
        given: What the options of `study_options` say.
        alternatives: Designs that are asked for beside the best.
    """
    found = list(given)
    if alternatives is not None:
        found.append(f"search.alternatives={alternatives}")
    return (*found, *(sets or ()))


def quoted(text: str) -> str:
    """Quote what YAML could read as something else than a name."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in {"null", "true", "false"} else json.dumps(text)
