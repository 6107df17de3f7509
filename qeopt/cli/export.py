"""`qeopt export`: a finished design in the format of a trainer, a compiler or firmware."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, out
from qeopt.design import load_design
from qeopt.export import EXPORTERS, configure, write
from qeopt.report.words import place

Format = Annotated[str, typer.Option("--format", metavar="NAME", help=f"One of {', '.join(EXPORTERS.builtin)}.")]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write; beside the design unless given.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the format; repeatable.")]


def command(
    design: options.DesignFile,
    format_: Format,
    out_: OutFile = None,
    set_: Sets = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write a finished design as a PyTorch module, an ONNX model, a C header, a table or a recipe."""
    exporter, found = configure(format_, set_ or ()), load_design(design)
    written = write(found, exporter, out_ or design.with_name(f"{Path(found.study_name).name}{exporter.SUFFIX}"))
    if json_:
        emit({"format": "qeopt.export/1", "files": [str(path) for path in written]})
    else:
        out().print(f"written: {', '.join(place(path) for path in written)}", soft_wrap=True)
