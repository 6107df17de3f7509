"""The page of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qeopt.report.page.content import Cell, Fact, Page, Section, Shown, Table, Words
from qeopt.report.page.parts import commands, gap, number, origin, score, when
from qeopt.report.pictures.sweep import limited, sweep_pictures, sweep_title
from qeopt.report.words import gap as gap_words
from qeopt.report.words import limit_words, nothing_fits
from qeopt.spec.units import counted

MOST_OPEN = 24
"""Rows above which a table is folded: the picture tells it at one look."""
Document = Mapping[str, Any]
Point = Mapping[str, Any]


def sweep_page(document: Document, run: Document, folder: str) -> Page:
    """The best design and a proven bound at every point."""
    points, axes = document["points"], limited(document)
    scored = [point for point in points if point["score"] is not None]
    over = " and ".join(axes)
    facts = [
        Fact("points", f"{len(points):,}", f"of {document['asked']:,} asked for" if len(points) < document["asked"] else ""),
        Fact("with a design", f"{len(scored):,}", share=len(scored) / max(len(points), 1)),
        Fact("largest gap", _largest(scored)),
    ]
    reasons = [(point["limits"], point["reason"]) for point in points if point.get("reason")]
    words = [sweep_title(document), *nothing_fits(reasons), *_note(document)]
    sections = [
        Section("meaning", "What it says", [Words(words)]),
        Section("pictures", f"Over {over}", [Shown(picture) for picture in sweep_pictures(document)]),
        Section("points", "Every point", [_table(document)]),
        Section("origin", "Where it comes from", [origin(document, run), commands(folder, run)]),
    ]
    return Page(
        f"{document['study_name']}: the best designs over {over}", counted(len(points), "point"), facts, sections, when(run)
    )


def _note(document: Document) -> list[str]:
    return [document["note"]] if document.get("note") else ["scores and bounds never fall as budgets grow: checked"]


def _largest(scored: list[Point]) -> str:
    gaps = [point["gap"] for point in scored if point["gap"] is not None]
    return gap_words(max(gaps)) if gaps else "not known"


def _table(document: Document) -> Table:
    rows = [
        [
            *(Cell(limit_words(name, point["limits"][name]), point["limits"][name]) for name in limited(document)),
            score(point["score"]),
            score(point["bound"]),
            gap(point["gap"]),
            number(point["sram_bytes"], "B"),
            number(point["flash_bytes"], "B"),
            number(point["macs"]),
            Cell(f"{point['status']}{', of a point with less' if point['carried'] else ''}"),
        ]
        for point in document["points"]
    ]
    headings = (*limited(document), "score", "proven bound", "gap", "SRAM used", "flash used", "MACs", "bits")
    return Table("Budgets and what fits within them", headings, rows, folded=len(rows) > MOST_OPEN)
