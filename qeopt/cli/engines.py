"""`qeopt engines`: engines that assign bits."""

from __future__ import annotations

import typer

from qeopt.cli import options
from qeopt.cli.verb import NO_DESIGN, emit, out, warn
from qeopt.report.catalogue import engines
from qeopt.report.listing import print_engines


def command(part: options.Part = "", json_: options.Json = False, debug: options.Debug = False) -> None:
    """List the engines that assign bits, and which of them prove their answers; exit with 1 if none matches."""
    found = engines(part)
    if json_:
        emit(found.document())
    else:
        print_engines(out(), found)
    for problem in found.broken:
        warn(problem)
    if found.broken or not found.rows:
        raise typer.Exit(NO_DESIGN)
