"""Trained detectors and what they find, as text, JSON and pictures."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from rich.console import Console

from qeopt.report.cost import cost_text
from qeopt.report.pictures.picture import write_picture
from qeopt.report.pictures.training import curve_picture, precision_picture
from qeopt.runs.cost import total
from qeopt.training.boxes.objects import BoxDataset
from qeopt.training.boxes.precision import Precision
from qeopt.training.boxes.train import FORMAT, TrainedDetector, record
from qeopt.training.shown import CURVE
from qeopt.training.train import RECORD

EVALUATION = "qeopt.evaluate_boxes/1"
PRECISION = "precision.png"


def print_detectors(console: Console, found: list[TrainedDetector], data: BoxDataset) -> None:
    """Say how trainings went, and what the integer networks find."""
    if data.left_out:
        console.print(f"{data.left_out:,} boxes of no width or height are left out", soft_wrap=True)
    for one in found:
        console.print(
            f"seed {one.recipe.seed}: {precision_words(one.integers)} (integer network); at 0.5 ONNX Runtime "
            f"{one.onnxruntime.half:.3f}, PyTorch {one.simulated.half:.3f}; training loss {one.state.curve[-1][1]:.3f}",
            soft_wrap=True,
        )
    if len(found) > 1:
        halves = [one.average_precision for one in found]
        console.print(f"{len(found)} seeds: {fmean(halves):.3f} on average, {stdev(halves):.3f} from seed to seed")
    console.print(cost_text(total([one.cost for one in found])))


def precision_words(found: Precision) -> str:
    """Average precision in words."""
    return (
        f"average precision {found.half:.3f} at an overlap of 0.5, {found.whole:.3f} over 0.5 to 0.95; "
        f"{100 * found.recall:.1f} % of {found.objects:,} objects found"
    )


def detectors_document(found: list[TrainedDetector], name: str, data: BoxDataset, files: list[Path]) -> dict[str, Any]:
    """All seeds as one JSON document."""
    runs = [record(one, name, data) for one in found]
    return {"format": FORMAT, "design": name, "runs": runs, "files": [str(path) for path in files]}


def precision_document(found: Precision, data: BoxDataset, what: str, files: list[Path]) -> dict[str, Any]:
    """What a detector finds as one JSON document."""
    return {
        "format": EVALUATION,
        "model": what,
        "data": data.name,
        "images": len(data.test),
        "objects": found.objects,
        "average_precision": found.whole,
        "average_precision_at_half": found.half,
        "recall": found.recall,
        "precision_by_recall": list(found.curve),
        "files": [str(path) for path in files],
    }


def draw_detector(found: TrainedDetector, name: str, folder: Path, *, pictures: bool = True) -> list[Path]:
    """Draw, if asked for, the curve of the training and the precision beside the weights; return all files of the training."""
    if not pictures:
        return [found.weights, folder / RECORD]
    points = [{"step": step, "loss": loss, "accuracy": right} for step, loss, right in found.state.curve]
    write_picture(curve_picture(points, "matched anchors"), folder / CURVE)
    return [found.weights, folder / RECORD, folder / CURVE, draw_precision(found.integers, name, folder)]


def draw_precision(found: Precision, what: str, folder: Path) -> Path:
    """Draw precision against recall."""
    write_picture(precision_picture(what, found.curve, found.half), folder / PRECISION)
    return folder / PRECISION
