"""The page of two designs beside each other."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qeopt.design import Design
from qeopt.report.counted import Counted
from qeopt.report.page.content import Cell, Commands, Fact, Page, Pair, Section, Table, Words
from qeopt.report.page.parts import command_line, machine, when
from qeopt.report.pictures.memory import bits_differ, bits_picture, bits_words, memory_picture
from qeopt.report.pictures.picture import Picture
from qeopt.report.side_by_side import NO_COMMON_MEASURE, SAME
from qeopt.report.words import gap
from qeopt.spec.units import counted

Document = Mapping[str, Any]


def side_by_side_page(document: Document, designs: Sequence[Design], run: Document, folder: str) -> Page:
    """What each design scores and uses, and everything in which they differ."""
    told, counted = document["designs"], [Counted.of_design(design) for design in designs]
    names = [str(one["name"]) for one in told]
    facts = [
        Fact(
            f"score of {one['name']}", f"{one['score']:.4f}", "" if one["gap"] is None else f"within {gap(one['gap'])} of the best"
        )
        for one in told
    ]
    differences = [
        _table("Choices that differ", "choice", names, document["structure"]),
        _table("Bits that differ", "bits of", names, document["bits"]),
    ]
    sections = [
        Section(
            "meaning", "What it says", [Words(_words(document)), _table("What each scores and uses", "", names, document["totals"])]
        ),
        Section("memory", "Memory over time", [Pair(_pictures(names, counted, memory_picture))]),
        Section("bits", "Bits by layer", [_bits(names, counted)]),
        Section("differences", "What differs", [table for table in differences if table.rows] or [Words(["nothing"])]),
        Section("origin", "Where it comes from", [_origin(document, run), Commands(_commands(folder, run))]),
    ]
    return Page(f"{names[0]} beside {names[1]}", "two designs", facts, sections, when(run))


def _words(document: Document) -> list[str]:
    one, other = document["designs"]
    choices, widths = len(document["structure"]), len(document["bits"])
    said = [
        f"they differ in {counted(choices, 'choice')} of the structure and {counted(widths, 'width')}"
        if choices or widths
        else SAME
    ]
    if one["study_name"] != other["study_name"]:
        return [*said, NO_COMMON_MEASURE]
    better, worse = (one, other) if one["score"] >= other["score"] else (other, one)
    return [f"{better['name']} scores {better['score'] - worse['score']:.4f} more than {worse['name']}", *said]


def _pictures(names: Sequence[str], counted: Sequence[Counted], draw: Callable[[Counted], Picture]) -> list[Picture]:
    drawn = [draw(one) for one in counted]
    return [
        replace(picture, name=f"{picture.name}-{number}", title=f"{name}: {picture.title}", alt=f"{name}: {picture.alt}")
        for number, (name, picture) in enumerate(zip(names, drawn, strict=True), start=1)
    ]


def _bits(names: Sequence[str], counted: Sequence[Counted]) -> Pair | Words:
    """The bits of both as pictures, unless each has the same everywhere."""
    if not any(map(bits_differ, counted)):
        return Words([f"{name}: {bits_words(one)}" for name, one in zip(names, counted, strict=True)])
    return Pair(_pictures(names, counted, lambda one: bits_picture(one, [op.name for op in one.network.ops])))


def _table(caption: str, first: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    cells = [[Cell(row[0]), *(_cell(text) for text in row[1:])] for row in rows]
    return Table(caption, (first or "quantity", *names), cells, folded=len(cells) > 24)


def _cell(text: str) -> Cell:
    digits = text.replace(",", "")
    return Cell(text, float(digits)) if digits.replace(".", "", 1).isdigit() else Cell(text)


def _origin(document: Document, run: Document) -> Table:
    rows = [[Cell("design"), Cell(one["name"]), Cell(one["study_name"])] for one in document["designs"]]
    rows += [[Cell("command"), Cell(command_line(run)), Cell("")]] if run.get("command") else []
    return Table("The designs, and the machine that set them side by side", ("what", "which", "study"), [*rows, *machine(run)])


def _commands(folder: str, run: Document) -> list[tuple[str, str]]:
    return [("make this page again", f"qeopt report {shlex.quote(folder)}")]
