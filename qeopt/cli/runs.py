"""`qeopt runs`: what was found so far."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, out
from qeopt.report.runs import print_runs, runs_document
from qeopt.runs.folders import ROOT
from qeopt.verbs.runs import list_runs

Root = Annotated[Path, typer.Option("--in", metavar="DIR", help="Folder of the runs.")]


def command(part: options.Part = "", root: Root = ROOT, json_: options.Json = False, debug: options.Debug = False) -> None:
    """List the runs below `runs`, with score, budgets used, and accuracy where a design was trained."""
    found = list_runs(root, part)
    if json_:
        emit(runs_document(found))
    else:
        print_runs(out(), found)
