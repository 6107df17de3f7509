"""`qeopt list`: everything that can be named."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import typer
from rich.console import Console

from qeopt.cli import catalogue, options
from qeopt.report.catalogue import WHAT, Catalogue
from qeopt.report.catalogue import catalogue as listed
from qeopt.report.listing import print_devices, print_engines, print_parts, print_runtimes
from qeopt.spec.amounts import parse_sizes
from qeopt.spec.library import Library

What = Annotated[str, typer.Argument(metavar="|".join(WHAT), help="What to list.")]
Core = Annotated[str, typer.Option("--core", metavar="NAME", help="Devices with this core (cortex-m4).")]
MinSram = Annotated[str | None, typer.Option("--min-sram", metavar="SIZE", help="Devices with an arena of so much or more.")]
MinFlash = Annotated[str | None, typer.Option("--min-flash", metavar="SIZE", help="Devices with so much flash or more.")]
Sort = Annotated[
    Literal["name", "sram", "flash", "clock"], typer.Option("--sort", help="Order of devices: by name, or the largest first.")
]


def command(
    what: What,
    part: options.Part = "",
    core: Core = "",
    min_sram: MinSram = None,
    min_flash: MinFlash = None,
    sort: Sort = "name",
    sources: options.Sources = False,
    path: options.Paths = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List what a study or a command can name; exit with 1 if there is none, or one is broken."""
    found = listed(
        what,
        part,
        core=core,
        min_sram=_bytes(min_sram, "--min-sram"),
        min_flash=_bytes(min_flash, "--min-flash"),
        sort=sort,
        library=Library(tuple(path or ())),
    )
    show: dict[str, Callable[[Console, Catalogue], None]] = {
        "devices": partial(print_devices, sources=sources),
        "runtimes": partial(print_runtimes, sources=sources),
        "engines": print_engines,
    }
    catalogue.tell(found, show.get(what, print_parts), as_json=json_)


def _bytes(text: str | None, option: str) -> int:
    """A size; 0 where none was asked for."""
    return 0 if text is None else parse_sizes(text, option)[0]
