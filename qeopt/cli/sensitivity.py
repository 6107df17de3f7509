"""`qeopt sensitivity`: what each tensor of a trained network loses at each width."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from qeopt.cli import options
from qeopt.cli.verb import emit, err, out
from qeopt.files import write_atomically
from qeopt.report.progress import ProgressLine
from qeopt.report.tables import rows_table
from qeopt.report.words import place
from qeopt.spec.amounts import parse_counts
from qeopt.spec.new_file import refuse_existing
from qeopt.training.sensitivity.curvature import PROBES
from qeopt.training.sensitivity.losses import Loss, table_text
from qeopt.training.verbs.sensitivity import IMAGES, sensitivity

FORMAT = "qeopt.sensitivity/1"
FILE = "sensitivity.csv"

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A design.json, or an ONNX model with its weights.")]
WeightsFile = Annotated[Path | None, typer.Option("--weights", metavar="FILE", help="Learnt weights of a design: .npz or ONNX.")]
Method = Annotated[str, typer.Option("--method", metavar="METHOD", help="loss or error, by trial; hessian or fisher (PyTorch).")]
WeightBits = Annotated[str, typer.Option("--weight-bits", metavar="A,B,...", help="Widths of weights.")]
ActivationBits = Annotated[str, typer.Option("--activation-bits", metavar="A,B,...", help="Widths of activations.")]
Images = Annotated[int, typer.Option("--images", "--limit", metavar="N", min=1, max=100_000, help="Training images to measure by.")]
Probes = Annotated[int, typer.Option("--probes", metavar="N", min=2, max=100_000, help="Random vectors of a Hessian's trace.")]
ProbeSeed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of these.")]
TableFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help=f"The table; a new {FILE} unless given.")]


def command(
    model: Model,
    data: options.DataSet,
    weights: WeightsFile = None,
    method: Method = "loss",
    weight_bits: WeightBits = "2,4,8",
    activation_bits: ActivationBits = "2,4,8",
    images: Images = IMAGES,
    probes: Probes = PROBES,
    seed: ProbeSeed = 0,
    resize: options.DataResize = False,
    out_: TableFile = None,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Measure what each tensor loses at each width, and write the table that the objective `sensitivity` reads."""
    target = out_ or Path(FILE)
    if out_ is None:
        refuse_existing(target)
    with ProgressLine(err(), quiet=quiet) as line:
        found = sensitivity(
            model,
            data,
            weights=weights,
            method=method,
            weight_bits=parse_counts(weight_bits, "--weight-bits"),
            activation_bits=parse_counts(activation_bits, "--activation-bits"),
            images=images,
            probes=probes,
            seed=seed,
            resize=resize,
            report=lambda done, asked: line.say(f"{method}: {done:,} of {asked:,}"),
        )
    write_atomically(target, table_text(found, method))
    if json_:
        emit({"format": FORMAT, "method": method, "losses": [_entry(one) for one in found], "files": {"table": str(target)}})
        return
    print_losses(out(), found)
    out().print(
        f"\nwritten: {place(target)}; in a study of this network: objective: {{kind: sensitivity, table: {target.name}}}",
        soft_wrap=True,
    )


def print_losses(console: Console, found: Sequence[Loss]) -> None:
    """What each tensor loses at each width."""
    rows = [(one.choice.label, str(one.bits), f"{one.loss:.4g}", "" if one.error is None else f"{one.error:.2g}") for one in found]
    console.print(rows_table({"tensor": "left", "bits": "right", "loss": "right", "standard error": "right"}, rows))


def _entry(one: Loss) -> dict[str, object]:
    return {"tensor": one.choice.label, "bits": one.bits, "loss": one.loss, "measured": one.measured, "standard_error": one.error}
