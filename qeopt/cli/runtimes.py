"""`qeopt runtimes`: runtimes that can be named."""

from __future__ import annotations

from functools import partial

from qeopt.cli import catalogue, options
from qeopt.report.catalogue import runtimes
from qeopt.report.listing import print_runtimes
from qeopt.spec.library import Library


def command(
    part: options.Part = "",
    sources: options.Sources = False,
    path: options.Paths = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the runtimes that a study can name; exit with 1 if there is none, or one is broken."""
    catalogue.tell(runtimes(Library(tuple(path or ())), part), partial(print_runtimes, sources=sources), as_json=json_)
