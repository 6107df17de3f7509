"""`qeopt verify`: check everything that a finished design claims."""

from __future__ import annotations

from qeopt.cli import options
from qeopt.cli.verb import emit, fail, out
from qeopt.design import VerificationError
from qeopt.design.verify import verify
from qeopt.report.verification import print_verification, verification_document


def command(design: options.DesignFile, json_: options.Json = False, debug: options.Debug = False) -> None:
    """Count every byte of a finished design again and have its bits proven again; exit with 4 on any mismatch."""
    found = verify(design)
    if json_:
        emit(verification_document(found))
    else:
        print_verification(out(), found)
    if not found.holds:
        fail("\n".join(found.mismatches), VerificationError.exit_code)
