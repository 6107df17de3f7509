"""The runs of a folder, for a person and as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from qeopt.report.tables import rows_table
from qeopt.report.words import amount, gap, percent, place
from qeopt.verbs.runs import Listed

FORMAT = "qeopt.runs/1"
SHOWN = ("sram", "flash", "latency")
"""Budgets that the table shows; the document has all of them."""


def print_runs(console: Console, found: Sequence[Listed]) -> None:
    """One row a run."""
    if not found:
        console.print("no runs here; `qeopt solve STUDY` makes one")
        return
    columns = {"run": "left", "found": "left", **dict.fromkeys(("score", "gap", *SHOWN, "layers", "accuracy"), "right")}
    console.print(rows_table(columns, (_row(run) for run in found), least=("latency", "layers", "gap")))


def _row(run: Listed) -> tuple[str, ...]:
    design, where = run.design, place(run.folder)
    if design is None:
        return (where, run.kind, *("" for _ in range(len(SHOWN) + 4)))
    used = (amount(design.uses[name].used) if name in design.uses else "" for name in SHOWN)
    layers = amount(design.uses["layers"].used) if "layers" in design.uses else ""
    proven = "" if design.gap is None else gap(design.gap)
    accuracy = "" if run.accuracy is None else percent(run.accuracy)
    return (where, run.kind, f"{design.score:.4f}", proven, *used, layers, accuracy)


def runs_document(found: Sequence[Listed]) -> dict[str, Any]:
    """The same as one JSON document."""
    return {"format": FORMAT, "runs": [_entry(run) for run in found]}


def _entry(run: Listed) -> dict[str, Any]:
    design = run.design
    told = (
        {}
        if design is None
        else {
            "study_name": design.study_name,
            "score": design.score,
            "gap": design.gap,
            "uses": {name: use.used for name, use in design.uses.items()},
        }
    )
    return {"folder": str(run.folder), "kind": run.kind, **told, "accuracy": run.accuracy}
