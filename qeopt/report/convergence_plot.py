"""The picture of a search: its best score and what is proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qeopt.escape import line
from qeopt.report.plots import new_figure, save_figure
from qeopt.search import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73")
"""One per search, told apart by colour-blind readers too (Okabe and Ito)."""
NAMES = {"study": "the study", "eight_bits": "with 8 bits", "tied": "with tied bits"}
LEAST_GAP = 1e-3
"""Percent below which gaps are drawn on a linear scale: a gap may be 0."""
TITLE_ROW = 13
"""Height of a row of the legend, in points."""


def draw_convergence(title: str, histories: Mapping[str, Sequence[Progress]], path: Path) -> None:
    """Draw the best score of every search and its bound over time, and the gap between them over structures."""
    figure = new_figure(9.6, 4.4)
    over_time, over_structures = figure.subplots(1, 2)
    found = {
        name: rounds
        for name, history in histories.items()
        if (rounds := [progress for progress in history if progress.best_score is not None])
    }
    has_bounds = any(rounds[-1].bound is not None for rounds in found.values())
    for colour, (name, rounds) in zip(COLOURS, found.items(), strict=False):
        _scores(over_time, name, rounds, "seconds", colour)
        if has_bounds:
            _gaps(over_structures, rounds, colour)
        else:
            _scores(over_structures, name, rounds, "evaluations", colour)
    if has_bounds:
        over_structures.set_yscale("symlog", linthresh=LEAST_GAP)
        over_structures.yaxis.set_major_formatter("{x:g}")
        over_structures.set_ylim(0, max(2 * over_structures.dataLim.y1, 20 * LEAST_GAP))
    _decorate(over_time, "seconds", "best score")
    _decorate(over_structures, "structures evaluated", "gap to the bound, %" if has_bounds else "best score")
    rows = 2 if has_bounds else 1
    over_time.set_title(
        f"{line(title)}: best score found, and what is proven", loc="left", fontsize=10, pad=TITLE_ROW * (rows + 0.5)
    )
    if found:  # above the curves: whatever their shape, nothing is covered
        over_time.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=len(found), fontsize=8, frameon=False, borderaxespad=0.2
        ).set_in_layout(False)
    save_figure(figure, path)


def _scores(axes: Axes, name: str, rounds: Sequence[Progress], measure: str, colour: str) -> None:
    """The best score as steps, what is proven as a line of dashes."""
    last = rounds[-1]
    points = [(getattr(progress, measure), progress.best_score) for progress in rounds]
    said = f"{NAMES.get(name, name)}: {last.best_score:.3f}"
    axes.step(*zip(*points, strict=True), where="post", color=colour, marker=".", label=said)
    if last.bound is not None:
        axes.axhline(last.bound, color=colour, linewidth=0.9, linestyle="--", label=f"no design exceeds {last.bound:.3f}")


def _gaps(axes: Axes, rounds: Sequence[Progress], colour: str) -> None:
    """How far the best score is from what is proven, as steps."""
    found = [
        (progress.evaluations, 100 * max(progress.bound - progress.best_score, 0.0) / max(abs(progress.best_score), 1e-12))
        for progress in rounds
        if progress.bound is not None and progress.best_score is not None
    ]
    axes.step(*zip(*found, strict=True), where="post", color=colour, marker=".", clip_on=False)


def _decorate(axes: Axes, across: str, up: str) -> None:
    axes.set_xlim(left=0)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.3)
