"""The picture of a comparison."""

from __future__ import annotations

from pathlib import Path

from qeopt.escape import line
from qeopt.report.comparison import EQUAL_GAP, gaps
from qeopt.report.plots import new_figure, save_figure
from qeopt.verbs.compare import Comparison

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dvx+"


def draw_gaps(found: Comparison, path: Path) -> None:
    """Draw the gap of every engine on every structure, each engine's in ascending order; engines without any gap share a line."""
    figure = new_figure(8.4, 4.8)
    axes = figure.subplots()
    exact = []
    for number, engine in enumerate(found.engines):
        shares = [100 * gap for gap in gaps(found, engine)]
        if not shares or shares[-1] <= 100 * EQUAL_GAP:
            exact += [engine] if shares else []
            continue
        places = [100 * (index + 1) / len(found.instances) for index in range(len(shares))]
        label = f"{engine}: mean {sum(shares) / len(shares):.3g} %, largest {shares[-1]:.3g} %"
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        axes.plot(places, shares, color=colour, marker=marker, markersize=4, linewidth=1, label=label)
    if exact:
        axes.axhline(0, color="black", linewidth=1.2, label=f"{', '.join(exact)}: no gap")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set_ylim(bottom=-0.002)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(f"share of the {len(found.instances):,} structures with at most this gap, %")
    axes.set_ylabel("gap to the exact optimum, % of the score")
    axes.set_title(f"{line(found.loaded.value.name)}: what greedy rules lose", loc="left", fontsize=10)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc="best")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.3)
    save_figure(figure, path)


def draw_scores(found: Comparison, path: Path) -> None:
    """Draw the gap of every engine on one network as bars with the scores written at them."""
    figure = new_figure(7.2, 0.9 + 0.45 * len(found.engines))
    axes = figure.subplots()
    answers = found.instances[0].answers
    for place, answer in enumerate(answers):
        share = 100 * (answer.gap or 0.0)
        axes.barh(place, share, 0.6, color=COLOURS[place % len(COLOURS)])
        score = answer.refined.score
        said = "no bits found" if score is None else f"{score:.4f}" + (f" (gap {share:.4f} %)" if share > 100 * EQUAL_GAP else "")
        axes.annotate(said, (share, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(answers)), [answer.engine for answer in answers])
    axes.invert_yaxis()
    axes.margins(x=0.35)
    axes.set_xlim(left=0)
    axes.set_xlabel("gap to the exact optimum, % of the score")
    axes.set_title(f"{line(found.loaded.value.name)}: what greedy rules lose", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
