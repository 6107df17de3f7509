"""`qeopt resume`: go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.solve import finish, run_of, warn_of_idle
from qeopt.cli.verb import began, err
from qeopt.report.folder import now
from qeopt.report.pictures.picture import warm_up
from qeopt.report.progress import ProgressLine
from qeopt.runs import resuming, run_in
from qeopt.runs.cost import Stopwatch
from qeopt.verbs.solve import resume

Folder = Annotated[
    Path, typer.Argument(metavar="RUN", help="The folder of a run that was begun with `qeopt solve`, or the name of its study.")
]


def command(
    context: typer.Context,
    folder: Folder,
    workers: options.Workers = "auto",
    require_optimal: options.RequireOptimal = False,
    gco2e: options.Carbon = options.GRAMS,
    no_pictures: options.NoPictures = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Go on with a run that was interrupted or killed, to the design that it would have found; refuse if its study changed."""
    started, clock, folder = now(), Stopwatch(), run_in(folder)
    with resuming(folder):
        if not no_pictures:
            warm_up()
        with ProgressLine(err(), quiet=quiet) as progress:
            solution = resume(folder, report=progress, workers=workers, since=began(context))
        if not quiet:
            warn_of_idle(workers, solution.loaded.value)
        run = run_of(solution, started, clock.cost(gco2e))
        finish(solution, run, folder, pictures=not no_pictures, as_json=json_, quiet=quiet, require_optimal=require_optimal)
