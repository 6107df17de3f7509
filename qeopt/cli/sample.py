"""`qeopt sample`: designs to train, drawn from a study."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.overrides import overrides
from qeopt.cli.study_options import with_study_options
from qeopt.cli.verb import INTERRUPTED, emit, err, fail, out
from qeopt.report.folder import Run, now
from qeopt.report.progress import ProgressLine
from qeopt.report.samples import print_sampling, sampling_document, write_sampling
from qeopt.report.words import place
from qeopt.runs import open_run
from qeopt.runs.cost import Stopwatch
from qeopt.sampling.bits import EXACT, RULES
from qeopt.spec.library import Library
from qeopt.study.load import load_study
from qeopt.verbs.sample import MOST, SAMPLES, SPREADS, sample

Samples = Annotated[int, typer.Option("--samples", "--n", metavar="N", min=1, max=MOST, help="Structures to draw from a space.")]
DrawSeed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the draws.")]
Rules = Annotated[
    str, typer.Option("--rules", metavar="A,B,...", help=f"How bits are found, for each structure: {', '.join(RULES)}.")
]
OldRules = Annotated[str, typer.Option("--bits", hidden=True, help="What --rules was called.")]


def _spread(text: str) -> str:
    if text not in SPREADS:
        raise typer.BadParameter(f"{', '.join(SPREADS[:-1])} or {SPREADS[-1]} was expected")
    return text


SpreadOver = Annotated[
    str,
    typer.Option("--spread", metavar="OVER", callback=_spread, help="uniform, or spread evenly over depth or score."),
]


@with_study_options("seed", "time_limit", "engine", "evaluations", "no_baselines")
def command(
    study: options.Study,
    given: tuple[str, ...],
    n: Samples = SAMPLES,
    seed: DrawSeed = 0,
    spread: SpreadOver = "uniform",
    rules: Rules = EXACT,
    bits: OldRules = "",
    set_: options.Sets = None,
    out_: options.Out = None,
    path: options.Paths = None,
    gco2e: options.Carbon = options.GRAMS,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Draw designs of a study to train: structures of its space, bits for each by one or several rules, and their features."""
    started, clock = now(), Stopwatch()
    library = Library(tuple(path or ()))
    loaded = load_study(study, overrides=overrides(set_, given), library=library)
    with open_run(out_, f"{loaded.value.name}.sample") as folder:
        with ProgressLine(err(), quiet=quiet) as progress:
            found = sample(
                loaded,
                count=n,
                seed=seed,
                spread_over=spread,
                rules=tuple(name.strip() for name in (bits or rules).split(",") if name.strip()) or (EXACT,),
                report=lambda done, asked: progress.say(f"sampling: {done:,} of {asked:,} structures"),
            )
        if not found.samples:
            fail("interrupted before anything was drawn", INTERRUPTED)
        written = write_sampling(folder, found, Run(tuple(sys.argv), started, clock.cost(gco2e), found.loaded.files))
        if json_:
            emit({**sampling_document(found), "files": {name: str(path) for name, path in written.items()}})
        else:
            print_sampling(out(), found)
            out().print(f"\nwritten: {', '.join(place(path) for path in written.values())}", soft_wrap=True)
        if found.interrupted:
            raise typer.Exit(INTERRUPTED)
