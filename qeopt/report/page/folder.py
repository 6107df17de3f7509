"""The page of the run in a folder, made from what lies there: the same now and whenever it is made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qeopt.design import load_design
from qeopt.files import write_atomically
from qeopt.report.budgets import BudgetRow, budget_rows
from qeopt.report.counted import Counted
from qeopt.report.page.content import Page
from qeopt.report.page.render import render
from qeopt.report.page.solution import solution_page
from qeopt.report.words import place

PAGE = "report.html"


def write_page(folder: Path) -> Path:
    """Write the page of a run into its folder, and return where it lies.

    Raises:
        SpecError: when what lies in the folder cannot be read.
    """
    written = folder / PAGE
    write_atomically(written, render(_page(folder)))
    return written


def _page(folder: Path) -> Page:
    run = _document(folder / "run.json")
    design = load_design(folder / "design.json")
    return solution_page(design, _budgets(run) or budget_rows(Counted.of_design(design), ()), run, place(folder))


def _budgets(run: dict[str, Any]) -> tuple[BudgetRow, ...]:
    """What the run said of its budgets."""
    return tuple(BudgetRow(**row) for row in run.get("budgets", ()))


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
