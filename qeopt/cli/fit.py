"""`qeopt fit`: an additive objective learnt from trained designs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, err, out
from qeopt.report.fits import fit_document, print_fit, write_objective
from qeopt.report.progress import ProgressLine
from qeopt.report.words import place
from qeopt.spec.new_file import refuse_existing
from qeopt.statistics.bootstrap import RESAMPLES
from qeopt.verbs.fit import TERMS, fit_objective

FILE = "objective.yaml"
Features = Annotated[Path, typer.Argument(metavar="FEATURES", help="features.csv of `qeopt sample`.")]
Results = Annotated[
    Path,
    typer.Argument(metavar="RESULTS", help="CSV with the columns design, accuracy and perhaps seed; or a folder of trainings."),
]
Terms = Annotated[str, typer.Option("--terms", metavar="A,B,...", help=f"Terms of the objective; by default {', '.join(TERMS)}.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help=f"The file of the objective; a new {FILE} unless given.")]
Resamples = Annotated[int, typer.Option("--resamples", metavar="N", min=100, max=100_000, help="Bootstrap samples.")]
FoldSeed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of folds and bootstrap.")]


def command(
    features: Features,
    results: Results,
    terms: Terms = "",
    out_: Out = None,
    resamples: Resamples = RESAMPLES,
    seed: FoldSeed = 0,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Learn an additive objective from trained designs; its file says how well it orders structures it has not seen."""
    names = tuple(dict.fromkeys(name.strip() for name in terms.split(",") if name.strip())) or TERMS
    target = out_ or Path(FILE)
    if out_ is None:
        refuse_existing(target)
    with ProgressLine(err(), quiet=quiet) as progress:
        found = fit_objective(
            features,
            results,
            names=names,
            resamples=resamples,
            seed=seed,
            report=lambda done, asked: progress.say(f"fitting: {done:,} of {asked:,} resamples"),
        )
    write_objective(target, found.objective)
    if json_:
        emit({**fit_document(found), "files": {"objective": str(target)}})
        return
    print_fit(out(), found)
    out().print(f"\nwritten: {place(target)}", soft_wrap=True)
