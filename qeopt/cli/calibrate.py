"""`qeopt calibrate`: sigmas under which the score orders trained networks best."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, out
from qeopt.report.calibration import calibration_document, print_calibration
from qeopt.score.calibration import SIGMAS_A, SIGMAS_W, calibrate


def _positive(values: list[float] | None) -> list[float] | None:
    if values is not None and not all(0 < value < math.inf for value in values):
        raise typer.BadParameter("a sigma is a positive number")
    return values


Table = Annotated[Path, typer.Argument(metavar="TABLE", help="CSV with the columns activation_bits, weight_bits and accuracy.")]
SigmaA = Annotated[
    list[float] | None,
    typer.Option("--sigma-a", metavar="X", callback=_positive, help="A sigma of activations to try; repeatable."),
]
SigmaW = Annotated[
    list[float] | None, typer.Option("--sigma-w", metavar="X", callback=_positive, help="A sigma of weights to try; repeatable.")
]
Top = Annotated[int, typer.Option("--top", metavar="N", min=1, help="Points to show.")]


def command(
    table: Table,
    sigma_a: SigmaA = None,
    sigma_w: SigmaW = None,
    top: Top = 10,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Rank a grid of sigmas by how well the score then orders the accuracies of trained networks."""
    points = calibrate(table, sigma_a or SIGMAS_A, sigma_w or SIGMAS_W)
    if json_:
        emit(calibration_document(table, points))
    else:
        print_calibration(out(), points, top=top)
