"""What a run cost, for people and for the run record."""

from __future__ import annotations

from qeopt.runs.cost import Cost


def cost_text(cost: Cost) -> str:
    """One line: core-seconds, emissions, and the factor between them."""
    return f"cost: {cost.core_seconds:.1f} core-seconds, {cost.gco2e:.2g} gCO2e at {cost.grams_per_core_hour:g} g a core-hour"


def cost_document(cost: Cost) -> dict[str, float]:
    """The same for a run record."""
    return {
        "seconds": round(cost.seconds, 3),
        "core_seconds": round(cost.core_seconds, 3),
        "gco2e": float(f"{cost.gco2e:.4g}"),
        "gco2e_per_core_hour": cost.grams_per_core_hour,
    }
