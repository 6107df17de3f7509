"""The verbs of `qeopt`. Each is imported when it is asked for: `qeopt --version` does not wait for solvers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from qeopt.cli.verb import BAD_USAGE, INTERRUPTED, READER_GONE, Verb, fail, leave_quietly

VERBS = {
    "solve": "solve",
    "resume": "resume",
    "bits": "bits",
    "import": "import_",
    "verify": "verify",
    "check": "check",
    "compare": "compare",
    "explain": "explain",
    "sweep": "sweep",
    "score": "score",
    "sample": "sample",
    "correlate": "correlate",
    "fit": "fit",
    "sensitivity": "sensitivity",
    "show": "show",
    "runs": "runs",
    "report": "report",
    "where": "where",
    "new": "new",
    "schema": "schema",
    "devices": "devices",
    "runtimes": "runtimes",
    "engines": "engines",
    "export": "export",
    "train": "train",
    "evaluate": "evaluate",
}
"""Modules of this package, by verb; each has a function `command`."""


class Verbs(TyperGroup):
    """Commands that are imported on use."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands.update(dict.fromkeys(VERBS))  # type: ignore[arg-type]  # names are all that "did you mean" needs

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """Read the options before the verb."""
        with _ends_told():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: Any) -> Any:
        """Find a verb and run it."""
        with _ends_told():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs, in the order in which help lists them."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a verb; None where there is no such verb."""
        if cmd_name not in VERBS:
            return None
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(cmd_name, cls=Verb)(import_module(f"qeopt.cli.{VERBS[cmd_name]}").command)
        return typer.main.get_command(alone)


@contextmanager
def _ends_told() -> Iterator[None]:
    """What may happen anywhere: Ctrl-C, and output that nobody reads or that has no room."""
    try:
        yield
    except KeyboardInterrupt:
        fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        leave_quietly()
        raise typer.Exit(READER_GONE) from None
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):  # rich leaves in this way
            raise typer.Exit(READER_GONE) from None
        raise
    except OSError as error:
        leave_quietly()
        fail(f"{error.filename or 'standard output'}: {error.strerror or error}", BAD_USAGE)


app = typer.Typer(
    cls=Verbs,
    name="qeopt",
    help="Find the network and the bit-widths that fit a microcontroller, with a proof.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"qeopt {version('qeopt')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Find the network and the bit-widths that fit a microcontroller, with a proof."""
