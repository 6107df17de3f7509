"""Two designs beside each other, as text and as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console

from qeopt.report.tables import rows_table
from qeopt.report.words import amount, place
from qeopt.verbs.compare_runs import SideBySide

FORMAT = "qeopt.side_by_side/1"
NO_COMMON_MEASURE = "scores of two studies are comparable only under the same objective and task"
SAME = "the same structure and the same bits"
Row = tuple[str, str, str]


def side_by_side_document(found: SideBySide) -> dict[str, Any]:
    """What each design scores and uses, and everything in which they differ."""
    return {
        "format": FORMAT,
        "designs": [
            {
                "name": name,
                "study_name": design.study_name,
                "score": design.score,
                "gap": design.gap,
                "uses": {name: use.used for name, use in design.uses.items()},
            }
            for name, design in zip(_names(found), found.designs, strict=True)
        ],
        "totals": [list(row) for row in _totals(found)],
        "structure": [list(row) for row in _structure(found)],
        "bits": [list(row) for row in _bits(found)],
    }


def print_side_by_side(console: Console, found: SideBySide) -> None:
    """Say what each design scores and uses, and then only what differs."""
    first, second = _names(found)
    columns = {first: "right", second: "right"}
    one, other = found.designs
    console.print(rows_table({"": "left", **columns}, _totals(found)))
    if one.study_name != other.study_name:
        console.print(f"\n{NO_COMMON_MEASURE}", soft_wrap=True)
    for heading, rows in (("choice", list(_structure(found))), ("bits of", list(_bits(found)))):
        if rows:
            console.print()
            console.print(rows_table({heading: "left", **columns}, rows))
    if found.alike:
        console.print(f"\n{SAME}")


def _names(found: SideBySide) -> tuple[str, str]:
    """The folders of both, told apart where they are the same."""
    one, other = (place(file.parent) for file in found.files)
    return (one, other) if one != other else (f"{one} (first)", f"{other} (second)")


def _totals(found: SideBySide) -> Iterator[Row]:
    """What each scores and uses."""
    one, other = found.designs
    yield "study", one.study_name, other.study_name
    yield "score", f"{one.score:.4f}", f"{other.score:.4f}"
    for name in dict.fromkeys((*one.uses, *other.uses)):
        first, second = (amount(design.uses[name].used) if name in design.uses else "" for design in found.designs)
        yield name, first, second


def _structure(found: SideBySide) -> Iterator[Row]:
    """Choices that are not the same."""
    for (block, gene), values in found.structure.items():
        yield _row(f"{block} {gene}", *values)


def _bits(found: SideBySide) -> Iterator[Row]:
    """Widths that are not the same."""
    for name, bits in found.weights.items():
        yield _row(f"weights of {name}", *bits)
    for name, bits in found.activations.items():
        yield _row(f"tensor {name}", *bits)


def _row(name: str, one: float | None, other: float | None) -> Row:
    return name, "" if one is None else f"{one:g}", "" if other is None else f"{other:g}"
