"""Two designs beside each other, as text and as one JSON document."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from qeopt.design import Design
from qeopt.report.tables import rows_table
from qeopt.report.words import amount

FORMAT = "qeopt.side_by_side/1"
Row = tuple[str, str, str]


def side_by_side_document(names: tuple[str, str], one: Design, other: Design) -> dict[str, Any]:
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
            for name, design in zip(told_apart(names), (one, other), strict=True)
        ],
        "totals": [list(row) for row in totals(one, other)],
        "structure": [list(row) for row in _structure(one, other)],
        "bits": [list(row) for row in _bits(one, other)],
    }


def print_side_by_side(console: Console, names: tuple[str, str], one: Design, other: Design) -> None:
    """Say what each design scores and uses, and then only what differs."""
    first, second = told_apart(names)
    columns = {first: "right", second: "right"}
    console.print(rows_table({"": "left", **columns}, totals(one, other)))
    if one.study_name != other.study_name:
        console.print("\nscores of two studies are comparable only under the same objective and task", soft_wrap=True)
    structure, bits = _structure(one, other), _bits(one, other)
    if structure:
        console.print()
        console.print(rows_table({"choice": "left", **columns}, structure))
    if bits:
        console.print()
        console.print(rows_table({"bits of": "left", **columns}, bits))
    if not structure and not bits:
        console.print("\nthe same structure and the same bits")


def told_apart(names: tuple[str, str]) -> tuple[str, str]:
    """Names of two designs that are never the same."""
    return names if names[0] != names[1] else (f"{names[0]} (first)", f"{names[1]} (second)")


def totals(one: Design, other: Design) -> list[Row]:
    """What each scores and uses."""
    rows = [("study", one.study_name, other.study_name), ("score", f"{one.score:.4f}", f"{other.score:.4f}")]
    for name in dict.fromkeys((*one.uses, *other.uses)):
        used = [amount(design.uses[name].used) if name in design.uses else "" for design in (one, other)]
        rows.append((name, used[0], used[1]))
    return rows


def _structure(one: Design, other: Design) -> list[Row]:
    """Choices that are not the same."""
    values = [
        {f"{block} {gene}": f"{value:g}" for block, genes in design.structure.items() for gene, value in genes.items()}
        for design in (one, other)
    ]
    return _differences(values[0], values[1])


def _bits(one: Design, other: Design) -> list[Row]:
    """Widths that are not the same."""
    values = [
        {
            **{f"weights of {name}": str(bits) for name, bits in design.weights.items()},
            **{f"tensor {name}": str(bits) for name, bits in design.activations.items()},
        }
        for design in (one, other)
    ]
    return _differences(values[0], values[1])


def _differences(one: dict[str, str], other: dict[str, str]) -> list[Row]:
    return [
        (name, one.get(name, ""), other.get(name, "")) for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name)
    ]
