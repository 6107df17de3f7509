"""`qeopt runtimes`: runtimes that can be named."""

from __future__ import annotations

import typer

from qeopt.cli import options
from qeopt.cli.verb import NO_DESIGN, emit, out, warn
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
    found = runtimes(Library(tuple(path or ())), part)
    if json_:
        emit(found.document())
    else:
        print_runtimes(out(), found, sources=sources)
    for problem in found.broken:
        warn(problem)
    if found.broken or not found.rows:
        raise typer.Exit(NO_DESIGN)
