"""`qeopt show`: a study with everything it names in place."""

from __future__ import annotations

from qeopt.cli import options
from qeopt.cli.overrides import overrides
from qeopt.cli.study_options import with_study_options
from qeopt.cli.verb import emit, out
from qeopt.report.resolved import study_document, study_yaml
from qeopt.spec.library import Library
from qeopt.study.load import load_study


@with_study_options()
def command(
    study: options.Study,
    given: tuple[str, ...],
    set_: options.Sets = None,
    path: options.Paths = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show a study with everything it names in place, the file each part came from, and the limits in force."""
    loaded = load_study(study, overrides=overrides(set_, given), library=Library(tuple(path or ())))
    if json_:
        emit(study_document(loaded))
    else:
        out().print(study_yaml(loaded), end="", soft_wrap=True)
