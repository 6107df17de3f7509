"""A model file where a design is expected: its network with 8 bits everywhere, solved and written down as a run of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from qeopt.cli.solve import no_design
from qeopt.cli.verb import warn
from qeopt.export import Exporter
from qeopt.export.design_export import at_eight_bits
from qeopt.report.folder import Run, now, write_solution
from qeopt.report.solution import SolutionReport
from qeopt.runs import open_run
from qeopt.runs.cost import Stopwatch


def eight_bits(model: Path, exporter: Exporter, *, as_json: bool) -> Path:
    """Solve a model with every weight and activation at 8 bits and no budget; return the design in the folder of that run.

    Raises:
        SpecError: when the file cannot be read as a network.
        typer.Exit: when the runtime executes it at no bits.
    """
    started, clock = now(), Stopwatch()
    answer = at_eight_bits(model, exporter)
    for note in answer.notes:
        warn(note)
    solution = answer.solution
    if solution.design is None:
        no_design(solution, as_json=as_json)
    run = Run(tuple(sys.argv), started, clock.cost(), solution.loaded.files, ())
    with open_run(None, solution.loaded.value.name) as folder:
        return write_solution(folder, SolutionReport.of(solution, solution.design, run.cost), run, pictures=False)["design"]
