"""`qeopt solve`: find and prove a design."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from qeopt.cli import options
from qeopt.cli.overrides import overrides
from qeopt.cli.verb import INTERRUPTED, NO_DESIGN, UNPROVEN, emit, err, fail, out, warn
from qeopt.reading import load_study
from qeopt.report.folder import Run, default_folder, now, prepare, write_solution
from qeopt.report.progress import ProgressLine
from qeopt.report.solution import SolutionReport, infeasible_document
from qeopt.report.words import place
from qeopt.solve import Solution, solve
from qeopt.spec.library import Library
from qeopt_solvers import Status

RequireOptimal = Annotated[bool, typer.Option("--require-optimal", help="Exit with 3 unless the bits are proven optimal.")]
NoBaselines = Annotated[bool, typer.Option("--no-baselines", help="Skip the searches whose results are shown beside the answer.")]


def command(
    study: options.Study,
    device: options.DeviceName = None,
    runtime: options.RuntimeName = None,
    seed: options.Seed = None,
    time_limit: options.TimeLimit = None,
    engine: options.Engine = None,
    set_: options.Sets = None,
    out_: options.Out = None,
    path: options.Paths = None,
    require_optimal: RequireOptimal = False,
    no_baselines: NoBaselines = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Find the best design of a study, prove its bits, count everything again, and write it down."""
    started, clock = now(), time.monotonic()
    given = overrides(
        set_, device=device, runtime=runtime, seed=seed, time_limit=time_limit, engine=engine, baselines=not no_baselines
    )
    library = Library(tuple(path or ()))
    folder = prepare(out_ or default_folder(load_study(study, overrides=given, library=library).value.name))
    with ProgressLine(err(), quiet=quiet) as progress:
        solution = solve(study, overrides=given, library=library, report=progress)
    if solution.design is None:
        no_design(solution, as_json=json_)
    report = SolutionReport(solution.design, solution.loaded.files, solution.interrupted)
    run = Run(tuple(sys.argv), started, time.monotonic() - clock, solution.loaded.files, progress.history)
    written = write_solution(folder, report, run)
    tell(report, written, as_json=json_, quiet=quiet)
    if solution.interrupted:
        raise typer.Exit(INTERRUPTED)
    if require_optimal and solution.design.bits.status is not Status.OPTIMAL:
        fail("the bits are not proven optimal, as --require-optimal asks", UNPROVEN)


def tell(report: SolutionReport, written: dict[str, Path], *, as_json: bool, quiet: bool) -> None:
    """Show a report, say where it was written, and warn of what should not be overlooked."""
    if as_json:
        emit({**report.document(), "files": {name: str(path) for name, path in written.items()}})
    else:
        console = out()
        report.print(console)
        console.print()
        console.print(f"written: {', '.join(place(path) for path in written.values())}", soft_wrap=True)
    if not quiet:
        for text in report.warnings:
            warn(text)


def no_design(solution: Solution, *, as_json: bool) -> NoReturn:
    """Say that there is no design, and leave.

    Raises:
        typer.Exit: always.
    """
    if as_json:
        emit(infeasible_document(solution))
    if solution.interrupted:
        fail("interrupted before a design was found", INTERRUPTED)
    fail(f"no design fits: {solution.reason}", NO_DESIGN)
