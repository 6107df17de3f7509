"""`qeopt verify`: check everything that a finished design claims."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.verb import emit, fail, out
from qeopt.design import VerificationError
from qeopt.report.verification import print_verification, verification_document
from qeopt.verify import verify

DesignFile = Annotated[Path, typer.Argument(metavar="DESIGN", help="A design.json written by `qeopt solve`.")]


def command(design: DesignFile, json_: options.Json = False, debug: options.Debug = False) -> None:
    """Count every byte of a finished design again and have its bits proven again; exit with 4 on any mismatch."""
    found = verify(design)
    if json_:
        emit(verification_document(found))
    else:
        print_verification(out(), found)
    if not found.holds:
        fail("\n".join(found.mismatches), VerificationError.exit_code)
