"""`qeopt import`: write a model of another tool as a network file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from qeopt.cli import options
from qeopt.cli.verb import BAD_USAGE, emit, fail, out, warn
from qeopt.network import macs, weight_count
from qeopt.network.importers import IMPORTERS, ImportOptions, import_model
from qeopt.network.importers.torch import from_torch
from qeopt.network.importers.torch_source import example_for, function_of, load_module, names_code
from qeopt.network.text import network_text
from qeopt.report.words import place
from qeopt.spec.model import build
from qeopt.spec.new_file import refuse_existing, write_new
from qeopt.verbs.bits import save_weights

Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A model file (ONNX, TFLite, MCUNet's JSON), or FILE.py:FUNCTION that makes a PyTorch module."
    ),
]
Input = Annotated[
    str | None,
    typer.Option("--input", metavar="H,W,C", help="Height, width and channels of the image, where the file leaves them open."),
]
TreatAs = Annotated[
    list[str] | None,
    typer.Option(
        "--treat-as", metavar="OPERATOR=HOW", help="How to take an operator: identity, activation, move or cut; repeatable."
    ),
]
To = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write the network; MODEL.yaml unless stated.")]


def import_options(input_: str | None, treat_as: list[str] | None) -> ImportOptions:
    """Read what the options say of a model."""
    told: dict[str, object] = {}
    if input_ is not None:
        sides = input_.split(",")
        if len(sides) != 3 or not all(side.strip().isdigit() for side in sides):
            fail(f"--input {input_}: height, width and channels were expected, such as 96,96,3", BAD_USAGE)
        told["input"] = [int(side) for side in sides]
    if treat_as:
        pairs = [text.partition("=") for text in treat_as]
        wrong = [
            text for text, (_, _, how) in zip(treat_as, pairs, strict=True) if how not in {"identity", "activation", "move", "cut"}
        ]
        if wrong:
            fail(f"--treat-as {wrong[0]}: OPERATOR=identity, activation, move or cut was expected", BAD_USAGE)
        told["treat_as"] = {operator: how for operator, _, how in pairs}
    try:
        return build(ImportOptions, told)  # type: ignore[arg-type]
    except ValidationError as error:
        fail(f"--input {input_}: {'; '.join(problem['msg'].lower() for problem in error.errors()[:1])}", BAD_USAGE)


def command(
    model: Model,
    input_: Input = None,
    treat_as: TreatAs = None,
    out_: To = None,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Read a model and write it operator by operator as a network that a study can name; nothing is overwritten.

    Learnt values of a PyTorch module, which are in no file yet, are written beside it as an .npz.
    """
    told = import_options(input_, treat_as)
    target = out_ or model.with_suffix(".yaml")
    learnt = target.with_suffix(".npz")
    if names_code(str(model)):
        refuse_existing(learnt)
    if names_code(str(model)) or model.suffix.lower().removeprefix(".") in IMPORTERS.names():
        refuse_existing(target)  # before minutes are spent on a large model; what nobody reads is told first
    if names_code(str(model)):
        read = from_torch(load_module(str(model)), example_for(str(model), told), name=function_of(str(model)), options=told)
    else:
        read = import_model(model, told)
    write_new(target, network_text(read.network))
    written = {"network": target}
    if names_code(str(model)) and read.weights:
        save_weights(read.weights, learnt)
        written["weights"] = learnt
    if not quiet:
        for note in read.notes:
            warn(note)
    counts = {
        "operators": len(read.network.ops),
        "weights": sum(int(weight_count(op)) for op in read.network.ops),
        "macs": sum(int(macs(op)) for op in read.network.ops),
    }
    if json_:
        emit(
            {"format": "qeopt.import/1", **{name: str(path) for name, path in written.items()}, **counts, "notes": list(read.notes)}
        )
        return
    counted = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    out().print(f"written: {', '.join(map(place, written.values()))} ({counted})", soft_wrap=True)
