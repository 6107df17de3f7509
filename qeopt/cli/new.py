"""`qeopt new`: a project to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, out
from qeopt.report.words import place
from qeopt.spec.library import Library
from qeopt.verbs.new import BEGIN, new_project

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the project; made if it is missing.")]
From = Annotated[str, typer.Option("--from", metavar="STUDY", help="The study to begin from.")]


def command(
    folder: Folder, from_: From = BEGIN, path: options.Paths = None, json_: options.Json = False, debug: options.Debug = False
) -> None:
    """Write a study of your own and a board file to fill in; both work as they are. Nothing is ever overwritten."""
    project = new_project(folder, from_, library=Library(tuple(path or ())))
    if json_:
        emit({"format": "qeopt.new/1", "study": str(project.study), "board": str(project.board)})
        return
    out().print(f"written: {place(project.study)}, {place(project.board)}", soft_wrap=True)
    out().print(f"next: edit {place(project.board)}, then `qeopt solve {place(project.study)}`", soft_wrap=True)
