"""The verbs of `qeopt`. Each is imported when it is asked for: `qeopt --version` does not wait for solvers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from qeopt.cli.verb import BAD_USAGE, INTERRUPTED, READER_GONE, Verb, fail, leave_quietly

PANELS = {
    "Design": {
        "solve": "Find and prove the best design of a study, and write it down.",
        "resume": "Go on with a run that was interrupted or killed.",
        "bits": "Find and prove the best bits for a model in a file.",
        "sweep": "Find the best designs over ranges of budgets.",
        "compare": "Set greedy rules beside exact engines.",
        "explain": "Tell why nothing fits, or what holds the best design back.",
        "check": "Tell before any search whether a file can ever work.",
    },
    "Models": {
        "import": "Read a model into a network that a study can name.",
        "export": "Write a design as ONNX, TFLite, C, PyTorch, a table or a recipe.",
        "verify": "Count a design again and have it proven again.",
        "train": "Train a design with its own bits.",
        "tune": "Find out how to train a design, by short trainings.",
        "evaluate": "Tell how accurate a trained design or a model is.",
    },
    "Learn": {
        "sample": "Draw designs of a study to train.",
        "correlate": "Tell how well predictors order measured accuracies.",
        "fit": "Learn an objective from trained designs.",
        "sensitivity": "Measure what each tensor loses at each width.",
        "score": "Score a network at given bits, term by term.",
    },
    "Inspect": {
        "show": "Show a study with everything it names in place.",
        "where": "Print the files that a name could stand for.",
        "new": "Write a study and a board file to fill in.",
        "schema": "Print the JSON Schema of files.",
        "list": "List devices, runtimes, engines, objectives or exporters.",
        "runs": "List the runs so far and what they found.",
        "report": "Make the page of a run again: report.html.",
    },
}
"""What help lists, in short; a verb itself says more."""
HIDDEN = ("devices", "runtimes", "engines")
"""Names of before, which `list` took over."""
VERBS = {verb: f"{verb}_" if verb in {"import", "list"} else verb for verbs in (*PANELS.values(), HIDDEN) for verb in verbs}
"""Modules of this package, by verb; each has a function `command`."""


class Verbs(TyperGroup):
    """Commands that are imported on use."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._in_short = False
        self.commands.update(dict.fromkeys(VERBS))  # type: ignore[arg-type]  # names are all that "did you mean" needs

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """Read the options before the verb."""
        with _ends_told():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: Any) -> Any:
        """Find a verb and run it."""
        with _ends_told():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb; where it stands behind what it takes, say in which order."""
        if args[0] not in VERBS:
            verb = next((word for word in args[1:] if word in VERBS), None)
            if verb is not None:
                others = [word for number, word in enumerate(args) if number != args.index(verb)]
                fail(f"{args[0]}: is no verb, and the verb comes first: `{shlex.join(['qeopt', verb, *others])}`", BAD_USAGE)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs, in the order in which help lists them."""
        return [verb for verbs in PANELS.values() for verb in verbs]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the verbs from the table above: help does not wait for what they import."""
        self._in_short = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._in_short = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a verb; None where there is no such verb."""
        if cmd_name not in VERBS:
            return None
        if self._in_short:
            return _in_short(cmd_name)
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(cmd_name, cls=Verb)(import_module(f"qeopt.cli.{VERBS[cmd_name]}").command)
        return typer.main.get_command(alone)


def _in_short(verb: str) -> TyperCommand:
    panel = next(name for name, verbs in PANELS.items() if verb in verbs)
    return TyperCommand(verb, help=PANELS[panel][verb], rich_help_panel=panel)


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
