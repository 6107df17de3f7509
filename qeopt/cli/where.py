"""`qeopt where`: the file that a name stands for."""

from __future__ import annotations

from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, out
from qeopt.spec.library import Library
from qeopt.verbs.where import where

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a study, device, runtime, space or network.")]


def command(name: Name, path: options.Paths = None, json_: options.Json = False, debug: options.Debug = False) -> None:
    """Print every file that a name could stand for, the one that wins first."""
    rows = [(found.kind, found.origin, str(found.path)) for found in where(name, library=Library(tuple(path or ())))]
    if json_:
        emit({"format": "qeopt.where/1", "files": [dict(zip(("kind", "origin", "path"), row, strict=True)) for row in rows]})
        return
    for kind, origin, found_path in rows:
        out().print(f"{kind:<8} {origin:<16} {found_path}", soft_wrap=True)
