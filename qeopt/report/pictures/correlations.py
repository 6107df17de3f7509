"""Measured accuracy over the predictors that order it best, and over the score, from the document of a correlation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qeopt.escape import line
from qeopt.report.pictures.picture import GREY, Picture, Spec, data, field, tips

COLUMNS = 3
WIDTH, HEIGHT = 225, 170
Document = Mapping[str, Any]


def correlations_picture(document: Document) -> Picture:
    """Draw a panel for each of the best predictors, the score among them; colours are depths, bars the spread of the seeds."""
    points, shown = document["points"], document["shown"]
    rho = {one["name"]: one["overall"]["spearman"] for one in document["predictors"]}
    panels = [
        _panel(name, f"{line(name)}: rho {rho[name]['value']:+.2f} [{rho[name]['low']:+.2f}, {rho[name]['high']:+.2f}]", points)
        for name in shown
    ]
    best = document["predictors"][0]["name"]
    score = f", the score {rho['score']['value']:+.2f}" if "score" in rho and best != "score" else ""
    title = f"{line(best)} orders the accuracies best: rho {rho[best]['value']:+.2f}{score}, on {document['designs']:,} designs"
    grid: Spec = {"concat": panels, "columns": COLUMNS, "resolve": {"scale": {"color": "shared"}}}
    return Picture("correlations", title, f"{len(panels)} panels of accuracy over a predictor. {title}.", grid)


def _panel(name: str, title: str, points: list[Mapping[str, Any]]) -> Spec:
    rows = [
        {
            "x": point["values"][name], "y": (point["low"] + point["high"]) / 2, "low": point["low"], "high": point["high"],
            "depth": point["depth"], "design": line(point["design"]),
        }
        for point in points
    ]  # fmt: skip
    x = field("x", name, scale={"zero": False}, axis={"title": None, "tickCount": 4})
    y = field("y", "accuracy, %", scale={"zero": False})
    bars = {"mark": {"type": "rule", "color": GREY}, "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}}
    colour: Spec = {"value": "#0072B2"}
    if len({row["depth"] for row in rows}) > 1:
        colour = field("depth", "layers", scale={"scheme": {"name": "viridis", "extent": [0.25, 0.95]}}, legend={"orient": "right"})
    told = tips(design="design", x=name, y="accuracy, %", depth="layers")
    dots = {
        "mark": {"type": "point", "filled": True, "opacity": 1, "size": 26},
        "encoding": {"x": x, "y": y, "color": colour, "tooltip": told},
    }
    return {"width": WIDTH, "height": HEIGHT, "title": {"text": title, "fontSize": 12}, "data": data(rows), "layer": [bars, dots]}
