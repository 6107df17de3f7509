"""`qeopt score`: the score of one network."""

from __future__ import annotations

from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, out, warn
from qeopt.report.score import print_score, score_document
from qeopt.space import Task
from qeopt.spec.library import Library
from qeopt.verbs.score import IMAGENET, score_network

Scorable = Annotated[
    str, typer.Argument(metavar="FILE", help="A network, a model file or a study of a network, by path or name; or a design.json.")
]
AllBits = Annotated[int | None, typer.Option("--bits", metavar="N", min=1, max=16, help="Bits of every free tensor (8).")]
WeightBits = Annotated[int | None, typer.Option("--weight-bits", metavar="N", min=1, max=16, help="Bits of free weights.")]
ActivationBits = Annotated[
    int | None, typer.Option("--activation-bits", metavar="N", min=1, max=16, help="Bits of free activations.")
]
Input = Annotated[
    str | None,
    typer.Option("--input", metavar="H,W,C", help="Image that a network of blocks reads (224,224,3)."),
]
Classes = Annotated[
    int | None, typer.Option("--classes", metavar="N", min=1, max=1_000_000, help="Classes of a network of blocks (1000).")
]


def command(
    file: Scorable,
    bits: AllBits = None,
    weights: WeightBits = None,
    activations: ActivationBits = None,
    input_: Input = None,
    classes: Classes = None,
    set_: options.Sets = None,
    path: options.Paths = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Score one network at given bits, with the terms the score is made of; a design is scored at its own bits."""
    sides = IMAGENET.input if input_ is None else options.image_sides("--input", input_)
    task = None if input_ is None and classes is None else Task(input=sides, classes=classes or IMAGENET.classes)
    scored = score_network(
        file,
        weight_bits=bits if weights is None else weights,
        activation_bits=bits if activations is None else activations,
        task=task,
        overrides=set_ or (),
        library=Library(tuple(path or ())),
    )
    for note in scored.notes:
        warn(note)
    if json_:
        emit(score_document(scored))
    else:
        print_score(out(), scored)
