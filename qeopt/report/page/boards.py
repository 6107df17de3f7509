"""The page of a sweep over devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qeopt.report.page.content import Cell, Fact, Page, Section, Shown, Table, Words
from qeopt.report.page.parts import commands, gap, number, origin, score, when
from qeopt.report.pictures.boards import boards_pictures, holders
from qeopt.report.time import marked
from qeopt.report.words import gap as gap_words
from qeopt.report.words import without_design
from qeopt.spec.units import counted

Document = Mapping[str, Any]


def boards_page(document: Document, run: Document, folder: str) -> Page:
    """A proven best for every device, or why it has none."""
    boards = document["boards"]
    designed = sorted((one for one in boards if one["score"] is not None), key=lambda one: (-one["score"], one["device"]))
    others = [one for one in boards if one["score"] is None]
    gaps = [one["gap"] for one in designed if one["gap"] is not None]
    facts = [
        Fact("devices", f"{len(boards):,}", f"of {document['asked']:,} asked for" if len(boards) < document["asked"] else ""),
        Fact("with a design", f"{len(designed):,}", share=len(designed) / max(len(boards), 1)),
        Fact("largest gap", gap_words(max(gaps)) if gaps else "not known"),
    ]
    sections = [
        Section("meaning", "What it says", [Words(_words(designed))]),
        Section("pictures", "Over devices", [Shown(picture) for picture in boards_pictures(document)]),
        Section("devices", "Every device with a design", [_designed(designed)] if designed else []),
        Section("others", "Devices without one", [_others(others)] if others else []),
        Section("origin", "Where it comes from", [origin(document, run), commands(folder, run)]),
    ]
    title = f"{document['study_name']}: the best design for each device"
    return Page(title, counted(len(boards), "device"), facts, [section for section in sections if section.parts], when(run))


def _words(designed: list[dict[str, Any]]) -> list[str]:
    if not designed:
        return ["no device of these has a design"]
    best, last = designed[0], designed[-1]
    told = [f"{holders(designed)} the best design, {best['score']:.4f}; {last['device']} the least, {last['score']:.4f}"]
    if best["score"] == last["score"]:
        told = [f"the device makes no difference to the score: {counted(len(designed), 'design')} of {best['score']:.4f}"]
    if any(one["is_floor"] for one in designed):
        told.append(">=: a floor of the time; nothing was measured of this runtime on that core")
    return told


def _designed(designed: list[dict[str, Any]]) -> Table:
    rows = [
        [
            Cell(one["device"]),
            Cell(one["core"]),
            number(one["clock_mhz"]),
            score(one["score"]),
            score(one["bound"]),
            gap(one["gap"]),
            number(one["sram_bytes"], "B"),
            number(one["flash_bytes"], "B"),
            Cell("" if one["ms"] is None else marked(one["ms"], is_floor=one["is_floor"]), one["ms"]),
            number(one["layers"]),
            Cell("optimal" if one["bits_proven"] else "not proven"),
        ]
        for one in designed
    ]
    headings = ("device", "core", "MHz", "score", "proven bound", "gap", "SRAM used", "flash used", "inference", "layers", "bits")
    told = [column for column in range(len(headings)) if any(row[column].text for row in rows)]  # no time, say
    return Table(
        "The best first", [headings[column] for column in told], [[row[column] for column in told] for row in rows], strong=0
    )


def _others(others: list[dict[str, Any]]) -> Table:
    rows = [[Cell(one["device"]), Cell(one["core"]), Cell(without_design(one["status"])), Cell(one["reason"])] for one in others]
    return Table("Why there is none", ("device", "core", "answer", "reason"), rows)
