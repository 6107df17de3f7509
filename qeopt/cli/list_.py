"""`qeopt list`: everything that can be named."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import typer

from qeopt.cli import catalogue, options
from qeopt.report.catalogue import Filter, devices, engines, exporters, objectives, runtimes
from qeopt.report.listing import print_devices, print_engines, print_parts, print_runtimes
from qeopt.spec.amounts import parse_sizes
from qeopt.spec.errors import Location, SpecError
from qeopt.spec.library import Library

What = Annotated[
    Literal["devices", "runtimes", "engines", "objectives", "exporters"],
    typer.Argument(metavar="devices|runtimes|engines|objectives|exporters", help="What to list."),
]
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
    wanted = Filter(core, _bytes(min_sram, "--min-sram"), _bytes(min_flash, "--min-flash"), sort)
    if what != "devices" and wanted != Filter():
        place = Location("--core, --min-sram, --min-flash, --sort")
        raise SpecError.at(place, f"only devices have a core, memory and a clock; what was asked for are {what}")
    library = Library(tuple(path or ()))
    match what:
        case "devices":
            catalogue.tell(wanted.of(devices(library, part)), partial(print_devices, sources=sources), as_json=json_)
        case "runtimes":
            catalogue.tell(runtimes(library, part), partial(print_runtimes, sources=sources), as_json=json_)
        case "engines":
            catalogue.tell(engines(part), print_engines, as_json=json_)
        case "objectives":
            catalogue.tell(objectives(part), print_parts, as_json=json_)
        case "exporters":
            catalogue.tell(exporters(part), print_parts, as_json=json_)


def _bytes(text: str | None, option: str) -> int:
    """A size; 0 where none was asked for."""
    return 0 if text is None else parse_sizes(text, option)[0]
