"""The picture of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qeopt.budgets import budget
from qeopt.escape import line
from qeopt.report.plots import KIB, new_figure, save_figure
from qeopt.verbs.sweep import Sweep, SweepPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMED = 10
"""Lines that a legend names; of more, only the first, the last and some between."""
NOTHING = "#D55E00"
"""Colour of what does not fit."""
VISIBLE_GAP = 1e-9
"""Relative gap from which a bound is drawn beside the score."""


def draw_sweep(found: Sweep, path: Path) -> None:
    """Draw score and proven bound over the budget with most values, one line for each value of the other.

    Lines are steps: a design stays one until the next point, and a bound holds back to the point before. Crosses: nothing fits.
    """
    figure = new_figure(8.4, 5.0)
    axes = figure.subplots()
    *others, across = sorted(found.axes, key=lambda name: len(found.axes[name]))
    groups: dict[tuple[int, ...], list[SweepPoint]] = {}
    for point in found.points:
        groups.setdefault(tuple(point.limits[name] for name in others), []).append(point)
    every = -(-len(groups) // MOST_NAMED)
    colours = _colours(len(groups))
    for number, (limits, points) in enumerate(groups.items()):
        named = number % every == 0 or number == len(groups) - 1
        said = ", ".join(_say(name, limit) for name, limit in zip(others, limits, strict=True))
        _line(axes, points, across, colours[number], said if named else None)
    _nothing(axes, found, across)
    _decorate(axes, found, across)
    save_figure(figure, path)


def _line(axes: Axes, points: Sequence[SweepPoint], across: str, colour: tuple[float, ...], label: str | None) -> None:
    """Scores as a line, and bounds as a dashed one where they are not the same."""
    scored = [(_scaled(across, point.limits[across]), point.score) for point in points if point.score is not None]
    if not scored:
        if label:
            axes.plot([], [], "x", color=NOTHING, markersize=7, label=f"{label}: nothing fits")
        return
    axes.plot(
        *zip(*scored, strict=True),
        color=colour,
        marker="o",
        markersize=4,
        linewidth=1.4,
        label="score" if label == "" else label,
        drawstyle="steps-post",
    )
    bounded = [
        (_scaled(across, point.limits[across]), point.bound)
        for point in points
        if point.bound is not None and point.score is not None
    ]
    if any((point.gap or 0.0) > VISIBLE_GAP for point in points):
        axes.plot(*zip(*bounded, strict=True), color=colour, marker="_", linewidth=1.0, linestyle="--", drawstyle="steps-pre")


def _nothing(axes: Axes, found: Sweep, across: str) -> None:
    """Mark along the bottom where no line has a design."""
    scored = {point.limits[across] for point in found.points if point.score is not None}
    empty = sorted({point.limits[across] for point in found.points} - scored)
    if empty:
        places = [_scaled(across, limit) for limit in empty]
        bottom = axes.get_xaxis_transform()
        axes.plot(
            places, [0.0] * len(places), "x", color=NOTHING, markersize=7, clip_on=False, transform=bottom, label="nothing fits"
        )


def _decorate(axes: Axes, found: Sweep, across: str) -> None:
    study = found.loaded.value
    if any((point.gap or 0.0) > VISIBLE_GAP for point in found.points):
        axes.plot([], [], color="black", linestyle="--", linewidth=1.0, label="proven bound")
    axes.set_xlabel(f"{across} budget, KiB" if budget(across).unit.is_memory else f"{across} budget")
    axes.set_ylabel("score, nats")
    what = "best bits of the network, proven" if study.subject.size == 1 else "best designs found, and what is proven"
    axes.set_title(f"{line(study.name)}: {what}{' (interrupted)' if found.interrupted else ''}", loc="left", fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(linewidth=0.3)
    axes.set_axisbelow(True)


def _say(name: str, limit: int) -> str:
    return f"{name} {limit / KIB:,.5g} KiB" if budget(name).unit.is_memory else f"{name} {limit:,}"


def _scaled(name: str, limit: int) -> float:
    return limit / KIB if budget(name).unit.is_memory else float(limit)


def _colours(lines: int) -> list[tuple[float, ...]]:
    """From dark to light, in an order that colour-blind readers see too."""
    from matplotlib import colormaps  # noqa: PLC0415  # as in `new_figure`

    return [tuple(colormaps["viridis"](0.85 * number / max(lines - 1, 1))) for number in range(lines)]
