"""The picture of correlations: measured accuracy over the predictors that order it best, and over the score."""

from __future__ import annotations

from pathlib import Path

from qeopt.report.plots import new_figure, save_figure
from qeopt.statistics.features import DEPTH
from qeopt.verbs.correlate import Correlations

MOST = 6
COLUMNS = 3


def draw_correlations(found: Correlations, path: Path) -> None:
    """Draw a panel for each of the best predictors, the score among them; colours are depths, bars the spread of the seeds."""
    chosen = list(found.predictors[:MOST])
    score = next((one for one in found.predictors if one.name == "score"), None)
    if score is not None and score not in chosen:
        chosen[-1] = score
    rows = -(-len(chosen) // COLUMNS)
    figure = new_figure(10.5, 0.8 + 2.9 * rows)
    panels = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).ravel()
    data = found.data
    depths = data.column(DEPTH) if DEPTH in data.names else None
    spread = [(max(one.accuracies) - min(one.accuracies)) / 2 for one in data.designs]
    middle = [(max(one.accuracies) + min(one.accuracies)) / 2 for one in data.designs]
    dots = None
    for axes, one in zip(panels, chosen, strict=False):
        values = data.column(one.name)
        axes.errorbar(values, middle, yerr=spread, fmt="none", ecolor="#BBBBBB", elinewidth=0.8, zorder=1)
        dots = axes.scatter(values, data.accuracy, c=depths, cmap="viridis", s=14, zorder=2)
        axes.set_title(f"{one.name}: rho {one.overall['spearman']}", loc="left", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
        axes.grid(linewidth=0.3)
    for axes in panels[len(chosen) :]:
        axes.set_visible(False)
    for axes in panels[::COLUMNS]:
        axes.set_ylabel("accuracy, %", fontsize=9)
    if dots is not None and depths is not None and len(found.depths) > 1:
        figure.colorbar(dots, ax=list(panels), label="layers", shrink=0.7)
    save_figure(figure, path)
