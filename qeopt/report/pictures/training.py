"""Pictures of training: the curve, and which class was taken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qeopt.escape import line
from qeopt.report.pictures.picture import BLUE, ORANGE, Picture, Spec, chosen_label, data, field, tips
from qeopt.spec.units import counted

MOST_NAMED = 24
"""Classes above which numbers find no room."""


def curve_picture(points: Sequence[Mapping[str, Any]], told_right: str = "training images") -> Picture:
    """Draw loss and share told right over steps; points have `step`, `loss` and `accuracy`; `told_right` says of what."""
    rows = [{"step": point["step"], "loss": point["loss"], "right": 100 * point["accuracy"]} for point in points]
    x = field("step", "steps")
    told = tips(step="step", loss="loss", right=f"{told_right} right, %")
    line_of = {"type": "line", "point": {"size": 18}}
    losses = {
        "mark": {**line_of, "color": BLUE},
        "encoding": {"x": x, "y": field("loss", "loss", axis={"titleColor": BLUE}), "tooltip": told},
    }
    right = field("right", f"{told_right} told right, %", scale={"zero": False}, axis={"titleColor": ORANGE, "grid": False})
    shares = {"mark": {**line_of, "color": ORANGE}, "encoding": {"x": x, "y": right, "tooltip": told}}
    last = rows[-1]
    title = f"after {last['step']:,} steps the loss is {last['loss']:.3f} and {last['right']:.1f} % of {told_right} are told right"
    spec: Spec = {"height": 220, "data": data(rows), "layer": [losses, shares], "resolve": {"scale": {"y": "independent"}}}
    return Picture("curve", title, f"Two curves over {len(rows)} points. {title}.", spec)


def precision_picture(what: str, precision: Sequence[float], average: float) -> Picture:
    """Draw precision at recalls of evenly spaced shares from 0 to 1, at an overlap of 0.5."""
    last = len(precision) - 1
    rows = [{"recall": 100 * place / last, "precision": 100 * value} for place, value in enumerate(precision)]
    told = tips(recall="objects found, %", precision="of what is told, right, %")
    line_of = {
        "mark": {"type": "area", "line": {"color": BLUE}, "color": BLUE, "fillOpacity": 0.15},
        "encoding": {
            "x": field("recall", "objects found, %"),
            "y": field("precision", "of what is told, right, %", scale={"domain": [0, 100]}),
            "tooltip": told,
        },
    }
    title = f"{what}: the average precision at an overlap of 0.5 is {average:.3f}"
    spec: Spec = {"height": 220, "data": data(rows), **line_of}
    return Picture("precision", title, f"A curve that falls from left to right, the area under it shaded. {title}.", spec)


def confusion_picture(what: str, confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> Picture:
    """Draw what share of each true class (row) was taken for each class (column)."""
    names = [line(name) for name in classes]
    rows = [
        {
            "is": row, "taken": column, "share": 100 * number / max(sum(numbers), 1), "number": number,
            "what": f"{names[row]} taken for {names[column]}" if row != column else f"{names[row]} told right",
        }
        for row, numbers in enumerate(confusion)
        for column, number in enumerate(numbers)
        if number or len(names) <= MOST_NAMED
    ]  # fmt: skip
    for one in rows:
        one["said"] = f"{one['share']:.0f}" if round(float(str(one["share"]))) else ""
    side = min(max(22 * len(names), 180), 520)
    labels: Spec = {"labelExpr": chosen_label(names)} if len(names) <= MOST_NAMED else {"labels": False, "ticks": False}
    axes = {
        name: {
            "field": name,
            "type": "ordinal",
            "axis": {"title": title, **labels, **({"labelAngle": -90} if name == "taken" else {})},
        }
        for name, title in (("taken", "taken for"), ("is", "is"))
    }
    boxes = {
        "mark": {"type": "rect"},
        "encoding": {
            "x": axes["taken"],
            "y": axes["is"],
            "color": field("share", scale={"scheme": "blues", "domain": [0, 100]}, legend={"title": "%"}),
            "tooltip": tips(what="", number="images", said="%"),
        },
    }
    ink = {"expr": "datum.share > 50 ? 'white' : 'black'"}
    text = {
        "mark": {"type": "text", "fontSize": 9, "color": ink, "tooltip": None},
        "encoding": {"x": axes["taken"], "y": axes["is"], "text": {"field": "said"}},
    }
    wrong = max((row for row in rows if row["is"] != row["taken"]), key=lambda row: int(str(row["number"])), default=None)
    most = (
        f"; most often wrong: {wrong['what']} ({counted(int(str(wrong['number'])), 'image')})" if wrong and wrong["number"] else ""
    )
    title = f"{what}{most}"
    spec: Spec = {
        "width": side,
        "height": side,
        "data": data(rows),
        "layer": [boxes, text] if len(names) <= MOST_NAMED else [boxes],
    }
    return Picture("confusion", title, f"A matrix of {len(names)} true classes by what they were taken for. {title}.", spec)
