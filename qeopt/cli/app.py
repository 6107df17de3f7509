"""The verbs of `qeopt`, and the way in and out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from qeopt.cli import (
    bits,
    calibrate,
    check,
    compare,
    devices,
    engines,
    explain,
    export,
    import_,
    new,
    resume,
    runtimes,
    schema,
    score,
    show,
    solve,
    sweep,
    verify,
    where,
)
from qeopt.cli.verb import Verb

app = typer.Typer(
    name="qeopt",
    help="Find the network and the bit-widths that fit a microcontroller, with a proof.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

VERBS: dict[str, Callable[..., None]] = {
    "solve": solve.command,
    "resume": resume.command,
    "bits": bits.command,
    "import": import_.command,
    "verify": verify.command,
    "check": check.command,
    "compare": compare.command,
    "explain": explain.command,
    "sweep": sweep.command,
    "score": score.command,
    "calibrate": calibrate.command,
    "show": show.command,
    "where": where.command,
    "new": new.command,
    "schema": schema.command,
    "devices": devices.command,
    "runtimes": runtimes.command,
    "engines": engines.command,
    "export": export.command,
}

for _name, _command in VERBS.items():
    app.command(_name, cls=Verb)(_command)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"qeopt {version('qeopt')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Find the network and the bit-widths that fit a microcontroller, with a proof."""


def main() -> None:
    """Run the command line and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot say must not stop a run
    app()
