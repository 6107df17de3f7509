"""Bits of weights and activations against depth, one line an engine: the paper's picture of QBR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qeopt.escape import line
from qeopt.report.pictures.picture import SERIES, Picture, Spec, colours, data, field, tips
from qeopt.verbs.bits_by_depth import DepthProfile

HEIGHT = 180
TITLES = {"weights": "bits of weights", "activations": "bits of what is read"}


def depth_picture(name: str, profiles: Sequence[DepthProfile]) -> Picture:
    """Draw the mean bits in every part of the networks, front to back, weights above activations."""
    shown = [profile for profile in profiles if profile.answered]
    series = {profile.engine: SERIES[number % len(SERIES)] for number, profile in enumerate(shown)}
    told = "; ".join(f"{row.engine} {row.both:,} of {row.answered:,}" for row in shown)
    return Picture(
        "depth",
        f"{line(name)}: weights lose bits and activations gain bits towards the back: {told}",
        f"Lines of mean bits by depth for {len(shown)} engines, one panel for weights and one for activations.",
        {"vconcat": [_panel(kind, shown, series, is_last=kind == "activations") for kind in TITLES]},
    )


def _panel(kind: str, shown: Sequence[DepthProfile], series: Mapping[str, str], *, is_last: bool) -> Spec:
    rows: list[dict[str, Any]] = []
    for profile in shown:
        widths = profile.weights if kind == "weights" else profile.activations
        for part, bits in enumerate(widths):
            if bits is not None:
                rows.append({"depth": 100 * (part + 0.5) / len(widths), "bits": bits, "engine": profile.engine})
    x = field("depth", "depth, % of the convolutions" if is_last else None, scale={"domain": [0, 100]})
    return {
        "width": 760,
        "height": HEIGHT,
        "data": data(rows),
        "mark": {"type": "line", "point": {"size": 24}, "interpolate": "step"},
        "encoding": {
            "x": x,
            "y": field("bits", TITLES[kind], scale={"zero": False}),
            "color": colours("engine", series),
            "strokeDash": {"field": "engine", "type": "nominal", "legend": None},
            "tooltip": tips(engine="engine", depth="depth, %", bits="mean bits"),
        },
    }
