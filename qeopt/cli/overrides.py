"""Options that are short for `--set`, so that designs record them in one way."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[A-Za-z./~][\w./~-]*")


def overrides(
    sets: Sequence[str] | None,
    *,
    device: str | None = None,
    runtime: str | None = None,
    seed: int | None = None,
    time_limit: float | None = None,
    engine: str | None = None,
    alternatives: int | None = None,
    baselines: bool = True,
) -> tuple[str, ...]:
    """Spell options as `KEY=VALUE` texts; what `--set` says comes last and wins."""
    texts = {"device": device, "runtime": runtime, "qbr.engine": engine}
    numbers = {"search.seed": seed, "search.time_limit_seconds": time_limit, "search.alternatives": alternatives}
    found = [f"{key}={_quoted(text)}" for key, text in texts.items() if text is not None]
    found += [
        f"{key}={number:g}" if isinstance(number, float) else f"{key}={number}"
        for key, number in numbers.items()
        if number is not None
    ]
    if not baselines:
        found.append("search.baselines=[]")
    return (*found, *(sets or ()))


def _quoted(text: str) -> str:
    """Quote what YAML could read as something else than a name."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in {"null", "true", "false"} else json.dumps(text)
