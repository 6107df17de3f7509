"""Bits that were found for a model file, written down as a run of their own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from qeopt.cli.solve import no_design, run_of
from qeopt.cli.verb import warn
from qeopt.export import Exporter
from qeopt.export.design_export import at_eight_bits
from qeopt.network.importers import ImportOptions
from qeopt.report.folder import now, write_solution
from qeopt.report.solution import SolutionReport
from qeopt.runs import open_run
from qeopt.runs.cost import Cost, Stopwatch
from qeopt.verbs.bits import BitsAnswer


def write_answer(
    answer: BitsAnswer, started: datetime, cost: Cost, out: Path | None, *, pictures: bool, as_json: bool, quiet: bool
) -> tuple[SolutionReport, dict[str, Path]]:
    """Write a solution, and the learnt weights of a module, into a folder; return the report and the files.

    Raises:
        typer.Exit: when there is no design.
    """
    if not quiet:
        for note in answer.notes:
            warn(note)
    solution = answer.solution
    if solution.design is None:
        no_design(solution, as_json=as_json)
    report = SolutionReport.of(solution, solution.design, cost)
    with open_run(out, solution.loaded.value.name) as folder:
        written = write_solution(folder, report, run_of(solution, started, cost), pictures=pictures)
        if answer.weights:
            written["weights"] = folder / "weights.npz"
            answer.save_weights(written["weights"])
    return report, written


def eight_bits(model: Path, exporter: Exporter, options: ImportOptions, *, as_json: bool) -> Path:
    """Solve a model with every weight and activation at 8 bits and no budget; return the design in the folder of that run.

    Raises:
        SpecError: when the file cannot be read as a network.
        typer.Exit: when the runtime executes it at no bits.
    """
    started, clock = now(), Stopwatch()
    answer = at_eight_bits(model, exporter, options)
    _, written = write_answer(answer, started, clock.cost(), None, pictures=False, as_json=as_json, quiet=False)
    return written["design"]
