"""Vega for pages: the bundle that vl-convert carries, which takes seconds to put together and is kept after the first time."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qeopt.files import write_atomically
from qeopt.report.pictures.picture import STYLED, VEGA_LITE, Picture

SNIPPET = "globalThis.vegaEmbed = vegaEmbed;"
"""All that a page needs of it."""


def bundle() -> str:
    """Vega as JavaScript that sets `vegaEmbed`; from the cache of this user where it is there."""
    kept = _cache() / f"vega-of-vl-convert-{version('vl-convert-python')}.js"
    with suppress(OSError, UnicodeDecodeError):
        text = kept.read_text(encoding="utf-8")
        if text.endswith("\n/* whole */\n"):
            return text
    import vl_convert  # noqa: PLC0415  # see `compiled`

    text = f"{vl_convert.javascript_bundle(SNIPPET)}\n/* whole */\n"
    with suppress(OSError):  # a page needs no cache
        write_atomically(kept, text)
    return text


def compiled(picture: Picture) -> Mapping[str, Any]:
    """The picture as Vega, as wide as its place."""
    import vl_convert  # noqa: PLC0415  # only those who draw need it

    spec = picture.document(STYLED, title=False, width="container")
    found: Mapping[str, Any] = vl_convert.vegalite_to_vega(spec, vl_version=VEGA_LITE)
    return found


def _cache() -> Path:
    """Where this user's programs keep what they can make again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "qeopt" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "qeopt"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qeopt"
