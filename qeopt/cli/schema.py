"""`qeopt schema`: JSON Schemas for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit
from qeopt.study.file_kinds import KINDS, schema

KindName = Annotated[str | None, typer.Argument(metavar="[KIND]", help=f"One of {', '.join(KINDS)}; all of them if left out.")]


def command(kind: KindName = None, json_: options.Json = False, debug: options.Debug = False) -> None:
    """Print the JSON Schema of a kind of file, or of every kind under its name."""
    emit(schema(kind))
