"""The folder a verb leaves behind: every file written whole or not at all."""

from __future__ import annotations

import io
import json
import math
import platform
import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from qeopt.escape import csv_text
from qeopt.files import write_atomically
from qeopt.report.boards import boards_csv, boards_document, print_boards
from qeopt.report.comparison import comparison_document, print_comparison, seconds_document
from qeopt.report.console import console_for
from qeopt.report.cost import cost_document, cost_text
from qeopt.report.counted import Layer, layers
from qeopt.report.depth import depth_document
from qeopt.report.explanation import ExplanationReport
from qeopt.report.page import write_page
from qeopt.report.page.folder import BESIDE
from qeopt.report.pictures.arena import arena_picture
from qeopt.report.pictures.boards import boards_pictures
from qeopt.report.pictures.convergence import convergence_pictures
from qeopt.report.pictures.depth import depth_pictures
from qeopt.report.pictures.gaps import comparison_picture
from qeopt.report.pictures.memory import bits_differ, bits_picture, memory_picture
from qeopt.report.pictures.picture import Picture, stacked, write_picture
from qeopt.report.pictures.sweep import sweep_pictures
from qeopt.report.side_by_side import print_side_by_side, side_by_side_document
from qeopt.report.solution import SolutionReport, sources_document
from qeopt.report.sweeps import print_sweep, sweep_csv, sweep_document
from qeopt.runs import round_row
from qeopt.runs.cost import Cost
from qeopt.search import Progress
from qeopt.spec.load import SourceFile
from qeopt.verbs.boards import Boards
from qeopt.verbs.compare import Comparison
from qeopt.verbs.compare_runs import SideBySide
from qeopt.verbs.sweep import Sweep

RUN_FORMAT = "qeopt.run/1"
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What varies between runs and therefore stays out of the design."""

    command: tuple[str, ...]
    started: datetime
    cost: Cost
    sources: tuple[SourceFile, ...]
    history: Sequence[tuple[str, Progress]] = ()

    def document(self) -> dict[str, Any]:
        """The run record."""
        return {
            "format": RUN_FORMAT,
            "command": list(self.command),
            "started": self.started.isoformat(timespec="seconds"),
            **cost_document(self.cost),
            "host": socket.gethostname(),
            "platform": platform.platform(),
            "python": sys.version.split()[0],
            "sources": sources_document(self.sources),
            "history": [{"search": name, **_round(progress)} for name, progress in self.history],
        }


def _round(progress: Progress) -> dict[str, Any]:
    """A report of a search; a bound of -inf, which says that nothing fits, is no number of JSON."""
    bound = progress.bound if progress.bound is not None and math.isfinite(progress.bound) else None
    return {**round_row(progress), "bound": bound}


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(tz=UTC)


def write_solution(folder: Path, report: SolutionReport, run: Run, *, pictures: bool = True) -> dict[str, Path]:
    """Write a design, its run record, its report, its per-layer table, its page and, if asked for, its pictures."""
    rows = layers(report.counted)
    text = _text(report.print)
    written = {
        "design": folder / "design.json",
        "run": folder / "run.json",
        "report": folder / "report.txt",
        "layers": folder / "layers.csv",
    }
    report.design.save(written["design"])
    record = {
        **run.document(),
        "budgets": [asdict(row) for row in report.budgets],
        "from_bound": report.from_bound,
        "depth": depth_document(report.depth),
    }
    write_json(written["run"], record)
    write_atomically(written["report"], text)
    write_atomically(written["layers"], _csv(rows))
    drawn = _solution_pictures(report, record["history"]) if pictures else {}
    return written | _draw(folder, drawn) | {"page": write_page(folder)}


def _solution_pictures(report: SolutionReport, history: Sequence[Mapping[str, Any]]) -> dict[str, Picture]:
    """Memory over time with the bits below the names of its steps, the map of the buffers, the search."""
    pictures = [memory_picture(report.counted)]
    if bits_differ(report.counted):
        pictures.append(bits_picture(report.counted, [use.step.op.name for use in report.counted.resources.steps], labels=False))
    found = {"picture": stacked("memory", pictures)}
    if report.design.arena is not None:
        found["map"] = arena_picture(report.counted, report.design.arena)
    searched = convergence_pictures(history)
    return found | ({"convergence": stacked("convergence", searched)} if searched else {})


def _draw(folder: Path, pictures: Mapping[str, Picture]) -> dict[str, Path]:
    """Write pictures as PNG files, each under its own name."""
    written = {name: folder / f"{picture.name}.png" for name, picture in pictures.items()}
    for name, path in written.items():
        write_picture(pictures[name], path)
    return written


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write one JSON document."""
    write_atomically(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def write_comparison(folder: Path, found: Comparison, run: Run, *, pictures: bool = True) -> dict[str, Path]:
    """Write a comparison, its run record with the times, its report, its page and, if asked for, its pictures."""
    text = _text(lambda console: print_comparison(console, found), run.cost)
    document = comparison_document(found)
    timed = {"engine_seconds": seconds_document(found)}
    written = _write_told(folder, "comparison", document, {**run.document(), **timed}, text)
    drawn = {"picture": comparison_picture(document)} if pictures else {}
    shown = depth_pictures(document) if pictures else []
    if shown:
        drawn["depth"] = stacked("depth", shown)
    return written | _draw(folder, drawn) | {"page": write_page(folder)}


def write_side_by_side(folder: Path, found: SideBySide, run: Run) -> dict[str, Path]:
    """Write two designs beside each other: copies of both, what differs, the report and its page."""
    text = _text(lambda console: print_side_by_side(console, found), run.cost)
    written = _write_told(folder, "side_by_side", side_by_side_document(found), run.document(), text)
    for name, design in zip(BESIDE, found.designs, strict=True):
        design.save(folder / name)
    return written | {"page": write_page(folder)}


def write_explanation(folder: Path, report: ExplanationReport, run: Run) -> dict[str, Path]:
    """Write an explanation, its run record, its report and its page."""
    written = _write_told(folder, "explanation", report.document(), run.document(), _text(report.print, run.cost))
    return written | {"page": write_page(folder)}


def write_sweep(folder: Path, found: Sweep, run: Run, *, pictures: bool = True) -> dict[str, Path]:
    """Write a sweep, its run record, its report, its table for spreadsheets, its page and, if asked for, its picture."""
    text, document = _text(lambda console: print_sweep(console, found), run.cost), sweep_document(found)
    written = _write_told(folder, "sweep", document, run.document(), text, sweep_csv(found))
    shown = sweep_pictures(document) if pictures else []
    return written | _draw(folder, {"picture": stacked("sweep", shown)} if shown else {}) | {"page": write_page(folder)}


def write_boards(folder: Path, found: Boards, run: Run, *, pictures: bool = True) -> dict[str, Path]:
    """Write a sweep over devices, its run record, its report, its table, its page and, if asked for, its picture."""
    text, document = _text(lambda console: print_boards(console, found), run.cost), boards_document(found)
    written = _write_told(folder, "boards", document, run.document(), text, boards_csv(found))
    shown = boards_pictures(document) if pictures else ()
    return written | _draw(folder, {"picture": stacked("boards", shown)} if shown else {}) | {"page": write_page(folder)}


def _write_told(folder: Path, name: str, document: Document, run: Document, text: str, table: str | None = None) -> dict[str, Path]:
    """Write a document under its name, its run record, its report, and its table for spreadsheets if it has one."""
    written = {name: folder / f"{name}.json", "run": folder / "run.json", "report": folder / "report.txt"}
    write_json(written[name], document)
    write_json(written["run"], run)
    write_atomically(written["report"], text)
    if table is not None:
        written["table"] = folder / f"{name}.csv"
        write_atomically(written["table"], table)
    return written


def _text(tell: Callable[[Console], None], cost: Cost | None = None) -> str:
    """A report as a file has it, with what it cost below where that is not in it already."""
    text = io.StringIO()
    tell(console_for(text))
    return text.getvalue() + ("" if cost is None else f"\n{cost_text(cost)}\n")


def _csv(rows: Iterable[Layer]) -> str:
    cells = ({**asdict(row), "shape": "x".join(map(str, row.shape))}.values() for row in rows)
    return csv_text([field.name for field in fields(Layer)], cells)
