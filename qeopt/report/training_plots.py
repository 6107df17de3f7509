"""Pictures of training: the curve, and which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qeopt.report.plots import new_figure, save_figure

LOSS, RIGHT = "#0072B2", "#D55E00"
"""Told apart by colour-blind readers too (Okabe and Ito)."""
MOST_NAMED = 20
"""Classes above which names and numbers find no room."""


def draw_curve(title: str, points: Sequence[tuple[int, float, float]], path: Path) -> None:
    """Draw loss and share told right of the training images over steps; points are (steps made, loss, share)."""
    figure = new_figure(6.4, 3.6)
    axes = figure.subplots()
    steps, losses, shares = zip(*points, strict=True)
    axes.plot(steps, losses, color=LOSS)
    axes.set_xlabel("steps")
    axes.set_ylabel("loss", color=LOSS)
    axes.set_ylim(bottom=0)
    other = axes.twinx()
    other.plot(steps, [100 * share for share in shares], color=RIGHT)
    other.set_ylabel("training images told right, %", color=RIGHT)
    axes.set_title(title, loc="left", fontsize=10)
    save_figure(figure, path)


def draw_confusion(title: str, confusion: NDArray[np.int64], classes: Sequence[str], path: Path) -> None:
    """Draw what share of each true class (row) was taken for each class (column)."""
    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)
    side = 2.4 + 0.42 * min(len(classes), MOST_NAMED)
    figure = new_figure(side + 0.8, side)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= MOST_NAMED:
        axes.set_xticks(range(len(classes)), classes, rotation=90, fontsize=8)
        axes.set_yticks(range(len(classes)), classes, fontsize=8)
        for (row, column), share in np.ndenumerate(shares):
            if round(100 * share):
                axes.text(
                    column,
                    row,
                    f"{100 * share:.0f}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if share > 0.5 else "black",
                )
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    axes.set_title(title, loc="left", fontsize=10)
    save_figure(figure, path)
