"""What holds a design back, or by how much budgets are too small, from the document of an explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qeopt.report.pictures.picture import BLUE, ORANGE, Picture, Spec, colours, data, field, tips
from qeopt.report.words import amount, percent

ROW = 34
"""Pixels of a bar and the room around it."""
HOLDS, FREE = "holds the bits back", "does not"


def explanation_pictures(document: Mapping[str, Any]) -> list[Picture]:
    """How full every budget is and which hold the bits back; or the least growth of one budget with which something fits."""
    if document["fits"]:
        limited = [row for row in document["budgets"] if row["limit"]]
        return [_used(limited)] if limited else []
    grown = [row for row in document["said"]["growth"] if row["share"]]
    return [_grown(grown)] if grown else []


def _used(budgets: Sequence[Mapping[str, Any]]) -> Picture:
    rows = [
        {
            "budget": row["name"],
            "share": 100 * row["share"],
            "state": HOLDS if row["gain_without"] else FREE,
            "told": f"{amount(row['used'], row['unit'])} of {amount(row['limit'], row['unit'])}",
            "gain": f"{row['gain_without']:+.4f}" if row["gain_without"] else "nothing",
        }
        for row in budgets
    ]
    holding = [row for row in rows if row["state"] == HOLDS]
    most = max(holding, key=lambda row: float(row["gain"]), default=None)
    title = (
        "no budget holds the bits of this network back"
        if most is None
        else f"{' and '.join(str(row['budget']) for row in holding)} hold{'s' * (len(holding) == 1)} the bits back; "
        f"without a limit on {most['budget']} they would score {str(most['gain']).removeprefix('+')} more"
    )
    spec = _bars(rows, "used, % of the budget", [0, 100])
    spec["encoding"]["color"] = colours("state", {HOLDS: ORANGE, FREE: BLUE})
    spec["encoding"]["tooltip"] = tips(budget="budget", told="used", gain="more score without this limit")
    return Picture("explanation-budgets", title, f"Bars of how full each of {len(rows)} budgets is, by whether it binds.", spec)


def _grown(growth: Sequence[Mapping[str, Any]]) -> Picture:
    rows = [
        {"budget": row["told"]["budget"], "share": 100 * row["share"], "more": row["told"]["more"], "then": row["told"]["then"]}
        for row in growth
    ]
    least = min(growth, key=lambda row: float(row["share"]))
    title = f"the least that helps: {least['told']['budget']} {least['told']['more']} ({percent(least['share'])} more)"
    spec = _bars(rows, "more than the budget, %", None)
    spec["encoding"]["color"] = {"value": ORANGE}
    spec["encoding"]["tooltip"] = tips(budget="budget", more="more", then="then")
    return Picture(
        "explanation-growth", title, f"Bars of the least growth by which each of {len(rows)} budgets alone suffices.", spec
    )


def _bars(rows: Sequence[Mapping[str, Any]], title: str, domain: list[int] | None) -> Spec:
    scale = {"scale": {"domain": domain}} if domain else {}
    return {
        "height": ROW * len(rows),
        "data": data(rows),
        "mark": {"type": "bar", "height": 18},
        "encoding": {
            "x": field("share", title, **scale),
            "y": {"field": "budget", "type": "nominal", "title": None, "sort": None},
        },
    }
