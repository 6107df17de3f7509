"""A page as HTML. Every text goes through Jinja2's escaping; specifications are JSON in which nothing can end a script."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from qeopt.escape import visible
from qeopt.report.page.content import Page, Pair, Part, Shown
from qeopt.report.page.vega import bundle
from qeopt.report.pictures.picture import STYLED, Picture

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_UNIT = re.compile(r"(?<=\d) (?=(?:[KMG]i)?B\b|m?s\b|%|MHz\b)")

SHORT = 24
"""Letters of a cell that is not divided between lines."""


def render(page: Page) -> str:
    """The whole file."""
    shown = [picture for section in page.sections for part in section.parts for picture in _pictures(part)]
    pictures = {picture.name: picture.document(STYLED, title=False, width="container") for picture in shown}
    return _template().render(
        page=page,
        style=_asset("page.css"),
        script=_asset("page.js"),
        vega=bundle() if pictures else "",
        specs=script_json(pictures),
    )


def _pictures(part: Part) -> Sequence[Picture]:
    if isinstance(part, Pair):
        return part.pictures
    return (part.picture,) if isinstance(part, Shown) else ()


def script_json(value: Any) -> str:
    """JSON for the inside of a script: no `<`, `>` or `&`, and no line that JavaScript ends elsewhere than JSON."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  # most verbs write no page

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_seen)
    environment.filters["coded"] = _coded
    environment.filters["words"] = _words
    environment.filters["tight"] = _tight
    return environment.from_string(_asset("page.html"))


def _seen(value: Any) -> Any:
    """Names are data: what would hide or reorder text is spelled out. Markup of our own has none of it."""
    return visible(value) if type(value) is str else value


def _coded(text: str) -> Markup:
    """A sentence in which what stands between backticks is code, as on a terminal it reads."""
    from markupsafe import Markup, escape  # noqa: PLC0415  # as above

    parts = [escape(visible(part)) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return escape(visible(text))
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))


def _words(text: str) -> Markup:
    """A checksum, or a command of which no word is divided between lines as long as there is room."""
    from markupsafe import Markup  # noqa: PLC0415  # as above

    if " " not in text:
        return Markup('<code class="sum">{}</code>').format(visible(text))
    return Markup("<code>{}</code>").format(
        Markup(" ").join(Markup("<span>{}</span>").format(visible(word)) for word in text.split(" "))
    )


def _tight(text: str) -> str | Markup:
    """A number and its unit stay on one line, and so does a short name with hyphens."""
    from markupsafe import Markup  # noqa: PLC0415  # as above

    if len(text) <= SHORT and (text.startswith(">=") or (text[:1].isalpha() and "-" in text)):
        return Markup('<span class="name">{}</span>').format(visible(text))
    return _UNIT.sub("\u00a0", text)


def _asset(name: str) -> str:
    return files("qeopt.report.page").joinpath("assets", name).read_text(encoding="utf-8")
