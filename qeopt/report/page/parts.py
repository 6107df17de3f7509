"""Parts that pages of several kinds share: where it comes from, what to type next, numbers in cells."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from qeopt.report.budgets import BudgetRow
from qeopt.report.page.content import Cell, Commands, Table
from qeopt.report.tables import NO_LIMIT, RESERVED, binds, buys, in_bytes
from qeopt.report.words import amount, percent
from qeopt.report.words import gap as gap_words

Document = Mapping[str, Any]


def origin(document: Document, run: Document) -> Table:
    """Files and machine."""
    rows = [[Cell(file["role"]), Cell(file["name"]), Cell(file["sha256"], is_code=True)] for file in document.get("sources", ())]
    rows += [[Cell("command"), Cell(command_line(run), is_code=True), Cell("")]] if run.get("command") else []
    rows += machine(run)
    return Table("Files that decide it, and the machine that found it", ("what", "which", "SHA-256"), rows)


COSTS = {"core_seconds": "core-seconds", "gco2e": "gCO2e", "gco2e_per_core_hour": "gCO2e a core-hour, assumed"}
"""What a run cost, by its name in the run record."""


def machine(run: Document) -> list[list[Cell]]:
    """Where a run ran, and what it cost."""
    found = [[Cell(name), Cell(str(run[name])), Cell("")] for name in ("host", "platform", "python") if run.get(name)]
    return found + [[Cell(title), Cell(f"{run[name]:g}"), Cell("")] for name, title in COSTS.items() if name in run]


def command_line(run: Document) -> str:
    """What was typed, without the folder that the program lies in."""
    return shlex.join(["qeopt", *run["command"][1:]])


def commands(folder: str, run: Document, *more: tuple[str, str]) -> Commands:
    """What to type next."""
    found = [*more, ("make this page again", f"qeopt report {shlex.quote(folder)}")]
    if run.get("sources"):
        found.append(("what holds the best design back", f"qeopt explain {shlex.quote(run['sources'][0]['path'])}"))
    return Commands(found)


def when(run: Document) -> str:
    """What made a page and when."""
    return f"made by qeopt, {run['started']}{f', in {ran(run)}' if ran(run) else ''}" if run.get("started") else "made by qeopt"


def ran(run: Document) -> str:
    """How long a run took."""
    return f"{run['seconds']:.1f} s" if run.get("seconds") is not None else ""


def number(value: float | None, unit: str = "") -> Cell:
    """A quantity as a cell."""
    return Cell("") if value is None else Cell(amount(value, unit), value)


def score(value: float | None) -> Cell:
    """A score as a cell."""
    return Cell("") if value is None else Cell(f"{value:.4f}", value)


def gap(share: float | None) -> Cell:
    """A proven gap as a cell."""
    return Cell("") if share is None else Cell(gap_words(share), share)


def budget_table(rows: Sequence[BudgetRow]) -> Table:
    """Every quantity against its budget, what holds bits back, and what more of it buys."""
    cells = []
    for row in rows:
        if not row.used and row.limit is None:
            continue
        least, most = (said.replace(": ", ":\u00a0") for said in buys(row))  # an amount and what it buys stay in one line
        cells.append(
            [
                Cell(row.name),
                Cell(in_bytes(row.used, row.unit), row.used),
                Cell("none", None) if row.limit is None else Cell(amount(row.limit, row.unit), row.limit),
                Cell("" if row.share is None else percent(row.share), row.share, row.share),
                Cell(binds(row)),
                Cell(least, row.gain_of_least),
                Cell(most, row.gain_without),
            ]
        )
        if row.reserved:
            cells.append([Cell(f"reserved of {row.name}"), Cell(in_bytes(row.reserved, row.unit), row.reserved)])
            cells[-1] += [Cell("")] * 5
    headings = ("budget", "used", "limit", "share", "binds", "more of it buys", NO_LIMIT)
    caption = "What these layers use, what holds their bits back, and what more of it would buy in score"
    kept = f"; reserved is what no design gets: {RESERVED}" if any(row.reserved for row in rows) else ""
    return Table(f"{caption}{kept}", headings, cells)
