"""`qeopt solve`: find and prove a design."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from qeopt.cli import options
from qeopt.cli.overrides import overrides
from qeopt.cli.study_options import with_study_options
from qeopt.cli.verb import INTERRUPTED, NO_DESIGN, UNPROVEN, began, emit, err, fail, out, warn
from qeopt.report.folder import Run, now, write_solution
from qeopt.report.pictures.picture import warm_up
from qeopt.report.progress import ProgressLine
from qeopt.report.solution import SolutionReport, infeasible_document
from qeopt.report.words import idle_workers, place
from qeopt.runs import open_run
from qeopt.runs.cost import Cost, Stopwatch
from qeopt.search import Stop
from qeopt.spec.library import Library
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt.verbs.solve import Solution, solve
from qeopt_solvers import Status

Alternatives = Annotated[
    int | None, typer.Option("--alternatives", metavar="K", help="Report K designs beside the best: different, and nearly as good.")
]


@with_study_options()
def command(
    context: typer.Context,
    study: options.Study,
    given: tuple[str, ...],
    alternatives: Alternatives = None,
    set_: options.Sets = None,
    out_: options.Out = None,
    path: options.Paths = None,
    workers: options.Workers = "auto",
    require_optimal: options.RequireOptimal = False,
    gco2e: options.Carbon = options.GRAMS,
    no_pictures: options.NoPictures = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Find the best design of a study, prove its bits, count everything again, and write it down."""
    started, clock = now(), Stopwatch()
    given = overrides(set_, given, alternatives=alternatives)
    loaded = load_study(study, overrides=given, library=Library(tuple(path or ())))
    if not quiet:
        warn_of_idle(workers, loaded.value)
    with open_run(out_, loaded.value.name) as folder:
        if not no_pictures:
            warm_up()
        with ProgressLine(err(), quiet=quiet) as progress:
            solution = solve(loaded, report=progress, workers=workers, run_dir=folder, since=began(context))
        run = run_of(solution, started, clock.cost(gco2e))
        finish(solution, run, folder, pictures=not no_pictures, as_json=json_, quiet=quiet, require_optimal=require_optimal)


def warn_of_idle(workers: str, study: Study) -> None:
    """Warn where more workers are asked for than the study keeps busy."""
    text = idle_workers(workers, study.search.islands)
    if text is not None:
        warn(text)


def run_of(solution: Solution, started: datetime, cost: Cost) -> Run:
    """The record of a run that is over."""
    history = [(name, progress) for name, rounds in solution.histories.items() for progress in rounds]
    return Run(tuple(sys.argv), started, cost, solution.loaded.files, history)


def finish(
    solution: Solution, run: Run, folder: Path, *, pictures: bool, as_json: bool, quiet: bool, require_optimal: bool
) -> None:
    """Write a solution down, tell of it, and leave with the code that it deserves.

    Raises:
        typer.Exit: unless a design was found and no more was asked of it.
    """
    goes_on = f"; `qeopt resume {place(folder)}` goes on"
    if solution.design is None:
        no_design(solution, as_json=as_json, goes_on=goes_on)
    report = SolutionReport.of(solution, solution.design, run.cost)
    is_late = solution.design.stopped == Stop.TIME
    tell(report, write_solution(folder, report, run, pictures=pictures and not is_late), as_json=as_json, quiet=quiet)
    if pictures and is_late and not quiet:
        warn("no pictures were drawn, as the time is up; report.html draws its own")
    if solution.interrupted:
        if not quiet:
            warn(f"interrupted{goes_on}")
        raise typer.Exit(INTERRUPTED)
    if require_optimal:
        refuse_unproven(solution)


def refuse_unproven(solution: Solution) -> None:
    """Leave with a code of its own unless the bits are proven, as --require-optimal asks.

    Raises:
        typer.Exit: where they are not.
    """
    if solution.design is not None and solution.design.bits.status is not Status.OPTIMAL:
        fail("the bits are not proven optimal, as --require-optimal asks", UNPROVEN)


def tell(report: SolutionReport, written: dict[str, Path], *, as_json: bool, quiet: bool) -> None:
    """Show a report, say where it was written, and warn of what should not be overlooked."""
    if as_json:
        emit({**report.document(), "files": {name: str(path) for name, path in written.items()}})
    else:
        console = out()
        report.print(console)
        tell_written(written)
    if not quiet:
        for text in report.warnings:
            warn(text)


def tell_written(written: Mapping[str, Path]) -> None:
    """Say which files were written."""
    out().print(f"\nwritten: {', '.join(place(path) for path in written.values())}", soft_wrap=True)


def no_design(solution: Solution, *, as_json: bool, goes_on: str = "") -> NoReturn:
    """Say that there is no design, and leave; `goes_on` says how an interrupted search does.

    Raises:
        typer.Exit: always.
    """
    if as_json:
        emit(infeasible_document(solution))
    if solution.interrupted:
        fail(f"interrupted before a design was found{goes_on}", INTERRUPTED)
    said = "no design fits" if solution.search.excluded else "no design was found, which proves nothing yet"
    fail(f"{said}: {solution.reason}", NO_DESIGN)
