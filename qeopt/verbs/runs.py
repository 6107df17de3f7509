"""The runs of a folder, with what each of them found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qeopt.design import Design, load_design
from qeopt.runs import runs_below
from qeopt.runs.folders import DESIGN, ROOT
from qeopt.spec.errors import SpecError

ACCURACY = Path("train", "train.json")
"""Where `qeopt train` leaves what it found, unless told otherwise."""
KINDS = {
    DESIGN: "design",
    "comparison.json": "comparison",
    "side_by_side.json": "comparison",
    "explanation.json": "explanation",
    "sweep.json": "sweep",
    "boards.json": "boards",
    "features.csv": "samples",
    "correlations.json": "correlation",
    "state/request.json": "unfinished",
}
"""What a run is, by the first of these files that it has."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A run on disk."""

    folder: Path
    kind: str
    design: Design | None = None
    accuracy: float | None = None
    """Share of test images told right by the integer network, where it was trained."""


def list_runs(root: Path | str = ROOT, part: str = "") -> tuple[Listed, ...]:
    """Every run below `root` whose folder has `part` in its path, by name and number; a damaged design is listed as such."""
    root = Path(root)
    return tuple(_listed(folder) for folder in runs_below(root) if part in folder.relative_to(root).as_posix())


def _listed(folder: Path) -> Listed:
    kind = next((kind for name, kind in KINDS.items() if (folder / name).is_file()), "unfinished")
    if kind != "design":
        return Listed(folder, kind)
    try:
        return Listed(folder, kind, load_design(folder / DESIGN), _accuracy(folder / ACCURACY))
    except SpecError:
        return Listed(folder, "damaged")


def _accuracy(path: Path) -> float | None:
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        return float(told["accuracy"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
