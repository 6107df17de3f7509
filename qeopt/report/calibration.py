"""The report on a calibration of sigmas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from qeopt.report.tables import rows_table
from qeopt.score.calibration import GridPoint
from qeopt.spec.units import counted

FORMAT = "qeopt.calibration/1"


def print_calibration(console: Console, points: Sequence[GridPoint], *, top: int) -> None:
    """The best points, and how many there are."""
    rows = ((f"{p.sigma_a:g}", f"{p.sigma_w:g}", f"{p.kendall:.4f}", f"{p.spearman:.4f}") for p in points[:top])
    console.print(rows_table(dict.fromkeys(("sigma_a", "sigma_w", "Kendall tau-b", "Spearman"), "right"), rows))
    console.print(
        f"best {min(top, len(points))} of {counted(len(points), 'point')}; in a study: objective: {_objective(points[0])}"
    )


def _objective(best: GridPoint) -> str:
    return f"{{kind: qe, sigma_a: {best.sigma_a:g}, sigma_w: {best.sigma_w:g}}}"


def calibration_document(table: Path, points: Sequence[GridPoint]) -> dict[str, Any]:
    """Every point, best first, as one JSON document."""
    return {"format": FORMAT, "table": str(table), "points": [asdict(point) for point in points]}
