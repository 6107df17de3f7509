"""What every verb does the same way: errors become messages and exit codes, results become text or one JSON document."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperCommand

from qeopt.cli import interrupts, words
from qeopt.cli.wrong_file import refuse_wrong_file
from qeopt.report.console import console_for
from qeopt.spec.errors import QeoptError, SpecError
from qeopt_solvers.table import EngineError

NO_DESIGN = 1
"""Exit code: no feasible design, or findings."""
BAD_USAGE = 2
UNPROVEN = 3
"""Exit code: an unproven incumbent under `--require-optimal`."""
INTERNAL_ERROR = 70
"""Exit code: a fault of this program."""
INTERRUPTED = interrupts.INTERRUPTED
READER_GONE = 141
"""Exit code: whoever read standard output stopped reading, as after SIGPIPE."""


_CLICK = vars(sys.modules[typer.BadParameter.__module__])
"""Errors of the click that typer brings, or has beside it."""
NoSuchOption: type[Exception] = _CLICK["NoSuchOption"]
MissingParameter: type[Exception] = _CLICK["MissingParameter"]
_SAYS_LITTLE = ContextVar("says_little", default=False)


class Verb(TyperCommand):
    """A command whose failures are told, never shown as a traceback unless asked for; `--quiet` is on every one."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if not any(parameter.name == "quiet" for parameter in self.params):
            self.params.append(_quiet())

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the options; one that names no file is told as the verb tells it, one that is missing with what it takes."""
        asks_json = "--json" in args
        _SAYS_LITTLE.set(False)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except QeoptError as error:
            if asks_json:
                emit(error_document(error, error.exit_code))
            fail(str(error), error.exit_code)
        except NoSuchOption as error:
            said = words.answer(str(self.name), str(vars(error)["option_name"]))
            if said is None:
                raise
            if asks_json:
                emit(error_document(QeoptError(said), BAD_USAGE))
            fail(said, BAD_USAGE)
        except MissingParameter as error:
            told = vars(error)
            told["message"] = told["message"] or getattr(told["param"], "help", None) or ""
            raise

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        try:
            first = next((one.name for one in self.params if one.param_type_name == "argument"), None)
            refuse_wrong_file(str(self.name), ctx.params.get(first), ctx.params)
            return super().invoke(ctx)
        except (QeoptError, EngineError) as error:
            _tell(ctx, error)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:  # the last place where a fault of ours can be told instead of dumped
            if interrupts.was_interrupted(error):
                raise KeyboardInterrupt from None
            from qeopt.spec.plugins import named  # noqa: PLC0415  # asked for after a failure only

            plugin = named(error)
            if plugin is not None:
                _tell(ctx, plugin)
            if ctx.params.get("debug"):
                traceback.print_exc()
            if isinstance(error, OSError) and error.filename and not isinstance(error, BrokenPipeError):
                fail(f"{error.filename}: cannot be read or written: {error.strerror}", BAD_USAGE)
            if isinstance(error, OSError):
                raise
            what = str(error) or "no more is known"
            fail(f"internal error: {type(error).__name__}: {what}; --debug shows where, please report it", INTERNAL_ERROR)


def _tell(ctx: Any, error: Exception) -> NoReturn:
    """Say what a user can put right, and leave."""
    if ctx.params.get("debug"):
        traceback.print_exc()
    code = error.exit_code if isinstance(error, QeoptError) else BAD_USAGE
    if ctx.params.get("json_"):
        emit(error_document(error, code))
    fail(str(error), code)


def began(context: typer.Context) -> float | None:
    """The moment, by `time.monotonic`, at which the program began, before anything was imported; None inside another program."""
    moment: float | None = context.find_root().obj
    return moment


def out() -> Console:
    """Where results go."""
    return console_for(sys.stdout)


def err() -> Console:
    """Where progress and warnings go."""
    return console_for(sys.stderr)


def emit(document: Mapping[str, Any]) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Say something on stderr that is no result, unless the verb was asked to be quiet."""
    if not _SAYS_LITTLE.get():
        err().print(f"warning: {text}", soft_wrap=True)


def fail(text: str, code: int) -> NoReturn:
    """Say on stderr why there is no result, and leave.

    Raises:
        typer.Exit: always.
    """
    err().print(text, soft_wrap=True)
    raise typer.Exit(code)


def error_document(error: Exception, code: int) -> dict[str, Any]:
    """Say in JSON what went wrong, with a place per problem where there is one."""
    problems = [
        {
            "file": None if problem.location is None else problem.location.file,
            "line": None if problem.location is None else problem.location.line,
            "column": None if problem.location is None else problem.location.column,
            "message": problem.message,
        }
        for problem in (error.problems if isinstance(error, SpecError) else ())
    ]
    alone = {"file": None, "line": None, "column": None, "message": str(error)}
    return {"format": "qeopt.error/1", "status": "error", "exit_code": code, "problems": problems or [alone]}


def _hear(value: bool) -> bool:
    _SAYS_LITTLE.set(value)
    return value


def _says_little(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", callback=_hear, help="No warnings.")] = False,  # is read by `_hear`
) -> None:
    """What a verb without progress takes beside its own options."""


def _quiet() -> Any:
    """`--quiet` for a verb that shows no progress."""
    alone = typer.Typer(add_completion=False)
    alone.command()(_says_little)
    found: Any = next(one for one in typer.main.get_command(alone).params if one.name == "quiet")
    found.expose_value = False
    return found


def leave_quietly() -> None:
    """Close standard output after its reader has gone, so that the interpreter does not complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
