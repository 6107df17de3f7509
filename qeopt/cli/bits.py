"""`qeopt bits`: exact bits for a model, without a study file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qeopt.cli import options
from qeopt.cli.answer import write_answer
from qeopt.cli.import_ import Input, Model, TreatAs, import_options
from qeopt.cli.solve import refuse_unproven, tell
from qeopt.cli.study_options import as_study, with_study_options
from qeopt.cli.verb import BAD_USAGE, INTERRUPTED, fail
from qeopt.network.importers import importer_of
from qeopt.network.importers.torch_source import example_for, function_of, load_module, names_code
from qeopt.report.folder import now
from qeopt.runs.cost import Stopwatch
from qeopt.spec.library import Library
from qeopt.spec.new_file import write_new
from qeopt.verbs.bits import WIDTHS, bits

SaveStudy = Annotated[Path | None, typer.Option("--save-study", metavar="FILE", help="Write the study that this implies.")]
Layer = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        metavar="NAME=BITS",
        help="Bits of a layer, or of all that a pattern fits: `stem=8` fixes its weights and what it writes, which leaves it out "
        "of the search; `*.dw=w4,8` leaves its weights 4 and 8; `head=w8a4,8` says both; repeatable.",
    ),
]
Ends = Annotated[
    int | None,
    typer.Option(
        "--ends",
        metavar="BITS",
        min=1,
        max=options.MOST_BITS,
        help="Bits of the weights of the first and last layers, and of what these read.",
    ),
]
Tie = Annotated[
    list[str] | None,
    typer.Option("--tie", metavar="NAMES", help="Layers that share widths: names or patterns, separated by commas; repeatable."),
]
Prefer = Annotated[
    str | None,
    typer.Option("--prefer", metavar="NAMES", help="Memories of the device in the order in which buffers should lie in them."),
]


@with_study_options()
def command(
    model: Model,
    given: tuple[str, ...],
    layer: Layer = None,
    ends: Ends = None,
    tie: Tie = None,
    prefer: Prefer = None,
    input_: Input = None,
    treat_as: TreatAs = None,
    save_study: SaveStudy = None,
    set_: options.Sets = None,
    out_: options.Out = None,
    path: options.Paths = None,
    gco2e: options.Carbon = options.GRAMS,
    require_optimal: options.RequireOptimal = False,
    no_pictures: options.NoPictures = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Find the best bits for a fixed network in a model file, prove them, count everything again, and write it down."""
    started, clock = now(), Stopwatch()
    read = import_options(input_, treat_as)
    stated = as_study(given)
    if not names_code(str(model)):
        importer_of(model)
    if "runtime" not in stated:
        fail("--runtime: a kernel library is needed, such as cmix-nn or qeopt-c; `qeopt list runtimes` shows all", BAD_USAGE)
    source: Any = load_module(str(model)) if names_code(str(model)) else model
    answer = bits(
        source,
        example=None if source is model else example_for(str(model), read),
        name=function_of(str(model)),
        runtime=stated["runtime"],
        device=stated.get("device"),
        budgets=stated.get("budgets"),
        weights=stated.get("bits", {}).get("weights", WIDTHS),
        activations=stated.get("bits", {}).get("activations", WIDTHS),
        layers=options.layers("--layer", layer),
        ends=ends,
        ties=[options.names("--tie", group) for group in tie or ()],
        prefer=() if prefer is None else options.names("--prefer", prefer),
        objective=stated.get("objective", "qe"),
        engine=stated.get("qbr", {}).get("engine", "chain"),
        search=stated.get("search"),
        options=read,
        library=Library(tuple(path or ())),
        overrides=tuple(set_ or ()),
    )
    if save_study is not None:
        write_new(save_study, answer.text_for(save_study))
    cost, pictures = clock.cost(gco2e), not no_pictures
    report, written = write_answer(answer, started, cost, out_, pictures=pictures, as_json=json_, quiet=quiet)
    tell(report, written, as_json=json_, quiet=quiet)
    if answer.solution.interrupted:
        raise typer.Exit(INTERRUPTED)
    if require_optimal:
        refuse_unproven(answer.solution)
