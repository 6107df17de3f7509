"""`qeopt report`: the page of a run, made again."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, out, warn
from qeopt.report.page import write_report
from qeopt.report.words import place

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, or the name of its study (its latest run).")]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


def command(folder: Folder, open_: Open = False, json_: options.Json = False, debug: options.Debug = False) -> None:
    """Make the page of a run again from what lies in its folder, without solving anything: report.html."""
    written = write_report(folder)
    if json_:
        emit({"format": "qeopt.report/1", "page": str(written)})
    else:
        out().print(f"written: {place(written)}", soft_wrap=True)
    if open_ and not webbrowser.open(written.resolve().as_uri()):
        warn("no browser could be opened")
