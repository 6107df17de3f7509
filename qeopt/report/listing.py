"""Tables of what can be named."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from qeopt.report.catalogue import Catalogue
from qeopt.report.tables import rows_table
from qeopt.spec.units import counted

LEFT, RIGHT = "left", "right"


def print_devices(console: Console, found: Catalogue, *, sources: bool = False) -> None:
    """One row a device; with `sources`, where its numbers come from instead."""
    if sources:
        _print_sources(console, found)
        return
    amounts = {"MHz": RIGHT, "arena KiB": RIGHT, "flash KiB": RIGHT, "MMAC/s": RIGHT}
    columns = {"device": LEFT, "title": LEFT, "core": LEFT, **amounts, "from": LEFT}
    rows = (
        (
            row["name"],
            row["title"],
            row["core"],
            f"{row['clock_mhz']:g}",
            f"{row['arena_bytes'] / 1024:,.0f}",
            f"{row['flash_bytes'] / 1024:,.0f}" + (" ext" if row["flash_is_external"] else ""),
            "" if row["macs_per_second"] is None else f"{row['macs_per_second'] / 1e6:,.0f}",
            row["origin"],
        )
        for row in found.rows
    )
    console.print(rows_table(columns, rows, least=("from", "MMAC/s")))
    console.print(f"{counted(len(found.rows), 'device')}; the arena is the largest contiguous memory for activations")


def print_runtimes(console: Console, found: Catalogue, *, sources: bool = False) -> None:
    """One row a runtime; with `sources`, where its numbers come from instead."""
    if sources:
        _print_sources(console, found)
        return
    bits = {"activation bits": LEFT, "weight bits": LEFT}
    columns = {"runtime": LEFT, "title": LEFT, **bits, "in place": LEFT, "reserves": RIGHT, "from": LEFT}
    rows = (
        (
            row["name"],
            row["title"],
            _bits(row["activation_bits"]),
            _bits(row["weight_bits"]),
            ", ".join(row["in_place"]) or "nothing",
            f"{row['reserve_sram_bytes']:,} + {row['reserve_flash_bytes']:,} B",
            row["origin"],
        )
        for row in found.rows
    )
    table = rows_table(columns, rows, least=("from", "reserves"))
    told = ", reserves SRAM + flash" if "reserves" in table.shown(console.width) else ""
    console.print(table)
    console.print(f"{counted(len(found.rows), 'runtime')}; bits are those of convolutions{told}")


def print_engines(console: Console, found: Catalogue) -> None:
    """One row an engine."""
    columns = {"engine": LEFT, "proves": LEFT, "summary": LEFT}
    console.print(rows_table(columns, ((row["name"], "yes" if row["exact"] else "no", row["summary"]) for row in found.rows)))


def print_parts(console: Console, found: Catalogue) -> None:
    """One row a part: its name and what it is."""
    columns = {found.kind.removesuffix("s"): LEFT, "what it is": LEFT}
    console.print(rows_table(columns, ((row["name"], row["summary"]) for row in found.rows)))


def _print_sources(console: Console, found: Catalogue) -> None:
    for row in found.rows:
        console.print(f"{row['name']}  {row['title']}", soft_wrap=True)
        for source in row["sources"]:
            says = f": {source['says']}" if source["says"] else ""
            console.print(f"  {source['url']} (read {source['date']}){says}", soft_wrap=True)


def _bits(widths: Iterable[int] | None) -> str:
    return "any" if widths is None else " ".join(map(str, widths)) or "none"
