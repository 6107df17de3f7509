"""What the paper's searches and ours cost."""

from __future__ import annotations

from markdown import table
from tables import HERE, PAPER_COST, cost_row, solved_at_cost

from qeopt.runs.cost import GRAMS_PER_CORE_HOUR

GRAMS_PER_POUND = 453.59237


def cost(*, with_searches: bool = True) -> None:
    """Core-seconds and emissions of the paper's search, and of ours of the same studies; times differ from run to run."""
    rows = [["the paper, for each network", *cost_row(PAPER_COST), f"{PAPER_COST.gco2e / GRAMS_PER_POUND:.2f}"]]
    if with_searches:
        for name, study in (
            ("mixed_19g", "mixed_19g"),
            ("mixed_7g", "mixed_7g"),
            ("imagenet_256k", HERE / "imagenet_256k.yaml"),
        ):
            found = solved_at_cost(study)[1]
            rows.append([f"ours, `{name}`", *cost_row(found), f"{found.gco2e / GRAMS_PER_POUND:.6f}"])
    print(table(["search", "core-seconds", f"gCO2e at {GRAMS_PER_CORE_HOUR:g} g a core-hour", "lb"], rows))
