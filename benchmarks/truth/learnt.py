"""The objective that part A teaches, for part E."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from parts import SHORT, structure_runs
from results import Row, chosen_rate, done, rows
from space import HERE, facts, read_designs

from qeopt.report.fits import write_objective
from qeopt.verbs.fit import Fit, fit_objective

LEARNT = HERE / "learnt.yaml"


def learn() -> Fit:
    """Fit the terms that `qeopt fit` takes unless told otherwise on all of part A, and write the objective down.

    Raises:
        SystemExit: when part A is not complete.
    """
    if not done(structure_runs(chosen_rate(), SHORT)):
        raise SystemExit("part A teaches the objective and comes first")
    found = fitted([row for row in rows() if row.part == "A"])
    write_objective(LEARNT, found.objective)
    return found


def fitted(trained: Sequence[Row]) -> Fit:
    """What `qeopt fit` makes of some runs."""
    with TemporaryDirectory() as folder:
        features, results = Path(folder) / "features.csv", Path(folder) / "results.csv"
        write_tables(trained, features, results)
        return fit_objective(features, results)


def write_tables(trained: Sequence[Row], features: Path, results: Path) -> None:
    """Write what is known of the designs of some runs, and what the runs gave, as `qeopt` reads both."""
    designs = read_designs()
    _write(features, [{"design": name, **facts(designs[name])} for name in dict.fromkeys(row.design for row in trained)])
    _write(results, [{"design": row.design, "seed": row.seed, "accuracy": row.accuracy} for row in trained])


def _write(path: Path, lines: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
