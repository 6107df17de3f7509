"""Vega for pages: the bundle that vl-convert carries, which takes seconds to put together and is kept after the first time."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from qeopt.files import write_atomically
from qeopt.report.pictures.picture import VEGA_LITE

SNIPPET = "globalThis.vegaEmbed = vegaEmbed;"
"""All that a page needs of it."""


def bundle() -> str:
    """Vega and Vega-Lite as JavaScript that sets `vegaEmbed`; from the cache of this user where it is there."""
    kept = _cache() / f"vega-lite-{VEGA_LITE}-of-vl-convert-{version('vl-convert-python')}.js"
    with suppress(OSError, UnicodeDecodeError):
        text = kept.read_text(encoding="utf-8")
        if text.endswith("\n/* whole */\n"):
            return text
    import vl_convert  # noqa: PLC0415  # starts an engine of JavaScript

    text = f"{vl_convert.javascript_bundle(SNIPPET, vl_version=VEGA_LITE)}\n/* whole */\n"
    with suppress(OSError):  # a page needs no cache
        write_atomically(kept, text)
    return text


def _cache() -> Path:
    """Where this user's programs keep what they can make again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "qeopt" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "qeopt"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qeopt"
