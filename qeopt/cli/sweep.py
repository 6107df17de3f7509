"""`qeopt sweep`: the best design at every point of a grid of budgets."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.overrides import overrides
from qeopt.cli.solve import tell_written
from qeopt.cli.study_options import with_study_options
from qeopt.cli.verb import BAD_USAGE, INTERRUPTED, NO_DESIGN, emit, err, fail, out
from qeopt.report.boards import boards_document, print_boards
from qeopt.report.cost import cost_text
from qeopt.report.folder import Run, now, write_boards, write_sweep
from qeopt.report.progress import ProgressLine
from qeopt.report.sweeps import print_sweep, sweep_document
from qeopt.runs import open_run
from qeopt.runs.cost import Stopwatch
from qeopt.spec.amounts import parse_counts, parse_sizes
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt.verbs.boards import JOURNAL, Boards, sweep_boards
from qeopt.verbs.frontier import POINTS, check_axes, frontier
from qeopt.verbs.sweep import Sweep, check_grid, sweep

RANGE = "START:STOP:STEP"
Sram = Annotated[str | None, typer.Option("--sram", metavar=RANGE, help="SRAM budgets: 128KiB:512KiB:32KiB, or 128KiB,256KiB.")]
Flash = Annotated[str | None, typer.Option("--flash", metavar=RANGE, help="Flash budgets, in the same way.")]


Depths = Annotated[
    str | None, typer.Option("--depths", metavar="FIRST:LAST[:STEP]", help="Budgets of layers: 8:20, 8:20:2, or 8,11,14.")
]


Frontier = Annotated[
    str | None,
    typer.Option(
        "--frontier",
        metavar="AXIS[,AXIS]",
        help="Instead of ranges: of one network, all bits that no others beat on two axes, each a budget or `score` (the second "
        "unless stated): flash, or flash,latency_ms.",
    ),
]
Floor = Annotated[
    float | None, typer.Option("--floor", metavar="SCORE", help="Of a frontier of two budgets: the least score of every point.")
]
Devices = Annotated[
    str | None,
    typer.Option(
        "--devices",
        metavar="FILTER",
        help="Instead of ranges: the study on every known device whose name, title or core has this in it; `all` for all. "
        "The same command with the same --out goes on where it was killed.",
    ),
]
Points = Annotated[int, typer.Option("--points", metavar="N", min=2, max=10_000, help="Points of a frontier at most.")]


Grid = dict[str, tuple[int, ...]]
"""Limits by budget."""


@with_study_options("sram", "flash")
def command(
    study: options.Study,
    given: tuple[str, ...],
    sram: Sram = None,
    flash: Flash = None,
    depths: Depths = None,
    frontier_: Frontier = None,
    floor: Floor = None,
    devices: Devices = None,
    workers: options.Workers = "auto",
    points: Points = POINTS,
    set_: options.Sets = None,
    out_: options.Out = None,
    path: options.Paths = None,
    gco2e: options.Carbon = options.GRAMS,
    no_pictures: options.NoPictures = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Find the best design and a proven bound at every point of one or two ranges of budgets; draw them."""
    started, clock = now(), Stopwatch()
    grid = _grid(sram, flash, depths)
    if floor is not None and frontier_ is None:
        fail("--floor is of a frontier of two budgets, such as --frontier flash,bitops", BAD_USAGE)
    if devices is not None:
        if grid or frontier_ is not None or any(text.startswith("device=") for text in given):
            fail("--devices stands alone: it asks for the same study on each", BAD_USAGE)
        library = Library(tuple(path or ()))
        loaded = load_study(study, overrides=overrides(set_, given), library=library)
        found_boards = _boards(loaded, devices, workers, out_, gco2e, pictures=not no_pictures, quiet=quiet, as_json=json_)
        if all(board.score is None for board in found_boards.boards):
            raise typer.Exit(NO_DESIGN)
        return
    if frontier_ is None:
        check_grid(grid)
    elif grid:
        fail("--frontier stands alone: it finds the limits itself", BAD_USAGE)
    else:
        check_axes(frontier_.split(","), floor)
    library = Library(tuple(path or ()))
    loaded = load_study(study, overrides=overrides(set_, given), library=library)
    with open_run(out_, f"{loaded.value.name}.sweep") as folder:
        with ProgressLine(err(), quiet=quiet) as progress:
            found = _swept(loaded, grid, frontier_, floor, points, progress, workers)
        if not found.points:
            fail("interrupted before any point was reached", INTERRUPTED)
        run = Run(tuple(sys.argv), started, clock.cost(gco2e), found.loaded.files, progress.history)
        written = write_sweep(folder, found, run, pictures=not no_pictures)
        if json_:
            emit({**sweep_document(found), "files": {name: str(path) for name, path in written.items()}})
        else:
            print_sweep(out(), found)
            out().print(f"\n{cost_text(run.cost)}", soft_wrap=True)
            tell_written(written)
        if found.interrupted:
            raise typer.Exit(INTERRUPTED)
        if all(point.score is None for point in found.points):
            raise typer.Exit(NO_DESIGN)


def _grid(sram: str | None, flash: str | None, depths: str | None) -> Grid:
    """The ranges asked for, by budget."""
    ranges = {"sram": sram, "flash": flash}
    grid = {name: parse_sizes(text, f"--{name}") for name, text in ranges.items() if text is not None}
    if depths is not None:
        grid["layers"] = parse_counts(depths, "--depths")
    return grid


def _swept(
    loaded: Loaded[Study], grid: Grid, axes: str | None, floor: float | None, points: int, progress: ProgressLine, workers: str
) -> Sweep:
    """Every point of the ranges, or of the frontier over `axes`."""

    def reached(done: int, asked: int) -> None:
        progress.say(f"sweeping: {done:,} of {asked:,} points")

    if axes is None:
        return sweep(loaded, grid, report=progress, reached=reached, workers=workers)
    return frontier(loaded, *axes.split(","), floor=floor, most=points, reached=reached)


def _boards(
    loaded: Loaded[Study],
    part: str,
    workers: str,
    out_: Path | None,
    gco2e: float,
    *,
    pictures: bool,
    as_json: bool,
    quiet: bool,
) -> Boards:
    """The study on every device."""
    started, clock = now(), Stopwatch()
    processes = len(os.sched_getaffinity(0)) if workers == "auto" else int(workers) if workers.isdecimal() else -1
    if processes < 0:
        fail(f"--workers {workers}: a number of processes or auto was expected with --devices", BAD_USAGE)
    with open_run(out_, f"{loaded.value.name}.devices") as folder:
        with ProgressLine(err(), quiet=quiet) as progress:

            def reached(done: int, asked: int) -> None:
                progress.say(f"sweeping: {done:,} of {asked:,} devices")

            found = sweep_boards(
                loaded,
                "" if part == "all" else part,
                journal=folder / JOURNAL,
                reached=reached,
                workers=processes,
            )
        if found.interrupted:
            print_boards(err(), found)
            fail("interrupted: the same command with the same --out goes on", INTERRUPTED)
        run = Run(tuple(sys.argv), started, clock.cost(gco2e), found.loaded.files)
        written = write_boards(folder, found, run, pictures=pictures)
        if as_json:
            emit({**boards_document(found), "files": {name: str(path) for name, path in written.items()}})
        else:
            print_boards(out(), found)
            tell_written(written)
    return found
