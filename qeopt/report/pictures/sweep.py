"""Sweeps as pictures, from their document: a map of two budgets, frontiers with what is proven, and what a step buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from qeopt.budgets import budget
from qeopt.report.pictures.picture import BLUE, GREEN, KIB, LIMIT, ORANGE, Picture, Spec, chosen_label, data, field, tips
from qeopt.report.words import amount, limit_words, limits_words
from qeopt.report.words import gap as gap_words

HEIGHT = 280
LEVELS = 5
"""Lines of equal score in a map."""
MOST_CELLS_WITH_NUMBERS = 240
VISIBLE_GAP = 1e-9
"""Relative gap from which a bound is drawn beside the score."""
MOST_LINES = 12
Document = Mapping[str, Any]
Point = Mapping[str, Any]


def sweep_pictures(document: Document) -> list[Picture]:
    """What there is to see of a sweep over one, two or more budgets."""
    scored = [point for point in document["points"] if point["score"] is not None]
    if not scored:
        return []
    if len(limited(document)) > len(document["axes"]):
        return [_two_costs(document)]
    if len(document["axes"]) == 2:
        return [_map(document), _steps(document)]
    return [_frontier(document), *([_steps(document)] if len(document["axes"]) == 1 else [])]


def sweep_title(document: Document) -> str:
    """What more of the budgets buys, from the tightest point with a design to the loosest."""
    scored = [point for point in document["points"] if point["score"] is not None]
    if not scored:
        return "nothing fits at any point"
    if len(limited(document)) > len(document["axes"]):
        return _trade(scored, *limited(document))
    least, most = min(scored, key=lambda point: point["score"]), max(scored, key=lambda point: point["score"])
    first = next(point for point in scored if point["score"] >= most["score"] - 1e-9 * abs(most["score"]))
    none = len(document["points"]) - len(scored)
    empty = f"; nothing fits at {none:,} of {len(document['points']):,} points" if none else ""
    if least["score"] == most["score"]:
        return f"all points have the same score, {most['score']:.2f}{empty}"
    return f"the score rises from {least['score']:.2f} at {_at(least)} to {most['score']:.2f} at {_at(first)}{empty}"


def limited(document: Document) -> list[str]:
    """Budgets that every point has a limit of: those of the grid, or both of a frontier of two."""
    return [name for name in document.get("frontier") or () if name != "score"] or list(document["axes"])


def _trade(points: Sequence[Point], across: str, up: str) -> str:
    """What less of one of two budgets costs of the other."""
    ends = [min(points, key=lambda point: point["limits"][name]) for name in (across, up)]
    least, most = (limits_words({name: end["limits"][name] for name in (across, up)}) for end in ends)
    scores = [point["score"] for point in points]
    if len(points) == 1:
        return f"one point is best at both: {least}, with a score of {scores[0]:.4g}"
    return f"from {least} to {most}; scores of {min(scores):.4g} to {max(scores):.4g}"


def _at(point: Point) -> str:
    return limits_words(point["limits"])


def _row(point: Point) -> dict[str, Any]:
    """What is told of a point."""
    nothing = "nothing fits, proven" if point["status"] == "infeasible" else "nothing found"
    said = nothing if point["score"] is None else f"{point['score']:.4f}"
    used = (
        "" if point["sram_bytes"] is None else f"SRAM {amount(point['sram_bytes'], 'B')}, flash {amount(point['flash_bytes'], 'B')}"
    )
    gap = "" if point["gap"] is None else gap_words(point["gap"])
    return {"at": _at(point), "score": point["score"], "bound": point["bound"], "said": said, "gap": gap, "used": used}


def _map(document: Document) -> Picture:
    """Two budgets as a map of scores with lines of equal score: they are stairs, as a design stays until the next point."""
    across, up = sorted(document["axes"], key=lambda name: -len(document["axes"][name]))
    columns, rows_of = document["axes"][across], document["axes"][up]
    place = {(point["limits"][across], point["limits"][up]): point for point in document["points"]}
    low, high = _range(document)
    digits = 0 if high - low >= 100 or high >= 1000 else 1  # as many as tell neighbours apart where there is room for them
    rows = [
        {
            **_row(point), "x": columns.index(column), "y": rows_of.index(row),
            "label": "" if point["score"] is None else f"{point['score']:.{digits}f}",
        }
        for (column, row), point in place.items()
    ]  # fmt: skip
    x = _places("x", f"{across} budget", [limit_words(across, limit) for limit in columns])
    y = _places("y", f"{up} budget", [limit_words(up, limit) for limit in rows_of])
    told = tips(at="at", said="score", gap="gap", used="uses")
    edges: Spec = {"x0": "datum.x - 0.5", "x1": "datum.x + 0.5", "y0": "datum.y - 0.5", "y1": "datum.y + 0.5"}
    corners = {"x": {**x, "field": "x0"}, "x2": {"field": "x1"}, "y": {**y, "field": "y0"}, "y2": {"field": "y1"}}
    boxes: Spec = {
        "transform": [{"filter": "isValid(datum.score)"}],
        "mark": {"type": "rect"},
        "encoding": {
            **corners,
            "color": field("score", "score", scale={"scheme": "viridis"}, legend={"title": "score", "orient": "right"}),
            "tooltip": told,
        },
    }
    empty: Spec = {
        "transform": [{"filter": "!isValid(datum.score)"}],
        "mark": {"type": "point", "shape": "cross", "angle": 45, "filled": True, "color": LIMIT, "size": 60},
        "encoding": {"x": x, "y": y, "tooltip": told},
    }
    layer = [boxes, empty]
    if len(rows) <= MOST_CELLS_WITH_NUMBERS:
        ink = {"expr": f"datum.score > {low + 0.55 * (high - low)} ? 'black' : 'white'"}
        mark = {"type": "text", "fontSize": 9, "color": ink, "tooltip": None}
        layer.append({"mark": mark, "encoding": {"x": x, "y": y, "text": {"field": "label"}}})
    layer += _stairs(document, place, columns, rows_of, across, up, x, y)
    title = sweep_title(document)
    return Picture(
        "sweep",
        title,
        f"A map of scores over {len(columns)} budgets of {across} and {len(rows_of)} of {up}, with lines of equal score. {title}.",
        {
            "height": max(160, min(34 * len(rows_of), 460)),
            "data": data(rows),
            "transform": [{"calculate": text, "as": name} for name, text in edges.items()],
            "layer": layer,
        },
    )


def _places(name: str, title: str, labels: Sequence[str]) -> Spec:
    """An axis of cells with a label each, as many as there is room for."""
    every = -(-len(labels) // 24)
    axis = {
        "values": [place for place in range(len(labels)) if place % every == 0],
        "labelExpr": chosen_label(labels),
        "grid": False,
        "labelAngle": 0 if name == "y" or len(labels) <= 10 else -45,
        "title": title,
    }
    return field(name, title, scale={"domain": [-0.5, len(labels) - 0.5], "nice": False, "zero": False}, axis=axis)


def _range(document: Document) -> tuple[float, float]:
    scores = [point["score"] for point in document["points"] if point["score"] is not None]
    return min(scores, default=0.0), max(scores, default=0.0)


def _stairs(
    document: Document,
    place: Mapping[tuple[int, int], Point],
    columns: Sequence[int],
    rows: Sequence[int],
    across: str,
    up: str,
    x: Spec,
    y: Spec,
) -> list[Spec]:
    """Lines between cells below and from each level on."""
    low, high = _range(document)
    if low == high:
        return []
    found = []
    for number in range(1, LEVELS + 1):
        level = low + (high - low) * number / (LEVELS + 1)
        reached = [[_reaches(place.get((column, row)), level) for column in columns] for row in rows]
        for at, line in enumerate(reached):
            for cell, is_reached in enumerate(line):
                said = f"score {level:.1f} from here on"
                if is_reached and cell and not line[cell - 1]:
                    found.append({"x0": cell - 0.5, "x1": cell - 0.5, "y0": at - 0.5, "y1": at + 0.5, "said": said})
                if is_reached and at and not reached[at - 1][cell]:
                    found.append({"x0": cell - 0.5, "x1": cell + 0.5, "y0": at - 0.5, "y1": at - 0.5, "said": said})
    corners = {"x": {**x, "field": "x0"}, "x2": {"field": "x1"}, "y": {**y, "field": "y0"}, "y2": {"field": "y1"}}
    lines = {"data": data(found), "mark": {"type": "rule", "color": "white", "strokeWidth": 2.2}}
    return [{**lines, "encoding": {**corners, "tooltip": tips(said="")}}] if found else []


def _reaches(point: Point | None, level: float) -> bool:
    return point is not None and point["score"] is not None and point["score"] >= level


def _frontier(document: Document) -> Picture:
    """Scores over the budget with most values as stairs, one for each value of the others; bars reach to what is proven."""
    *others, across = sorted(document["axes"], key=lambda name: len(document["axes"][name]))
    rows = [
        {
            **_row(point), "x": _scaled(across, point["limits"][across]),
            "line": limits_words({name: point["limits"][name] for name in others}),
        }
        for point in document["points"]
        if point["score"] is not None
    ]  # fmt: skip
    title = sweep_title(document)
    is_memory = budget(across).unit.is_memory
    x = field("x", f"{across} budget{', KiB' if is_memory else ''}", scale={"zero": False})
    y = field("score", "score", scale={"zero": False, "padding": 8})
    names = list(dict.fromkeys(row["line"] for row in rows))
    colour: Spec = {"field": "line", "type": "nominal", "scale": {"scheme": "viridis"}, "sort": names}
    colour |= {"legend": {"orient": "top", "title": None} if 1 < len(names) <= MOST_LINES else None}
    told = tips(at="at", said="score", gap="gap", used="uses")
    single = len(names) == 1
    stairs: Spec = {"mark": {"type": "line", "interpolate": "step-after"}, "encoding": {"x": x, "y": y, "color": colour}}
    dots: Spec = {
        "mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
        "encoding": {**stairs["encoding"], "tooltip": told},
    }
    if single:
        for layer in (stairs, dots):
            layer["encoding"]["color"] = {"value": BLUE}
    bars: Spec = {
        "transform": [{"filter": "isValid(datum.bound)"}],
        "mark": {"type": "rule", "color": ORANGE, "strokeWidth": 4, "opacity": 0.65},
        "encoding": {"x": x, "y": y, "y2": {"field": "bound"}, "tooltip": told},
    }
    gaps = any((point["gap"] or 0.0) > VISIBLE_GAP for point in document["points"])
    said = f"{title}; bars reach up to what no design exceeds" if gaps else f"{title}; proven at every point"
    spec: Spec = {"height": HEIGHT, "data": data(rows), "layer": [stairs, *([bars] if gaps else []), dots]}
    return Picture("sweep", said, f"Stairs of the best score over the {across} budget. {said}.", spec)


def _two_costs(document: Document) -> Picture:
    """What is enough of one budget over the other as stairs, each point in the colour of its score."""
    across, up = limited(document)
    points = sorted(document["points"], key=lambda point: int(point["limits"][across]))
    rows = [
        {**_row(point), "x": _scaled(across, point["limits"][across]), "y": _scaled(up, point["limits"][up])} for point in points
    ]
    x, y = (
        field(axis, f"{name}{', KiB' if budget(name).unit.is_memory else ''}", scale={"zero": False, "padding": 12})
        for axis, name in (("x", across), ("y", up))
    )
    place = {"x": x, "y": y}
    told = tips(at="at", said="score", used="uses")
    colour = field("score", "score", scale={"scheme": "viridis"}, legend={"title": "score", "orient": "right"})
    stairs: Spec = {"mark": {"type": "line", "interpolate": "step-after", "color": BLUE, "opacity": 0.5}, "encoding": place}
    dots: Spec = {
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
        "encoding": {**place, "color": colour, "tooltip": told},
    }
    title = sweep_title(document)
    return Picture(
        "sweep",
        title,
        f"Stairs of the least {up} within each amount of {across}, points in the colour of their score. {title}.",
        {"height": HEIGHT, "data": data(rows), "layer": [stairs, dots]},
    )


def _scaled(name: str, limit: int) -> float:
    return limit / KIB if budget(name).unit.is_memory else float(limit)


def _steps(document: Document) -> Picture:
    """What a unit more of the budget with most values buys, from point to point; of two budgets, where the other is loosest."""
    *others, across = sorted(document["axes"], key=lambda name: len(document["axes"][name]))
    loosest = {name: document["axes"][name][-1] for name in others}
    line = [point for point in document["points"] if all(point["limits"][name] == limit for name, limit in loosest.items())]
    scored = sorted((point for point in line if point["score"] is not None), key=lambda point: point["limits"][across])
    unit = "KiB" if budget(across).unit.is_memory else f"of {across}"
    rows = []
    for before, after in pairwise(scored):
        start, end = (_scaled(across, point["limits"][across]) for point in (before, after))
        worth = (after["score"] - before["score"]) / (end - start)
        reach = f"{limit_words(across, before['limits'][across])} to {limit_words(across, after['limits'][across])}"
        rows.append({"x0": start, "x1": end, "y": worth, "zero": 0, "said": f"{worth:.4g} a {unit}", "at": reach})
    best = max(rows, key=lambda row: float(str(row["y"])), default=None)
    where = f" ({limits_words(loosest)})" if loosest else ""
    title = (
        f"more {across} buys most from {best['at']}: {best['said']}{where}"
        if best
        else f"one point alone says nothing of what {across} buys"
    )
    bars = {
        "height": 130,
        "data": data(rows),
        "mark": {"type": "rect", "color": GREEN, "stroke": "white", "strokeWidth": 0.5},
        "encoding": {
            "x": field(
                "x0", f"{across} budget{', KiB' if budget(across).unit.is_memory else ''}", scale={"zero": False, "nice": False}
            ),
            "x2": {"field": "x1"},
            "y": field("y", f"score a {unit}"),
            "y2": {"field": "zero"},
            "tooltip": tips(at="from", said="buys"),
        },
    }
    return Picture("marginal", title, f"Bars of what a {unit} more buys between neighbouring points. {title}.", bars)
