"""The picture of a search: its best score and what is proven, over structures and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from qeopt.report.plots import new_figure, save_figure
from qeopt.search import Progress

COLOURS = ("#0072B2", "#D55E00", "#009E73")
"""One per search, told apart by colour-blind readers too (Okabe and Ito)."""
NAMES = {"study": "the study", "eight_bits": "with 8 bits", "tied": "with tied bits"}
AXES = (("evaluations", "structures evaluated"), ("seconds", "seconds"))


def draw_convergence(title: str, histories: Mapping[str, Sequence[Progress]], path: Path) -> None:
    """Draw the best score of every search as steps, its bound as a line of dashes."""
    figure = new_figure(9.6, 4.2)
    for axes, (measure, label) in zip(figure.subplots(1, 2, sharey=True), AXES, strict=True):
        for colour, (name, history) in zip(COLOURS, histories.items(), strict=False):
            found = [(getattr(step, measure), step.best_score) for step in history if step.best_score is not None]
            if not found:
                continue
            said = NAMES.get(name, name)
            axes.step(*zip(*found, strict=True), where="post", color=colour, marker=".", label=f"{said}: {found[-1][1]:.3f}")
            bound = history[-1].bound
            if bound is not None:
                axes.axhline(bound, color=colour, linewidth=0.9, linestyle="--", label=f"no design exceeds {bound:.3f}")
        axes.set_xlabel(label)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", linewidth=0.3)
    figure.axes[0].set_ylabel("best score")
    figure.axes[0].set_title(f"{title}: best score found, and what is proven", loc="left", fontsize=10)
    if figure.axes[0].get_legend_handles_labels()[0]:
        figure.axes[0].legend(fontsize=8, frameon=False, loc="lower right")
    save_figure(figure, path)
