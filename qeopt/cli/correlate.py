"""`qeopt correlate`: how well what is known of designs orders what training gave."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import BAD_USAGE, emit, fail, out
from qeopt.report.calibration import calibration_document, print_calibration
from qeopt.report.correlations import correlations_document, print_correlations, write_correlations
from qeopt.report.folder import Run, now
from qeopt.report.words import place
from qeopt.runs import open_run
from qeopt.runs.cost import Stopwatch
from qeopt.runs.folders import name_of
from qeopt.score.calibration import SIGMAS_A, SIGMAS_W, calibrate
from qeopt.statistics.bootstrap import RESAMPLES
from qeopt.verbs.correlate import correlate, sigma_grid


def _positive(values: list[float] | None) -> list[float] | None:
    if values is not None and not all(0 < value < math.inf for value in values):
        raise typer.BadParameter("a sigma is a positive number")
    return values


Features = Annotated[
    Path,
    typer.Argument(
        metavar="FEATURES",
        help="features.csv of `qeopt sample`; with --sigma-grid also a table activation_bits, weight_bits, accuracy.",
    ),
]
Results = Annotated[
    Path | None,
    typer.Argument(metavar="[RESULTS]", help="CSV with the columns design, accuracy and perhaps seed; or a folder of trainings."),
]
Predictors = Annotated[
    str, typer.Option("--predictors", metavar="A,B,...", help="Features to look at; by default all but terms and counts of widths.")
]
Resamples = Annotated[int, typer.Option("--resamples", metavar="N", min=100, max=100_000, help="Bootstrap samples.")]
BootSeed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the bootstrap.")]
Grid = Annotated[bool, typer.Option("--sigma-grid", help="Rank sigmas of the QE-Score by how well it then orders the accuracies.")]
SigmaA = Annotated[
    list[float] | None,
    typer.Option("--sigma-a", metavar="X", callback=_positive, help="A sigma of activations to try; repeatable."),
]
SigmaW = Annotated[
    list[float] | None, typer.Option("--sigma-w", metavar="X", callback=_positive, help="A sigma of weights to try; repeatable.")
]
Top = Annotated[int, typer.Option("--top", metavar="N", min=1, help="Points of the grid to show.")]


def command(
    features: Features,
    results: Results = None,
    predictors: Predictors = "",
    resamples: Resamples = RESAMPLES,
    seed: BootSeed = 0,
    sigma_grid_: Grid = False,
    sigma_a: SigmaA = None,
    sigma_w: SigmaW = None,
    top: Top = 10,
    out_: options.Out = None,
    gco2e: options.Carbon = options.GRAMS,
    no_pictures: options.NoPictures = False,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Correlate predictors with measured accuracies: intervals, within depth, given depth and MACs, what noise allows, regret."""
    if sigma_grid_:
        _grid(features, results, sigma_a or list(SIGMAS_A), sigma_w or list(SIGMAS_W), top=top, json_=json_)
        return
    if results is None:
        fail("RESULTS is missing: a table of accuracies, or a folder of trainings, was expected", BAD_USAGE)
    if sigma_a or sigma_w:
        fail("--sigma-a and --sigma-w are for --sigma-grid, which was not given", BAD_USAGE)
    started, clock = now(), Stopwatch()
    names = tuple(name.strip() for name in predictors.split(",") if name.strip())
    found = correlate(features, results, predictors=names, resamples=resamples, seed=seed)
    with open_run(out_, f"{name_of(features.resolve().parent)}.correlate") as folder:
        run = Run(tuple(sys.argv), started, clock.cost(gco2e), ())
        written = write_correlations(folder, found, run, pictures=not no_pictures)
    if json_:
        emit({**correlations_document(found), "files": {name: str(path) for name, path in written.items()}})
        return
    print_correlations(out(), found)
    out().print(f"\nwritten: {', '.join(place(path) for path in written.values())}", soft_wrap=True)


def _grid(features: Path, results: Path | None, sigmas_a: list[float], sigmas_w: list[float], *, top: int, json_: bool) -> None:
    """The best sigmas, of a table of uniform bits or of trained designs."""
    points = calibrate(features, sigmas_a, sigmas_w) if results is None else sigma_grid(features, results, sigmas_a, sigmas_w)
    if json_:
        emit(calibration_document(results or features, points))
    else:
        print_calibration(out(), points, top=top)
