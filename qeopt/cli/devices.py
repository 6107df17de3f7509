"""`qeopt devices`: devices that can be named."""

from __future__ import annotations

from functools import partial

from qeopt.cli import catalogue, options
from qeopt.report.catalogue import devices
from qeopt.report.listing import print_devices
from qeopt.spec.library import Library


def command(
    part: options.Part = "",
    sources: options.Sources = False,
    path: options.Paths = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the devices that a study can name; exit with 1 if there is none, or one is broken."""
    catalogue.tell(devices(Library(tuple(path or ())), part), partial(print_devices, sources=sources), as_json=json_)
