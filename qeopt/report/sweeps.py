"""The report on a sweep."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from qeopt.budgets import LAYERS, MACS, budget
from qeopt.escape import csv_text
from qeopt.report.energy import HEADING, column, energy_of, is_limited
from qeopt.report.solution import sources_document
from qeopt.report.tables import rows_table
from qeopt.report.time import is_timed, short, time_of
from qeopt.report.words import amount, gap, limit_words, nothing_fits, used_files
from qeopt.score import QEScore
from qeopt.spec.units import counted
from qeopt.verbs.sweep import Sweep, SweepPoint
from qeopt_solvers import Status

FORMAT = "qeopt.sweep/1"
OF_DEPTH = ("layers used", "MACs")
"""Columns of a sweep over depths."""
MOST_ROWS = 24
"""Points of two budgets above which the text has a map instead of a row for each."""
NOTHING = {Status.INFEASIBLE: "none, proven", Status.UNKNOWN: "none found"}
"""What is said of a point without a design."""


def print_sweep(console: Console, found: Sweep) -> None:
    """Say what every point scores and what is proven of it."""
    study = found.loaded.value
    asked = counted(found.asked, "point")
    points = f"{len(found.points):,} of {asked}, interrupted" if found.interrupted else asked
    what = "the bits of one network" if study.subject.size == 1 else "designs of a space"
    console.print(f"{study.name}: {what} over {' and '.join(found.limited)}, {points}")
    for said in used_files(found.loaded.files):
        console.print(said, soft_wrap=True)
    console.print()
    if len(found.axes) == 2 and len(found.points) > MOST_ROWS:
        _print_map(console, found)
    else:
        _print_rows(console, found)
    reasons = nothing_fits((point.limits, point.reason) for point in found.points if point.reason)
    if reasons:
        console.print("\n" + "\n".join(reasons), soft_wrap=True)
    if any(point.carried for point in found.points):
        console.print("\n*: the design of a point with less, better than what was found here", soft_wrap=True)
    console.print(f"\n{found.note or 'scores and bounds never fall as budgets grow: checked'}", soft_wrap=True)
    if found.floor is not None:
        console.print(f"every point scores {found.floor:g} at least", soft_wrap=True)
    if LAYERS.name in found.axes and isinstance(study.objective, QEScore):
        console.print(
            "the score grows with depth whatever the accuracy, so it cannot choose among these: docs/truth.md", soft_wrap=True
        )


def _print_rows(console: Console, found: Sweep) -> None:
    """A row a point."""
    timed = (*(("inference",) if is_timed(found.loaded.value) else ()), *HEADING[: is_limited(found.loaded.value)])
    columns = ("score", "proven bound", "gap", "SRAM used", "flash used", *timed, *OF_DEPTH[: 2 * (LAYERS.name in found.axes)])
    headings = {**dict.fromkeys(found.limited, "right"), **dict.fromkeys(columns, "right"), "bits": "left"}
    console.print(rows_table(headings, (_cells(found, point) for point in found.points)))


def _print_map(console: Console, found: Sweep) -> None:
    """Scores alone, one budget down and the other across: so many points are read at one look, or in the files of the run."""
    across, down = sorted(found.axes, key=lambda name: len(found.axes[name]))
    at = {(point.limits[down], point.limits[across]): point for point in found.points}
    columns, lines = found.axes[across], found.axes[down]
    headings = {f"{down} \\ {across}": "right", **dict.fromkeys((limit_words(across, limit) for limit in columns), "right")}
    rows = ((limit_words(down, limit), *(_score_at(at.get((limit, other))) for other in columns)) for limit in lines)
    console.print(rows_table(headings, rows))
    gaps = [point.gap for point in found.points if point.gap is not None]
    if gaps:
        console.print(
            f"\nscores; each is proven within {gap(max(gaps))} or less; sweep.csv and report.html have every point", soft_wrap=True
        )


def _score_at(point: SweepPoint | None) -> str:
    if point is None:
        return ""
    return NOTHING.get(point.status, "none") if point.score is None else f"{point.score:.1f}{'*' if point.carried else ''}"


def _cells(found: Sweep, point: SweepPoint) -> tuple[str, ...]:
    limits = tuple(amount(point.limits[name], "B" if budget(name).unit.is_memory else "") for name in found.limited)
    if point.score is None or point.refined is None or point.refined.resources is None:
        bound = "" if point.bound is None else f"{point.bound:.4f}"
        empty = ("",) * (4 + is_timed(found.loaded.value) + is_limited(found.loaded.value) + 2 * (LAYERS.name in found.axes))
        return (*limits, NOTHING.get(point.status, ""), bound, *empty)
    used = point.refined.resources
    return (
        *limits,
        f"{point.score:.4f}{'*' if point.carried else ''}",
        "" if point.bound is None else f"{point.bound:.4f}",
        "" if point.gap is None else gap(point.gap),
        amount(used.sram_bytes),
        amount(used.flash_bytes),
        *((short(found.loaded.value, time_of(found.loaded.value, used)),) if is_timed(found.loaded.value) else ()),
        *column(found.loaded.value, used),
        *(amount(used.used[name]) for name in (LAYERS.name, MACS.name) if LAYERS.name in found.axes),
        point.status.value,
    )


def sweep_document(found: Sweep) -> dict[str, Any]:
    """Everything as one JSON document; the same study and grid give the same one."""
    return {
        "format": FORMAT,
        "status": "interrupted" if found.interrupted else "swept",
        "study_name": found.loaded.value.name,
        "axes": {name: list(values) for name, values in found.axes.items()},
        "frontier": list(found.frontier) or None,
        "floor": found.floor,
        "asked": found.asked,
        "points": [_point(found, point) for point in found.points],
        "monotone": True,
        "note": found.note or None,
        "sources": sources_document(found.loaded.files),
    }


def _point(found: Sweep, point: SweepPoint) -> dict[str, Any]:
    subject, refined = found.loaded.value.subject, point.refined
    bits = None if refined is None else refined.bits
    used = None if refined is None else refined.resources
    return {
        "limits": dict(point.limits),
        "status": point.status.value,
        "engines": list(point.engines),
        "stopped": point.stopped.value,
        "score": point.score,
        "bound": point.bound,
        "gap": point.gap,
        "carried": point.carried,
        "structure": None if point.structure is None else subject.named(point.structure),
        "bits": None if bits is None else {"weights": dict(bits.weights), "activations": dict(bits.activations)},
        "sram_bytes": None if used is None else used.sram_bytes,
        "flash_bytes": None if used is None else used.flash_bytes,
        "macs": None if used is None else used.used[MACS.name],
        "latency_ms": time_of(found.loaded.value, used),
        "energy_uj": energy_of(found.loaded.value, used),
        "reason": point.reason or None,
    }


def sweep_csv(found: Sweep) -> str:
    """One row a point, for spreadsheets."""
    kept = ("status", "score", "bound", "gap", "sram_bytes", "flash_bytes", "macs", "latency_ms", "stopped", "carried")
    documents = ((point, _point(found, point)) for point in found.points)
    rows = ([*(point.limits[name] for name in found.limited), *(document[name] for name in kept)] for point, document in documents)
    return csv_text([*(f"{name}_limit" for name in found.limited), *kept], rows)
