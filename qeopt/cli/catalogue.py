"""What the verbs that list what can be named do alike."""

from __future__ import annotations

from collections.abc import Callable

import typer
from rich.console import Console

from qeopt.cli.verb import NO_DESIGN, emit, fail, out, warn
from qeopt.report.catalogue import Catalogue


def tell(found: Catalogue, show: Callable[[Console, Catalogue], None], *, as_json: bool) -> None:
    """Show what can be named, and warn of what is broken.

    Raises:
        typer.Exit: if something is broken, or nothing is there.
    """
    if as_json:
        emit(found.document())
    elif found.rows:
        show(out(), found)
    for problem in found.broken:
        warn(problem)
    if not found.rows:
        fail(found.missed, NO_DESIGN)
    if found.broken:
        raise typer.Exit(NO_DESIGN)
