"""`qeopt compare`: what greedy rules lose against exact engines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.options import check_engines
from qeopt.cli.overrides import overrides
from qeopt.cli.solve import tell_written
from qeopt.cli.study_options import with_study_options
from qeopt.cli.verb import INTERRUPTED, emit, err, fail, out
from qeopt.report.comparison import comparison_document, print_comparison
from qeopt.report.cost import cost_text
from qeopt.report.folder import Run, now, write_comparison, write_side_by_side
from qeopt.report.progress import ProgressLine
from qeopt.report.side_by_side import print_side_by_side, side_by_side_document
from qeopt.runs import open_run
from qeopt.runs.cost import Stopwatch
from qeopt.spec.library import Library
from qeopt.study.load import load_study
from qeopt.verbs.compare import SAMPLES, compare
from qeopt.verbs.compare_runs import compare_runs

Samples = Annotated[int, typer.Option("--samples", "--n", metavar="N", min=1, help="Structures to draw from a space.")]
DrawSeed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the draws.")]
Engines = Annotated[str, typer.Option("--engines", metavar="A,B,...", help="Engines to compare; see `qeopt list engines`.")]


Other = Annotated[
    Path | None,
    typer.Argument(metavar="[RUN]", help="With two runs: their designs side by side, instead of engines on a study."),
]


@with_study_options("seed", "time_limit", "engine", "evaluations", "no_baselines")
def command(
    study: options.Study,
    given: tuple[str, ...],
    other: Other = None,
    samples: Samples = SAMPLES,
    seed: DrawSeed = 0,
    engines: Engines = "",
    set_: options.Sets = None,
    out_: options.Out = None,
    path: options.Paths = None,
    gco2e: options.Carbon = options.GRAMS,
    no_pictures: options.NoPictures = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Assign bits by greedy rules and by exact engines, to a network or to structures drawn from a space."""
    if other is not None:
        _side_by_side(Path(study), other, out_, gco2e, as_json=json_)
        return
    started, clock = now(), Stopwatch()
    library = Library(tuple(path or ()))
    names = tuple(name.strip() for name in engines.split(",") if name.strip())
    check_engines("--engines", names)
    loaded = load_study(study, overrides=overrides(set_, given), library=library)
    with open_run(out_, f"{loaded.value.name}.compare") as folder:
        with ProgressLine(err(), quiet=quiet) as progress:
            found = compare(
                loaded,
                samples=samples,
                seed=seed,
                engines=names,
                report=lambda done, asked: progress.say(f"comparing: {done:,} of {asked:,} structures"),
            )
        if not found.instances:
            fail("interrupted before anything was compared", INTERRUPTED)
        run = Run(tuple(sys.argv), started, clock.cost(gco2e), found.loaded.files)
        written = write_comparison(folder, found, run, pictures=not no_pictures)
        if json_:
            emit({**comparison_document(found), "files": {name: str(path) for name, path in written.items()}})
        else:
            print_comparison(out(), found)
            out().print(f"\n{cost_text(run.cost)}", soft_wrap=True)
            tell_written(written)
        if found.interrupted:
            raise typer.Exit(INTERRUPTED)


def _side_by_side(one: Path, other: Path, out_: Path | None, gco2e: float, *, as_json: bool) -> None:
    """Two finished designs; nothing is solved."""
    started, clock = now(), Stopwatch()
    found = compare_runs(one, other)
    with open_run(out_, ".beside.".join(design.study_name for design in found.designs)) as folder:
        run = Run(tuple(sys.argv), started, clock.cost(gco2e), ())
        written = write_side_by_side(folder, found, run)
        if as_json:
            emit({**side_by_side_document(found), "files": {name: str(path) for name, path in written.items()}})
        else:
            print_side_by_side(out(), found)
            tell_written(written)
