"""The way in and out of the command line: everything else is imported where Ctrl-C is answered already."""

from __future__ import annotations

import os
import sys
import time

from qeopt.cli.interrupts import INTERRUPTED, was_interrupted


def main() -> None:
    """Run the command line and exit with its code."""
    began = time.monotonic()
    try:
        from qeopt.cli.verbs import app  # noqa: PLC0415  # half a second in which Ctrl-C must not show a traceback

        _settle_streams()
        app(obj=began)
    except (KeyboardInterrupt, ImportError) as error:
        if not was_interrupted(error):
            raise
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)


def _settle_streams() -> None:
    """Make output possible wherever it goes: closed streams, terminals without a width, or without all letters."""
    if os.environ.get("COLUMNS") == "0":  # some terminals say so where they do not know
        del os.environ["COLUMNS"]
    sys.stdout, sys.stderr = (stream or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w") for stream in (sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot say must not stop a run
