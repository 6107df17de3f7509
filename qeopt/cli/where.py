"""`qeopt where`: the file that a name stands for."""

from __future__ import annotations

from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, out
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.study.file_kinds import find, identify

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a study, device, runtime, space or network.")]


def command(name: Name, path: options.Paths = None, json_: options.Json = False, debug: options.Debug = False) -> None:
    """Print every file that a name could stand for, the one that wins first."""
    library = Library(tuple(path or ()))
    rows = [(kind.name, found.origin, str(found.path)) for kind, found in find(library, name)]
    if not rows:
        identified, file = identify(library, name)
        if not file.is_file():
            raise SpecError.at(None, f"there is no file {name!r}")
        rows = [(identified.name, "path", str(file))]
    if json_:
        emit({"format": "qeopt.where/1", "files": [dict(zip(("kind", "origin", "path"), row, strict=True)) for row in rows]})
        return
    for kind, origin, found_path in rows:
        out().print(f"{kind:<8} {origin:<16} {found_path}", soft_wrap=True)
