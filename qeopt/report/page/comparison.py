"""The page of a comparison of engines."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from qeopt.report.comparison import EQUAL_GAP
from qeopt.report.page.content import Cell, Fact, Page, Section, Shown, Table, Words
from qeopt.report.page.parts import commands, number, origin, ran, when
from qeopt.report.pictures.depth import depth_pictures
from qeopt.report.pictures.gaps import comparison_picture, comparison_title
from qeopt.report.time import spelled
from qeopt.report.words import amount
from qeopt.spec.units import counted

Document = Mapping[str, Any]


def comparison_page(document: Document, run: Document, folder: str) -> Page:
    """What greedy rules lose against exact engines."""
    instances = document["instances"]
    drawn = "one network" if len(instances) == 1 else f"{len(instances):,} structures, drawn with seed {document['seed']}"
    depth = depth_pictures(document)
    sections = [
        Section("meaning", "What it says", [Words([comparison_title(document), *_exactness(document)])]),
        Section("gaps", "What every engine loses", [Shown(comparison_picture(document)), _summary(document, run)]),
        *([Section("depth", "Bits from front to back", [Shown(picture) for picture in depth])] if depth else []),
        Section("origin", "Where it comes from", [origin(document, run), commands(folder, run)]),
    ]
    facts = [Fact("engines", str(len(document["engines"]))), Fact("structures", f"{len(instances):,}")]
    return Page(
        f"{document['study_name']}: {counted(len(document['engines']), 'engine')} compared",
        f"on {drawn}",
        facts,
        sections,
        when(run),
    )


def _exactness(document: Document) -> list[str]:
    exact = sum(instance["exact"] is not None for instance in document["instances"])
    return [
        f"the best bits are proven for {exact:,} of {counted(len(document['instances']), 'structure')}; gaps are told of these only"
    ]


def _summary(document: Document, run: Document) -> Table:
    rows, timed = [], any(row.get("mean_latency_ms") is not None for row in document["summary"])
    for row in document["summary"]:
        seconds = run.get("engine_seconds", {}).get(row["engine"])
        rows.append(
            [
                Cell(row["engine"]),
                number(row["answered"]),
                number(row["optimal"]),
                *(_gap(row[name]) for name in ("mean_gap", "median_gap", "largest_gap")),
                *(
                    Cell("") if row[name] is None else Cell(amount(round(row[name])), row[name])
                    for name in ("mean_sram_bytes", "mean_flash_bytes")
                ),
                *([_time(row.get("mean_latency_ms"))] if timed else []),
                Cell(f"{1000 * median(seconds):.0f} ms", median(seconds)) if seconds else Cell(""),
            ]
        )
    headings = (
        "engine",
        "answered",
        "optimal",
        "mean gap",
        "median gap",
        "largest gap",
        "mean SRAM B",
        "mean flash B",
        *(("mean inference",) if timed else ()),
        "median time",
    )
    return Table(f"Every engine, in {ran(run)}" if ran(run) else "Every engine", headings, rows)


def _time(ms: float | None) -> Cell:
    return Cell("" if ms is None else spelled(ms), ms)


def _gap(share: float | None) -> Cell:
    if share is None:
        return Cell("")
    return Cell("0" if share <= EQUAL_GAP else f"{100 * share:.4f} %", share)
