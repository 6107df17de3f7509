"""Choose the sigmas of the score: those under which it orders trained networks as their accuracies do (paper, figure 5)."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qeopt.score.ranks import kendall, spearman
from qeopt.score.sigma_hat import sigma_hat
from qeopt.spec.errors import Location, Problem, SpecError, did_you_mean, quote

COLUMNS = ("activation_bits", "weight_bits", "accuracy")
SIGMAS_A = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16)
SIGMAS_W = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16)
"""The default grid."""
MAX_ROWS = 2000
MAX_BYTES = 1 << 20
WIDEST = 16


@dataclass(frozen=True, slots=True)
class GridPoint:
    """A pair of sigmas, and how well the score then orders the accuracies of a table."""

    sigma_a: float
    sigma_w: float
    kendall: float
    """Kendall's tau-b."""
    spearman: float
    """Spearman's rho."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The accuracy of a network whose layers all had the same bits."""

    activation_bits: int
    weight_bits: int
    accuracy: float


def calibrate(path: Path, sigmas_a: Sequence[float] = SIGMAS_A, sigmas_w: Sequence[float] = SIGMAS_W) -> tuple[GridPoint, ...]:
    """Rank a grid of sigmas by how well the score orders the accuracies of a table, best first.

    Between networks that differ in nothing but one width for all activations and one for all weights, the score orders as
    `sigma_hat_A * sigma_hat_W` does: everything else in it is the same for all. Points that order equally well stand in
    ascending order of their sigmas.

    Args:
        path: A CSV file with the columns activation_bits, weight_bits and accuracy; lines that start with # are skipped.
        sigmas_a: Standard deviations of activations to try.
        sigmas_w: Standard deviations of weights to try.

    Raises:
        SpecError: with every line of the table that cannot be used.
        ValueError: when a sigma is not positive.
    """
    table = read_table(path)

    def scores(sigma_a: float, sigma_w: float) -> list[float]:
        return [sigma_hat(row.activation_bits, sigma_a) * sigma_hat(row.weight_bits, sigma_w) for row in table]

    return rank_grid(scores, [row.accuracy for row in table], sigmas_a, sigmas_w)


def rank_grid(
    scores: Callable[[float, float], Sequence[float]],
    accuracies: Sequence[float],
    sigmas_a: Sequence[float],
    sigmas_w: Sequence[float],
) -> tuple[GridPoint, ...]:
    """Rank a grid of sigmas by how well the scores they give order accuracies, best first."""
    points = []
    for sigma_a in sigmas_a:
        for sigma_w in sigmas_w:
            found = scores(sigma_a, sigma_w)
            points.append(GridPoint(sigma_a, sigma_w, kendall(found, accuracies), spearman(found, accuracies)))
    return tuple(sorted(points, key=lambda point: (-point.kendall, -point.spearman, point.sigma_a, point.sigma_w)))


def read_table(path: Path) -> tuple[Trained, ...]:
    """Read accuracies by bits.

    Raises:
        SpecError: with every line that cannot be used.
    """
    lines = [(number, line) for number, line in enumerate(_text(path).splitlines(), start=1) if not _is_blank(line)]
    if not lines:
        raise SpecError.at(Location(str(path)), f"the table is empty; the columns {', '.join(COLUMNS)} were expected")
    order = _header(path, *lines[0])
    rows: list[Trained] = []
    problems: list[Problem] = []
    for number, line in lines[1:]:
        found = _row(line, order)
        if isinstance(found, str):
            problems.append(Problem(Location(str(path), number), found))
        else:
            rows.append(found)
    if problems:
        raise SpecError(problems)
    if len({row.accuracy for row in rows}) < 2:
        raise SpecError.at(Location(str(path)), "the table needs at least two rows of different accuracy")
    if len(rows) > MAX_ROWS:
        raise SpecError.at(Location(str(path)), f"the table has {len(rows):,} rows; {MAX_ROWS:,} at most were expected")
    return tuple(rows)


def _text(path: Path) -> str:
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise SpecError.at(Location(str(path)), f"is larger than {MAX_BYTES:,} bytes; a table of accuracies was expected")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SpecError.at(Location(str(path)), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError.at(Location(str(path)), "is not text in UTF-8; a table of accuracies was expected") from None


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line]))]


def _header(path: Path, number: int, line: str) -> list[int]:
    """Where each of `COLUMNS` stands."""
    location = Location(str(path), number)
    try:
        names = _cells(line)
    except csv.Error:
        names = [line]
    problems = [
        Problem(location, f"unknown column {quote(name)}{did_you_mean(name, COLUMNS)}") for name in names if name not in COLUMNS
    ]
    problems += [Problem(location, f"the column {name} is missing") for name in COLUMNS if name not in names]
    problems += [Problem(location, f"the column {name} is there twice") for name in COLUMNS if names.count(name) > 1]
    if problems:
        raise SpecError(problems)
    return [names.index(name) for name in COLUMNS]


def _row(line: str, order: Sequence[int]) -> Trained | str:
    """The row of a line, or what is wrong with it."""
    try:
        cells = _cells(line)
    except csv.Error as error:
        return f"is no line of a CSV file: {error}"
    if len(cells) != len(order):
        return f"has {len(cells)} cells; {len(order)} were expected"
    activations, weights, accuracy = (cells[index] for index in order)
    for name, cell in (("activation_bits", activations), ("weight_bits", weights)):
        if not (cell.isascii() and cell.isdecimal() and len(cell) < 3 and 1 <= int(cell) <= WIDEST):
            return f"{name} is {quote(cell)}; a whole number from 1 to {WIDEST} was expected"
    number = _number(accuracy)
    if number is None:
        return f"accuracy is {quote(accuracy)}; a number was expected"
    return Trained(int(activations), int(weights), number)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
