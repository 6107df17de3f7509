"""The page of the run in a folder, made from what lies there: the same now and whenever it is made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from qeopt.design import load_design
from qeopt.files import write_atomically
from qeopt.report.budgets import BudgetRow, budget_rows
from qeopt.report.counted import Counted
from qeopt.report.page.boards import boards_page
from qeopt.report.page.comparison import comparison_page
from qeopt.report.page.content import Page
from qeopt.report.page.explanation import explanation_page
from qeopt.report.page.learning import correlations_page, is_marked, training_page
from qeopt.report.page.render import render
from qeopt.report.page.side_by_side import side_by_side_page
from qeopt.report.page.solution import solution_page
from qeopt.report.page.sweep import sweep_page
from qeopt.report.words import place
from qeopt.runs import run_in
from qeopt.spec.errors import Location, SpecError, one_of

PAGE, TRAINING = "report.html", "train.json"
SIDE_BY_SIDE, BESIDE = "side_by_side.json", ("first.json", "second.json")
"""Two designs beside each other, and copies of these."""
PAGES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], str], Page]] = {
    "comparison.json": comparison_page,
    "sweep.json": sweep_page,
    "boards.json": boards_page,
    "correlations.json": correlations_page,
    "explanation.json": explanation_page,
}
"""By the file that a run is known by."""


def write_page(folder: Path) -> Path:
    """Write the page of a run into its folder, and return where it lies.

    Raises:
        SpecError: when what lies in the folder cannot be read.
    """
    written = folder / PAGE
    write_atomically(written, render(_page(folder)))
    return written


def write_report(run: Path | str) -> Path:
    """Make the page of a run again from what lies in its folder, without solving anything, and return where it lies.

    Args:
        run: The folder of a run, or the name of its study (its latest run).

    Raises:
        SpecError: when what lies in the folder cannot be read.
    """
    return write_page(run_in(Path(run)))


def _page(folder: Path) -> Page:
    """The page of whatever lies in a folder."""
    run, said = document(folder / "run.json"), place(folder)
    if (folder / "design.json").is_file():
        design = load_design(folder / "design.json")
        budgets = _budgets(run) or budget_rows(Counted.of_design(design), ())
        return solution_page(design, budgets, run, said, trainings(folder / "train"))
    if (folder / SIDE_BY_SIDE).is_file():
        designs = [load_design(folder / name) for name in BESIDE]
        return side_by_side_page(required(folder / SIDE_BY_SIDE), designs, run, said)
    for name, page in PAGES.items():
        if (folder / name).is_file():
            return page(required(folder / name), run, said)
    trained = trainings(folder)
    if trained:
        return training_page(trained, said)
    expected = one_of(["design.json", *PAGES, SIDE_BY_SIDE, TRAINING])
    raise SpecError.at(Location(str(folder)), f"holds no finished run; {expected} was expected there")


def trainings(folder: Path) -> list[dict[str, Any]]:
    """Records of trainings in a folder, one a seed."""
    records = [folder / TRAINING] if (folder / TRAINING).is_file() else sorted(folder.glob(f"seed-*/{TRAINING}"))
    return [record for record in map(document, records) if is_marked(record)]


def _budgets(run: dict[str, Any]) -> tuple[BudgetRow, ...]:
    """What the run said of its budgets."""
    known = {one.name for one in fields(BudgetRow)}
    return tuple(BudgetRow(**{name: value for name, value in row.items() if name in known}) for row in run.get("budgets", ()))


def document(path: Path) -> dict[str, Any]:
    """A JSON document; empty where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def required(path: Path) -> dict[str, Any]:
    """A JSON document.

    Raises:
        SpecError: when it cannot be read.
    """
    found = document(path)
    if not found:
        raise SpecError.at(Location(str(path)), "is no JSON document; a file written by qeopt was expected")
    return found
