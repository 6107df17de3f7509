"""`qeopt explain`: why nothing fits, or what holds the best design back."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from qeopt.budgets import memories, table
from qeopt.cli import options
from qeopt.cli.overrides import overrides
from qeopt.cli.solve import tell_written
from qeopt.cli.study_options import with_study_options
from qeopt.cli.verb import INTERRUPTED, NO_DESIGN, emit, err, fail, out
from qeopt.report.explanation import ExplanationReport
from qeopt.report.folder import Run, now, write_explanation
from qeopt.report.progress import ProgressLine
from qeopt.runs import open_run
from qeopt.runs.cost import Stopwatch
from qeopt.spec.amounts import parse_amounts
from qeopt.spec.library import Library
from qeopt.verbs.explain import explain

OPTION = "--weight"
Weights = Annotated[
    list[str] | None,
    typer.Option(
        OPTION,
        metavar="BUDGET=AMOUNT",
        help="By how much a budget grows in a step when budgets grow together (sram=1KiB); repeatable. "
        "By default each grows by a thousandth of itself.",
    ),
]


@with_study_options()
def command(
    study: options.Study,
    given: tuple[str, ...],
    weight: Weights = None,
    workers: options.Workers = "auto",
    set_: options.Sets = None,
    out_: options.Out = None,
    path: options.Paths = None,
    gco2e: options.Carbon = options.GRAMS,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Tell why nothing fits and the least that would help, or which budgets bind and what more buys; exit 1 if nothing fits."""
    sizes = memories()
    weights = parse_amounts(weight, OPTION, sizes, [name for name in table() if name not in sizes]) if weight else None
    replaced, library = overrides(set_, given), Library(tuple(path or ()))
    started, clock = now(), Stopwatch()
    with ProgressLine(err(), quiet=quiet) as progress:
        found = explain(study, weights=weights, overrides=replaced, library=library, report=progress, workers=workers)
    if found.interrupted and found.search is not None and found.search.best is None:
        fail("interrupted before a design was found", INTERRUPTED)
    report = ExplanationReport(found)
    with open_run(out_, f"{found.loaded.value.name}.explain") as folder:
        run = Run(tuple(sys.argv), started, clock.cost(gco2e), found.loaded.files)
        written = write_explanation(folder, report, run)
        if json_:
            emit({**report.document(), "files": {name: str(path) for name, path in written.items()}})
        else:
            report.print(out())
            tell_written(written)
    if found.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not found.fits:
        raise typer.Exit(NO_DESIGN)
