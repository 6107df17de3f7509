"""Bits of weights and activations against depth, one line an engine: the paper's picture of QBR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qeopt.escape import line
from qeopt.report.pictures.picture import SERIES, Picture, colours, data, field, tips

HEIGHT = 180
MOST_POINTS = 400
"""Above which points would hide the lines."""
TITLES = {"weights": "bits of weights", "activations": "bits of what is read"}


def depth_pictures(document: Mapping[str, Any]) -> list[Picture]:
    """Draw the mean bits in every part of the networks, front to back: of weights, and of activations.

    Args:
        document: A comparison. Nothing is drawn of what no engine found bits for, or all of them gave the same bits everywhere.
    """
    shown = [row for row in document.get("depth", ()) if row["answered"]]
    differ = [kind for kind in TITLES if len({bits for row in shown for bits in row[kind] if bits is not None}) > 1]
    return [_picture(document["study_name"], kind, shown) for kind in differ]


def _picture(name: str, kind: str, shown: list[dict[str, Any]]) -> Picture:
    series = {row["engine"]: SERIES[number % len(SERIES)] for number, row in enumerate(shown)}
    counted, trend = ("weights_fall", "fewer") if kind == "weights" else ("activations_rise", "more")
    claim = f"{kind} have {trend} bits in the back half"
    if all(row["answered"] == 1 for row in shown):
        told = ", ".join(f"{row['engine']} {'yes' if row[counted] else 'no'}" for row in shown)
    else:
        told = ", ".join(f"{row['engine']} {row[counted]:,} of {row['answered']:,}" for row in shown)
    points = [
        {"depth": 100 * (part + 0.5) / len(row[kind]), "bits": bits, "engine": row["engine"]}
        for row in shown
        for part, bits in enumerate(row[kind])
        if bits is not None
    ]
    return Picture(
        f"depth-{kind}",
        f"{line(name)}: {claim}: {told}",
        f"Lines of mean bits of {kind} by depth, one for each of {len(shown)} engines.",
        {
            "height": HEIGHT,
            "data": data(points),
            "mark": {"type": "line", "interpolate": "step", **({"point": {"size": 24}} if len(points) <= MOST_POINTS else {})},
            "encoding": {
                "x": field("depth", "depth, % of the convolutions", scale={"domain": [0, 100]}),
                "y": field("bits", TITLES[kind], scale={"zero": False}),
                "color": colours("engine", series),
                "strokeDash": {"field": "engine", "type": "nominal", "legend": None},
                "tooltip": tips(engine="engine", depth="depth, %", bits="mean bits"),
            },
        },
    )
