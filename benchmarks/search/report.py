"""Turn the curves of `run.py` into a table (Markdown, on stdout) and a picture.

`python benchmarks/search/report.py RESULTS.jsonl docs/images/search.png > table.md`
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter

Step = tuple[float, int, float | None]
Curves = dict[tuple[str, str], list[list[Step]]]
"""By (study, method): one curve per seed."""

ORDER = ("hybrid", "bound", "evolution", "pymoo", "random search", "random bits", "hybrid, tied", "evolution, tied")
COLOURS = dict(zip(ORDER, ("#0072B2", "#56B4E9", "#009E73", "#CC79A7", "#999999", "#D55E00", "#000000", "#E69F00"), strict=True))
PUBLISHED = {"paper/mixed_7g": 1224.54, "paper/mixed_19g": 1290.34}
"""Scores of the networks that the paper's authors published."""
AUTHORS = {
    "paper/mixed_7g": (
        (500, 8.9, 972.79),
        (1000, 23.3, 1120.0),
        (2000, 59.0, 1156.36),
        (5000, 163.4, 1201.02),
        (20000, 665.8, 1217.19),
    ),
    "paper/mcu_256k": ((500, 8.6, 984.88), (1000, 21.4, 984.96), (2000, 50.5, 1103.89)),
}
"""The authors' code as released, measured on two cores of another x86-64 machine: networks, CPU seconds, best score; seed 13."""


def read(path: Path) -> Curves:
    curves: Curves = defaultdict(list)
    for run in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        name = run["method"] + (", tied" if run["tied"] else "")
        curves[run["study"], name].append([(seconds, count, score) for seconds, count, score in run["curve"]])
    return curves


def best_by(curve: Sequence[Step], seconds: float = float("inf"), count: float = float("inf")) -> float | None:
    found = [score for at, looked, score in curve if at <= seconds and looked <= count and score is not None]
    return found[-1] if found else None


def middle(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):.2f}" if known else "none"


def table(curves: Curves) -> str:
    rows = ["| study | method | runs | best score | least, most | CPU s | structures | at 5 CPU s | at 5,000 structures |"]
    rows.append("|" + "---|" * 9)
    for study in dict.fromkeys(study for study, _ in curves):
        for name in ORDER:
            found = curves.get((study, name))
            if not found:
                continue
            ends = [best_by(curve) for curve in found]
            known = [end for end in ends if end is not None] or [0.0]
            cells = [
                study, name, str(len(found)), middle(ends), f"{min(known):.2f}, {max(known):.2f}",
                f"{median(curve[-1][0] for curve in found):.1f}", f"{median(curve[-1][1] for curve in found):,.0f}",
                middle(best_by(curve, seconds=5.0) for curve in found), middle(best_by(curve, count=5000) for curve in found),
            ]  # fmt: skip
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def draw(curves: Curves, path: Path) -> None:
    studies = list(dict.fromkeys(study for study, _ in curves))
    figure, grid = plt.subplots(
        2, len(studies), figsize=(4.4 * len(studies), 7.4), sharey="col", layout="constrained", squeeze=False
    )
    for column, study in enumerate(studies):
        for row, (measure, label) in enumerate(((1, "structures looked at"), (0, "CPU seconds, start-up included"))):
            axes = grid[row][column]
            for name in ORDER:
                for number, curve in enumerate(curves.get((study, name), ())):
                    points = [(step[measure], step[2]) for step in curve if step[2] is not None and step[1] > 0]
                    if points:
                        said = name if number == 0 else None
                        axes.step(
                            *zip(*points, strict=True), where="post", color=COLOURS[name], linewidth=1.1, alpha=0.75, label=said
                        )
                        axes.plot(*points[-1], "o", color=COLOURS[name], markersize=3.5, alpha=0.75)
            authors = [(point[1 - measure], point[2]) for point in AUTHORS.get(study, ())]
            if authors:
                axes.plot(*zip(*authors, strict=True), "kx:", linewidth=0.8, markersize=4, label="the authors' code")
            if study in PUBLISHED:
                axes.axhline(PUBLISHED[study], color="black", linewidth=0.8, linestyle="--", label="published")
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(label)
            axes.grid(linewidth=0.3)
            axes.spines[["top", "right"]].set_visible(False)
        grid[0][column].set_title(study, loc="left", fontsize=10)
        grid[0][column].set_ylim(bottom=900)
    grid[0][0].set_ylabel("best score")
    grid[1][0].set_ylabel("best score")
    figure.legend(*grid[0][0].get_legend_handles_labels(), frameon=False, ncols=10, loc="outside upper center")
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    results = read(Path(sys.argv[1]))
    draw(results, Path(sys.argv[2]))
    print(table(results))
