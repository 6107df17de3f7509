"""The report on a study over devices: a table, a document, a picture."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from rich.console import Console

from qeopt.escape import csv_text
from qeopt.report.solution import sources_document
from qeopt.report.tables import rows_table
from qeopt.report.time import marked
from qeopt.report.words import amount, gap, without_design
from qeopt.spec.units import counted
from qeopt.verbs.boards import Board, Boards

FORMAT = "qeopt.boards/1"


def print_boards(console: Console, found: Boards) -> None:
    """Every board, the best score first, and below why the others have none."""
    designed, others = _sorted(found)
    said = (
        f"{len(found.boards):,} of {counted(found.asked, 'device')}, interrupted"
        if found.interrupted
        else counted(found.asked, "device")
    )
    console.print(f"{found.loaded.value.name} on {said}: {len(designed):,} with a design\n")
    columns = ("MHz", "score", "proven within", "SRAM B", "flash B", "inference")
    headings = {"device": "left", "core": "left", **dict.fromkeys(columns, "right"), "bits": "left"}
    console.print(rows_table(headings, map(_cells, designed), least=("bits", "MHz", "core")))
    for board in others:
        console.print(f"{board.device}: {_why(board)}", soft_wrap=True)
    if any(board.is_floor for board in designed):
        console.print("\n>=: a floor; nothing was measured of this runtime on that core", soft_wrap=True)


def _sorted(found: Boards) -> tuple[list[Board], list[Board]]:
    designed = [board for board in found.boards if board.score is not None]
    return sorted(designed, key=lambda board: (-(board.score or 0), board.device)), [b for b in found.boards if b.score is None]


def _cells(board: Board) -> tuple[str, ...]:
    time = "" if board.ms is None else marked(board.ms, is_floor=board.is_floor)
    used = ("" if size is None else amount(size) for size in (board.sram_bytes, board.flash_bytes))
    proven = "not proven" if board.gap is None else gap(board.gap)
    bits = "optimal" if board.bits_proven else "not proven"
    return (board.device, board.core, f"{board.clock_mhz:g}", f"{board.score:.4f}", proven, *used, time, bits)


def _why(board: Board) -> str:
    answer = without_design(board.status)
    return f"{answer}: {board.reason}" if board.reason else answer


def boards_document(found: Boards) -> dict[str, Any]:
    """Everything as one JSON document; the same study and devices give the same one."""
    return {
        "format": FORMAT,
        "status": "interrupted" if found.interrupted else "swept",
        "study_name": found.loaded.value.name,
        "asked": found.asked,
        "boards": [{**asdict(board), "gap": board.gap} for board in found.boards],
        "sources": sources_document(found.loaded.files),
    }


def boards_csv(found: Boards) -> str:
    """One row a board, for spreadsheets."""
    names = [field.name for field in fields(Board)]
    return csv_text([*names, "gap"], ([*asdict(board).values(), board.gap] for board in found.boards))
