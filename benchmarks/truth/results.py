"""results.csv: one row a run, never changed once it is there."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from parts import Run, rate_runs
from space import HERE

RESULTS = HERE / "results.csv"
KEY = ("part", "design", "seed", "steps", "rate")
"""Columns that tell runs apart."""
COLUMNS = (
    *KEY, "images", "measured_on", "accuracy", "accuracy_pytorch", "train_loss",
    "seconds", "finished", "torch", "threads", "machine",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A run that is over."""

    part: str
    design: str
    seed: int
    steps: int
    rate: float
    accuracy: float
    """Of the exported integer network, in percent."""
    seconds: float
    """Of one core."""


def rows() -> list[Row]:
    """Every row so far."""
    return [
        Row(
            row["part"], row["design"], int(row["seed"]), int(row["steps"]), float(row["rate"]),
            100 * float(row["accuracy"]), float(row["seconds"]),
        )
        for row in _table()
    ]  # fmt: skip


def key(run: Run) -> tuple[str, ...]:
    """What tells runs apart in the table."""
    return run.part, run.design, str(run.seed), str(run.steps), f"{run.rate:g}"


def missing(runs: Iterable[Run]) -> Iterator[Run]:
    """Runs without a row, looked up anew before each."""
    for run in runs:
        if key(run) not in {tuple(row[column] for column in KEY) for row in _table()}:
            yield run


def done(runs: Iterable[Run]) -> bool:
    """Whether every run has a row."""
    return not any(True for _ in missing(runs))


def append(row: Mapping[str, object]) -> None:
    """Add a row for good."""
    is_new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())


def chosen_rate() -> float:
    """The rate that part R chose: that with the highest mean accuracy on held-out images.

    Raises:
        SystemExit: when part R is not complete.
    """
    if not done(rate_runs()):
        raise SystemExit("part R chooses the rate and comes first")
    found = [row for row in rows() if row.part == "R"]
    return max({row.rate for row in found}, key=lambda rate: fmean(row.accuracy for row in found if row.rate == rate))


def _table() -> list[dict[str, str]]:
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
