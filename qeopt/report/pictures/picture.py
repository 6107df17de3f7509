"""One picture: its specification, what it says, and how it becomes a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

from qeopt.escape import line
from qeopt.files import write_atomically

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
VEGA_LITE = "6.4"
"""Version of Vega-Lite that compiles; vl-convert carries it."""
Spec = dict[str, Any]
WIDTH = 760
"""Pixels between the axes of a picture in a file; in a page it is as wide as its place."""
SCALE = 1.5
"""Pixels of a PNG for one of its specification."""
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999"
"""Told apart by colour-blind readers too (Okabe and Ito)."""
SERIES = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, GREY)
LIMIT = ORANGE
"""Colour of what may not be crossed."""
KIB = 1024
_PARTED = {"vconcat", "concat"}
"""What a picture of several has; each is as wide as it says."""
MOST_NAMED_STEPS = 90
"""Operators above which an axis has no room for their names; they are told where the pointer is."""

LONGEST_LABEL = 36
"""Letters of a name at an axis. A limit in pixels would have every name measured once more, a third of the time of a picture."""


@dataclass(frozen=True)
class Ink:
    """Colours of everything but data, and the font."""

    text: str
    muted: str
    grid: str
    background: str | None
    font: str


PAPER = Ink("#1a1a1a", "#555555", "#dddddd", "#ffffff", "sans-serif")
"""Of files; vl-convert looks for fonts by name at every text, and takes twice as long for a list of them."""
STYLED = Ink("var(--ink)", "var(--muted)", "var(--grid)", None, "Helvetica Neue, Helvetica, Arial, DejaVu Sans, sans-serif")
"""Of pages: the style sheet knows whether it is dark, or paper."""


@dataclass(frozen=True)
class Picture:
    """Something to look at."""

    name: str
    """Of its file, and of its place in a page."""
    title: str
    """The finding, in a sentence."""
    alt: str
    """What is to be seen, for those who do not see it."""
    spec: Mapping[str, Any]
    """Vega-Lite, without a title and colours of its own."""

    def document(self, ink: Ink = PAPER, *, title: bool = True, width: int | str = WIDTH) -> Spec:
        """The whole specification, ready to be drawn."""
        spec = {"width": width, **self.spec} if not _PARTED & set(self.spec) else dict(self.spec)
        if title:
            spec["title"] = {"text": _wrapped(line(self.title))}
        return {"$schema": SCHEMA, "description": line(self.alt), **spec, "config": config(ink)}


@cache
def warm_up() -> None:
    """Start what draws, which takes seconds once, beside whatever goes on."""

    def draw() -> None:
        import vl_convert  # noqa: PLC0415  # starts an engine of JavaScript

        vl_convert.vegalite_to_svg({"$schema": SCHEMA, "data": {"values": []}, "mark": "bar"}, vl_version=VEGA_LITE)

    Thread(target=draw).start()


def write_picture(picture: Picture, path: Path) -> None:
    """Draw a picture into a PNG or SVG, by the ending of `path`, whole or not at all.

    Raises:
        ValueError: when vl-convert cannot draw the specification.
    """
    import vl_convert  # noqa: PLC0415  # only those who draw need it

    spec = picture.document()
    if path.suffix == ".svg":
        write_atomically(path, vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))
    else:
        write_atomically(path, vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=SCALE))


def stacked(name: str, pictures: Sequence[Picture]) -> Picture:
    """Pictures below each other in one file, under the title of the first."""
    parts = [{"width": WIDTH, **picture.spec} for picture in pictures]
    schemes = {"resolve": {"scale": {"color": "independent"}}}
    return Picture(name, pictures[0].title, " ".join(picture.alt for picture in pictures), {"vconcat": parts, **schemes})


def data(rows: Sequence[Mapping[str, Any]]) -> Spec:
    """Rows as the data of a specification."""
    return {"values": list(rows)}


def field(name: str, title: str | None = None, **more: Any) -> Spec:
    """An encoding of numbers."""
    return {"field": name, "type": "quantitative", "title": title, **more}


def colours(name: str, by_value: Mapping[Any, str], *, title: str | None = None, **more: Any) -> Spec:
    """An encoding of names, or of few numbers, by colour; the legend stands above."""
    scale = {"domain": list(by_value), "range": list(by_value.values())}
    return {"field": name, "type": "nominal", "scale": scale, "legend": {"title": title, "orient": "top"}, **more}


def tips(**titles: str) -> list[Spec]:
    """What is told where the pointer is: fields and their names."""
    return [{"field": name, "type": "nominal", "title": title} for name, title in titles.items()]


def steps_axis(names: Sequence[str], *, labels: bool = True) -> Spec:
    """An axis of operators in the order in which they run; they are numbers there, so that thousands have room."""
    scale = {"domain": [-0.6, len(names) - 0.4], "nice": False, "zero": False}
    axis: Spec = {"grid": False, "domain": False, "ticks": False, "labels": False, "title": None}
    if labels and len(names) <= MOST_NAMED_STEPS:
        axis |= {
            "labels": True,
            "values": list(range(len(names))),
            "labelExpr": chosen_label(names),
            "labelAngle": -90,
            "labelLimit": 0,
        }
        axis |= {"labelAlign": "right", "labelBaseline": "middle", "labelOverlap": False, "labelFontSize": 9}
    elif labels:
        axis |= {"title": "operators, in the order in which they run; the pointer tells their names"}
    return {"type": "quantitative", "scale": scale, "axis": axis}


def chosen_label(names: Sequence[str]) -> str:
    """An expression that gives the name at the place that an axis counts; names in it are texts, whatever they hold."""
    return f"{json.dumps([_short(line(name)) for name in names])}[datum.value]"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}\u2026"


def config(ink: Ink) -> Spec:
    """The look that all pictures share."""
    axis = {
        "labelColor": ink.text,
        "titleColor": ink.muted,
        "gridColor": ink.grid,
        "domainColor": ink.muted,
        "tickColor": ink.muted,
    }
    fonts = {"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 220}
    return {
        "background": ink.background,
        "font": ink.font,
        "padding": 6,
        "axis": {**axis, **fonts},
        "legend": {"labelColor": ink.text, "titleColor": ink.muted, **fonts, "symbolType": "square", "labelLimit": 420},
        "header": {"labelColor": ink.text, "titleColor": ink.muted},
        "title": {
            "color": ink.text,
            "subtitleColor": ink.muted,
            "anchor": "start",
            "fontSize": 15,
            "fontWeight": 600,
            "offset": 10,
        },
        "view": {"stroke": None},
        "text": {"color": ink.text, "fontSize": 10},
        "style": {
            "outline": {"stroke": ink.text, "strokeWidth": 1.6},
            "line": {"stroke": ink.text},
            "mark-text": {"fill": ink.text},
        },
    }


def _wrapped(text: str, most: int = 92) -> list[str]:
    """A title on lines of so many letters at most, where there are spaces."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines
