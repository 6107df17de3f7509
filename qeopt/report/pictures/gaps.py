"""What greedy rules lose against exact engines, from the document of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qeopt.escape import line
from qeopt.report.comparison import EQUAL_GAP
from qeopt.report.pictures.picture import SERIES, Picture, Spec, colours, data, field, tips

HEIGHT = 260
LINEAR = 0.01
"""Percent of the score below which gaps are drawn on a linear scale: a gap may be 0."""
Document = Mapping[str, Any]


def comparison_picture(document: Document) -> Picture:
    """Gaps of every engine on every structure, or the answers on one network."""
    return _answers(document) if len(document["instances"]) == 1 else _gaps(document)


def comparison_title(document: Document) -> str:
    """What was found: which engine loses most, and which never does."""
    lost = {row["engine"]: row["largest_gap"] for row in document["summary"] if row["largest_gap"] is not None}
    if not lost:
        return "no engine's loss is known, as none proved the best bits"
    most = max(lost.values())
    worst = [engine for engine, gap in lost.items() if most - gap <= EQUAL_GAP]
    exact = [engine for engine, gap in lost.items() if gap <= EQUAL_GAP]
    if most <= EQUAL_GAP:
        return f"{', '.join(exact)}: none loses anything here"
    kept = f"; {_lose(exact)} nothing" if exact else ""
    of = "" if len(document["instances"]) == 1 else " at worst"
    return f"{_lose(worst)} {100 * most:.3g} % of the score{of}{kept}"


def _lose(engines: Sequence[str]) -> str:
    return f"{', '.join(engines)} {'loses' if len(engines) == 1 else 'lose'}"


def _gaps(document: Document) -> Picture:
    """The gap of every engine, each engine's in ascending order."""
    rows: list[dict[str, Any]] = []
    number = len(document["instances"])
    for engine in document["engines"]:
        answers = (answer for instance in document["instances"] for answer in instance["answers"] if answer["engine"] == engine)
        gaps = sorted(100 * answer["gap"] for answer in answers if answer["gap"] is not None)
        rows += [
            {"engine": engine, "share": 100 * (place + 1) / number, "gap": gap, "said": f"{gap:.4g} %"}
            for place, gap in enumerate(gaps)
        ]
    encoding = {
        "x": field("share", f"share of the {number:,} structures with at most this gap, %", scale={"domain": [0, 100]}),
        "y": field("gap", "gap to the exact optimum, % of the score", scale={"type": "symlog", "constant": LINEAR}),
        "color": colours("engine", _palette(document)),
        "tooltip": tips(engine="engine", said="gap"),
    }
    title = comparison_title(document)
    spec: Spec = {
        "height": HEIGHT,
        "data": data(rows),
        "mark": {"type": "line", "interpolate": "step-after", "point": True},
        "encoding": encoding,
    }
    return Picture("gaps", title, f"Curves of the gaps of {len(document['engines'])} engines, in ascending order. {title}.", spec)


def _answers(document: Document) -> Picture:
    """Scores on one network as bars of what is lost."""
    rows = [_answer(answer) for answer in document["instances"][0]["answers"]]
    y = {"field": "engine", "type": "nominal", "sort": None, "title": None, "axis": {"ticks": False, "domain": False}}
    room = 1.25 * max(row["gap"] for row in rows) or 1.0  # beside the longest bar, too, there is room for its number
    x = field("gap", "gap to the exact optimum, % of the score", scale={"domain": [0, room]})
    bars = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": x,
            "y": y,
            "color": {**colours("engine", _palette(document)), "legend": None},
            "tooltip": tips(engine="engine", said=""),
        },
    }
    text = {
        "mark": {"type": "text", "align": "left", "dx": 6, "style": "mark-text", "fontSize": 11},
        "encoding": {"x": x, "y": y, "text": {"field": "said"}},
    }
    title = comparison_title(document)
    spec = {"height": 30 * len(rows), "data": data(rows), "layer": [bars, text]}
    return Picture("gaps", title, f"Bars of what {len(rows)} engines lose on one network. {title}.", spec)


def _answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    gap = answer["gap"] or 0.0
    lost = f" (gap {100 * gap:.4f} %)" if gap > EQUAL_GAP else ""
    said = "no bits found" if answer["score"] is None else f"{answer['score']:.4f}{lost}"
    return {"engine": line(answer["engine"]), "gap": 100 * gap, "said": said}


def _palette(document: Document) -> dict[str, str]:
    engines: Sequence[str] = document["engines"]
    return {line(engine): SERIES[place % len(SERIES)] for place, engine in enumerate(engines)}
