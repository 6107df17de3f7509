"""Tables of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(heads)} |", "|".join(["", *["---"] * len(heads), ""])]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def number(value: float, decimals: int = 0) -> str:
    """A number with its thousands apart."""
    return f"{value:,.{decimals}f}"
