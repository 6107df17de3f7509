"""`qeopt check`: can this ever work?"""

from __future__ import annotations

from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.overrides import overrides
from qeopt.cli.study_options import with_study_options
from qeopt.cli.verb import NO_DESIGN, emit, out
from qeopt.report.check import check_document, print_check
from qeopt.spec.library import Library
from qeopt.verbs.check import check_file

AnyFile = Annotated[
    str, typer.Argument(metavar="FILE", help="A study, device, runtime, space or network, by path or name; or a design.json.")
]


@with_study_options()
def command(
    file: AnyFile,
    given: tuple[str, ...],
    set_: options.Sets = None,
    path: options.Paths = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Load a file of any kind and tell, before anything is solved, whether it can ever work; exit with 1 if it cannot."""
    found = check_file(file, overrides=overrides(set_, given), library=Library(tuple(path or ())))
    if json_:
        emit(check_document(found))
    else:
        print_check(out(), found)
    if not found.passes:
        raise typer.Exit(NO_DESIGN)
