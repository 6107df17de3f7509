"""What the paper's searches and ours cost."""

from __future__ import annotations

from markdown import number, table
from tables import HERE, solved

from qeopt.runs.cost import GRAMS_PER_CORE_HOUR, Cost, Stopwatch

PAPER_SECONDS, PAPER_CORES = 1800.0, 64


def cost(*, with_searches: bool = True) -> None:
    """Core-seconds and emissions of the paper's search, and of ours of the same studies; times differ from run to run."""
    paper = Cost(PAPER_SECONDS, PAPER_SECONDS * PAPER_CORES)
    rows = [["the paper, for each network", number(paper.core_seconds), f"{paper.gco2e:.1f}", f"{paper.gco2e / 453.59237:.2f}"]]
    if with_searches:
        for name, study in (
            ("mixed_19g", "mixed_19g"),
            ("mixed_7g", "mixed_7g"),
            ("imagenet_256k", HERE / "imagenet_256k.yaml"),
        ):
            watch = Stopwatch()
            solved(study)
            found = watch.cost()
            rows.append([f"ours, `{name}`", number(found.core_seconds, 1), f"{found.gco2e:.4f}", f"{found.gco2e / 453.59237:.6f}"])
    print(table(["search", "core-seconds", f"gCO2e at {GRAMS_PER_CORE_HOUR:g} g a core-hour", "lb"], rows))
