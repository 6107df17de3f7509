"""The page of an explanation."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from qeopt.report.budgets import BudgetRow
from qeopt.report.page.content import Cell, Commands, Fact, Page, Part, Section, Shown, Table, Words
from qeopt.report.page.parts import budget_table, origin, when
from qeopt.report.pictures.explanation import explanation_pictures
from qeopt.report.tables import binds
from qeopt.report.words import percent

Document = Mapping[str, Any]


def explanation_page(document: Document, run: Document, folder: str) -> Page:
    """Why nothing fits and the least that helps, or which budgets hold the best design back and what more of them buys."""
    said, fits = document["said"], document["fits"]
    rows = tuple(_row(row) for row in document["budgets"])
    parts: list[Part] = [Shown(picture) for picture in explanation_pictures(document)]
    parts += [budget_table(rows)] if fits else [_growth(document)] if said["growth"] else []
    structure = _structure(document)
    again = Commands([("make this page again", f"qeopt report {shlex.quote(folder)}")])
    sections = [
        Section("meaning", "What it says", [Words(said["lines"])]),
        *([Section("budgets", "What holds it back" if fits else "The least that helps", parts)] if parts else []),
        *([Section("structure", "Structure", [structure])] if structure.rows else []),
        Section(
            "origin",
            "Where it comes from",
            [origin(document, run), again],
        ),
    ]
    what = "what holds the best design back" if fits else "why nothing fits"
    return Page(f"{document['study_name']}: {what}", said["headline"], _facts(document, rows), sections, when(run))


def _facts(document: Document, rows: tuple[BudgetRow, ...]) -> list[Fact]:
    if document["fits"]:
        held = [row for row in rows if row.limit is not None]
        score = Fact("score", f"{document['score']:.4f}", "bits proven" if document["proven"] else "bits not proven")
        return [score, *(Fact(row.name, percent(row.share or 0.0), _bound(row), row.share) for row in held)]
    growth = [row["told"] for row in document["said"]["growth"]]
    return [Fact(f"{told['budget']} alone", told["more"], f"to {told['then']}" if told["then"] else "") for told in growth]


def _bound(row: BudgetRow) -> str:
    return {"yes": "binds", "full": "full", "no": "does not bind"}.get(binds(row), "")


def _row(row: Document) -> BudgetRow:
    known = {one.name for one in fields(BudgetRow)}
    return BudgetRow(**{name: value for name, value in row.items() if name in known})


def _growth(document: Document) -> Table:
    rows = [row["told"] for row in document["said"]["growth"]]
    headings = list(rows[0])
    what = "some structure of the space" if document["chosen"] else "it"
    caption = f"The least by which one budget alone must grow for {what} to fit"
    return Table(caption, headings, [[Cell(told[name]) for name in headings] for told in rows])


def _structure(document: Document) -> Table:
    structure = document["structure"] or {}
    genes = list(dict.fromkeys(gene for values in structure.values() for gene in values))
    rows = [
        [Cell(block), *(Cell(f"{values[gene]:g}", float(values[gene])) if gene in values else Cell("") for gene in genes)]
        for block, values in structure.items()
    ]
    what = "The best design found" if document["fits"] else "The structure that comes nearest"
    return Table(what, ("block", *genes), rows, folded=len(rows) > 12)
