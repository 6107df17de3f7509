"""Trained networks and marks as text, JSON and pictures."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from rich.console import Console

from qeopt.report.cost import cost_text
from qeopt.report.pictures.picture import write_picture
from qeopt.report.pictures.training import confusion_picture, curve_picture
from qeopt.report.tables import rows_table
from qeopt.runs.cost import total
from qeopt.training.data.dataset import Dataset
from qeopt.training.marks import Marks
from qeopt.training.train import RECORD, Trained, record

EVALUATION = "qeopt.evaluate/1"
CURVE, CONFUSION = "curve.png", "confusion.png"
MOST_LISTED = 50
"""Classes in the table; beyond that only the worst are listed."""


def print_all(console: Console, found: list[Trained], data: Dataset) -> None:
    """Say how one or several trainings went."""
    for one in found:
        print_trained(console, one, data)
    if len(found) > 1:
        print_seeds(console, found)
    console.print(cost_text(total([one.cost for one in found])))


def print_trained(console: Console, found: Trained, data: Dataset) -> None:
    """Say how a training went and what the integer network gets right."""
    last = found.state.curve[-1]
    console.print(
        f"seed {found.recipe.seed}: {percent(found.accuracy)} of {len(data.test):,} test images right (integer network); "
        f"ONNX Runtime {percent(found.onnxruntime.accuracy)}, PyTorch {percent(found.simulated.accuracy)}; "
        f"training loss {last[1]:.3f}",
        soft_wrap=True,
    )


def print_seeds(console: Console, found: list[Trained]) -> None:
    """Say how several seeds agree."""
    shares = [one.accuracy for one in found]
    console.print(f"{len(shares)} seeds: {percent(fmean(shares))} on average, {100 * stdev(shares):.2f} points from seed to seed")


def print_marks(console: Console, marks: Marks, data: Dataset, what: str) -> None:
    """List what was told right, the worst class first."""
    console.print(f"{what}: {percent(marks.accuracy)} of {len(data.test):,} test images right")
    console.print()
    totals, taken = marks.confusion.sum(axis=1), marks.confusion.copy()
    for number in range(len(data.classes)):
        taken[number, number] = -1
    shares = marks.by_class
    order = sorted((number for number, total in enumerate(totals) if total), key=lambda number: shares[number])[:MOST_LISTED]
    rows = []
    for number in order:
        other = int(taken[number].argmax())
        missed = f"{data.classes[other]} ({taken[number, other]})" if taken[number, other] > 0 else ""
        rows.append((data.classes[number], f"{totals[number]:,}", percent(shares[number]), missed))
    console.print(rows_table({"class": "left", "images": "right", "right": "right", "most often taken for": "left"}, rows))


def trained_document(found: list[Trained], name: str, data: Dataset, files: list[Path]) -> dict[str, Any]:
    """All seeds as one JSON document."""
    runs = [record(one, name, data) for one in found]
    return {"format": "qeopt.train/1", "design": name, "runs": runs, "files": [str(path) for path in files]}


def marks_document(marks: Marks, data: Dataset, what: str, files: list[Path]) -> dict[str, Any]:
    """Marks as one JSON document; rows of `confusion` are true classes."""
    return {
        "format": EVALUATION,
        "model": what,
        "data": data.name,
        "images": len(data.test),
        "accuracy": marks.accuracy,
        "classes": list(data.classes),
        "confusion": marks.confusion.tolist(),
        "files": [str(path) for path in files],
    }


def draw_trained(found: Trained, name: str, data: Dataset, folder: Path, *, pictures: bool = True) -> list[Path]:
    """Draw, if asked for, the curve and the confusion of a trained network beside its weights; return all files of the training."""
    if not pictures:
        return [found.weights, folder / RECORD]
    curve, confusion = folder / CURVE, folder / CONFUSION
    points = [{"step": step, "loss": loss, "accuracy": right} for step, loss, right in found.state.curve]
    write_picture(curve_picture(points), curve)
    write_picture(
        confusion_picture(f"{name}: {percent(found.accuracy)} right", found.integers.confusion.tolist(), data.classes), confusion
    )
    return [found.weights, folder / RECORD, curve, confusion]


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{100 * share:.2f} %"
