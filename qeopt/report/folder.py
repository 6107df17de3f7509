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
from qeopt.report.page import write_page
from qeopt.report.pictures.arena import arena_picture
from qeopt.report.pictures.boards import boards_pictures
from qeopt.report.pictures.convergence import convergence_pictures
from qeopt.report.pictures.depth import depth_pictures
from qeopt.report.pictures.gaps import comparison_picture
from qeopt.report.pictures.memory import bits_picture, memory_picture
from qeopt.report.pictures.picture import stacked, write_picture
from qeopt.report.pictures.sweep import sweep_pictures
from qeopt.report.solution import SolutionReport, sources_document
from qeopt.report.sweeps import print_sweep, sweep_csv, sweep_document
from qeopt.runs import round_row
from qeopt.runs.cost import Cost
from qeopt.search import Progress
from qeopt.spec.load import SourceFile
from qeopt.verbs.boards import Boards
from qeopt.verbs.compare import Comparison
from qeopt.verbs.sweep import Sweep

RUN_FORMAT = "qeopt.run/1"


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


def write_solution(folder: Path, report: SolutionReport, run: Run) -> dict[str, Path]:
    """Write a design, its run record, its report, its per-layer table, its picture and the map of its buffers."""
    rows = layers(report.counted)
    text = _text(report.print)
    written = {
        "design": folder / "design.json",
        "run": folder / "run.json",
        "report": folder / "report.txt",
        "layers": folder / "layers.csv",
        "picture": folder / "memory.png",
    }
    report.design.save(written["design"])
    record = {**run.document(), "budgets": [asdict(row) for row in report.budgets]}
    write_json(written["run"], record)
    write_atomically(written["report"], text)
    write_atomically(written["layers"], _csv(rows))
    bits = bits_picture(report.counted, [use.step.op.name for use in report.counted.resources.steps])
    write_picture(stacked("memory", [memory_picture(report.counted), bits]), written["picture"])
    if report.design.arena is not None:
        written["map"] = folder / "arena.png"
        write_picture(arena_picture(report.counted, report.design.arena), written["map"])
    searched = convergence_pictures(record["history"])
    if searched:
        written["convergence"] = folder / "convergence.png"
        write_picture(stacked("convergence", searched), written["convergence"])
    written["page"] = write_page(folder)
    return written


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write one JSON document."""
    write_atomically(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def write_comparison(folder: Path, found: Comparison, run: Run) -> dict[str, Path]:
    """Write a comparison, its run record with the times, its report and its picture."""
    text = _text(lambda console: print_comparison(console, found), run.cost)
    written = {
        "comparison": folder / "comparison.json",
        "run": folder / "run.json",
        "report": folder / "report.txt",
        "picture": folder / "gaps.png",
    }
    document = comparison_document(found)
    write_json(written["comparison"], document)
    write_json(written["run"], {**run.document(), "engine_seconds": seconds_document(found)})
    write_atomically(written["report"], text)
    write_picture(comparison_picture(document), written["picture"])
    shown = depth_pictures(document)
    if shown:
        written["depth"] = folder / "depth.png"
        write_picture(stacked("depth", shown), written["depth"])
    written["page"] = write_page(folder)
    return written


def write_sweep(folder: Path, found: Sweep, run: Run) -> dict[str, Path]:
    """Write a sweep, its run record, its report, its table for spreadsheets and its picture."""
    text = _text(lambda console: print_sweep(console, found), run.cost)
    written = {
        "sweep": folder / "sweep.json",
        "run": folder / "run.json",
        "report": folder / "report.txt",
        "table": folder / "sweep.csv",
    }
    document = sweep_document(found)
    write_json(written["sweep"], document)
    write_json(written["run"], run.document())
    write_atomically(written["report"], text)
    write_atomically(written["table"], sweep_csv(found))
    pictures = sweep_pictures(document)
    if pictures:
        written["picture"] = folder / "sweep.png"
        write_picture(stacked("sweep", pictures), written["picture"])
    written["page"] = write_page(folder)
    return written


def write_boards(folder: Path, found: Boards, run: Run) -> dict[str, Path]:
    """Write a sweep over devices, its run record, its report, its table for spreadsheets and its picture."""
    text = _text(lambda console: print_boards(console, found))
    names = {"boards": "boards.json", "run": "run.json", "report": "report.txt", "table": "boards.csv", "picture": "boards.png"}
    written = {name: folder / file for name, file in names.items()}
    write_json(written["boards"], boards_document(found))
    write_json(written["run"], run.document())
    write_atomically(written["report"], text)
    write_atomically(written["table"], boards_csv(found))
    pictures = boards_pictures(boards_document(found))
    if pictures:
        write_picture(stacked("boards", pictures), written["picture"])
    else:
        del written["picture"]
    return written


def _text(tell: Callable[[Console], None], cost: Cost | None = None) -> str:
    """A report as a file has it, with what it cost below where that is not in it already."""
    text = io.StringIO()
    tell(console_for(text))
    return text.getvalue() + ("" if cost is None else f"\n{cost_text(cost)}\n")


def _csv(rows: Iterable[Layer]) -> str:
    cells = ({**asdict(row), "shape": "x".join(map(str, row.shape))}.values() for row in rows)
    return csv_text([field.name for field in fields(Layer)], cells)
