"""Bits by depth, as a table and as a part of a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from rich.console import Console

from qeopt.report.tables import rows_table
from qeopt.verbs.bits_by_depth import DepthProfile

COLUMNS = ("weights, front", "back", "inputs, front", "back ", "weights fall", "inputs rise", "both")


def print_depth(console: Console, profiles: Sequence[DepthProfile]) -> None:
    """Mean bits of both halves by engine, and of how many networks the paper's claim is true."""
    console.print("bits from front to back (the paper: weights fall, activations rise)")
    rows = (
        (row.engine, *(_half(bits, back=back) for bits in (row.weights, row.activations) for back in (False, True)), *_counts(row))
        for row in profiles
        if row.answered
    )
    console.print(rows_table({"engine": "left", **dict.fromkeys(COLUMNS, "right")}, rows))


def _half(bits: Sequence[float | None], *, back: bool) -> str:
    middle = len(bits) // 2
    known = [width for width in (bits[middle:] if back else bits[:middle]) if width is not None]
    return f"{fmean(known):.2f}" if known else ""


def _counts(row: DepthProfile) -> tuple[str, ...]:
    return tuple(f"{count:,} of {row.answered:,}" for count in (row.weights_fall, row.activations_rise, row.both))


def depth_document(profiles: Sequence[DepthProfile]) -> list[dict[str, Any]]:
    """Every profile, parts front to back."""
    return [asdict(profile) for profile in profiles]
