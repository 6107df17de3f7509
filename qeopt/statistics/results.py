"""Tables of designs and of what they reached when trained, read from CSV and joined by the design's name."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from qeopt.spec.errors import Location, Problem, SpecError, did_you_mean, quote
from qeopt.spec.units import counted
from qeopt.statistics.features import DEPTH, KEYS

DESIGN, STRUCTURE, _ = KEYS
ACCURACY, SEED = "accuracy", "seed"
MAX_BYTES = 64 << 20
RECORD = "train.json"
LEAST = 4
"""Designs below which no correlation says anything."""
PERCENT = 100.0
LARGEST = 1e100
"""Of a feature: sums of squares of many of them stay finite."""
MOST_LAYERS = 1_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A trained design: its features, and its accuracy once for each seed, in percent."""

    design: str
    structure: str
    features: Mapping[str, float]
    accuracies: tuple[float, ...]

    @property
    def accuracy(self) -> float:
        """Mean over the seeds."""
        return fmean(self.accuracies)


@dataclass(frozen=True)
class Data:
    """Trained designs in the order of the table of features."""

    designs: tuple[Measured, ...]
    untrained: int
    """Designs in the table of features without any result."""

    @cached_property
    def accuracy(self) -> Floats:
        """(designs,) mean accuracy in percent."""
        return np.array([one.accuracy for one in self.designs])

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """(designs,) number of the structure of each."""
        names = [one.structure for one in self.designs]
        return np.unique(names, return_inverse=True)[1].ravel().astype(np.int64)

    @property
    def structures(self) -> int:
        """How many different structures there are."""
        return len(set(self.groups.tolist()))

    @property
    def names(self) -> tuple[str, ...]:
        """Every feature."""
        return tuple(self.designs[0].features)

    def column(self, name: str) -> Floats:
        """(designs,) one feature."""
        return np.array([one.features[name] for one in self.designs])

    def depths(self) -> NDArray[np.int64]:
        """(designs,) layers of each; zeros where the table does not tell them.

        Raises:
            SpecError: when one is no number of layers.
        """
        if DEPTH not in self.names:
            return np.zeros(len(self.designs), np.int64)
        found = self.column(DEPTH)
        wrong = [at for at, depth in enumerate(found) if not 0 <= depth <= MOST_LAYERS]
        if wrong:
            said = f"{DEPTH} of {self.designs[wrong[0]].design} is {found[wrong[0]]:g}; a number of layers was expected"
            raise SpecError.at(None, f"the table of features: {said}")
        return np.rint(found).astype(np.int64)


def read(features: Path, results: Path) -> Data:
    """Join a table of features with results.

    Args:
        features: `features.csv` of `qeopt sample`: columns design, structure, bits_by, and numbers.
        results: A CSV file with the columns design, accuracy and, where there are several trainings of one design, seed; others are
            ignored. Or a folder in which every training left a `train.json`. Accuracies of at most 1 throughout are shares, and are
            taken as percent.

    Raises:
        SpecError: with every row that cannot be used.
    """
    _refuse_swapped(features, results)
    rows = read_features(features)
    found = _records(results) if results.is_dir() else _results(results)
    known = {name for name, _, _ in rows}
    problems = [
        Problem(where, f"there is no design {quote(name)} in {features}{did_you_mean(name, known)}")
        for name, _, where in found
        if name not in known
    ]
    if problems:
        raise SpecError(problems)
    scale = PERCENT if all(0 <= accuracy <= 1 for _, accuracy, _ in found) else 1.0
    by_design: dict[str, list[float]] = {}
    for name, accuracy, _ in found:
        by_design.setdefault(name, []).append(scale * accuracy)
    designs = tuple(
        Measured(name, structure, values, tuple(by_design[name])) for name, structure, values in rows if name in by_design
    )
    if len(designs) < LEAST:
        said = f"has results of {counted(len(designs), 'design')}; at least {LEAST} were expected"
        raise SpecError.at(Location(str(results)), said)
    if len({one.accuracy for one in designs}) < 2:
        raise SpecError.at(Location(str(results)), "every design has the same accuracy, so there is nothing to order")
    return Data(designs, len(rows) - len(designs))


def _refuse_swapped(features: Path, results: Path) -> None:
    """Refuse the two tables in the wrong order.

    Raises:
        SpecError: the first has accuracies and no structures, and the second the other way round.
    """
    first, second = _columns(features), _columns(results)
    if ACCURACY in first - second and STRUCTURE in second - first:
        said = f"is a table of results, and {results} one of features; features were expected first, and results behind them"
        raise SpecError.at(Location(str(features)), said)


def _columns(path: Path) -> set[str]:
    """The columns of a table; none where it cannot be read, which is told by who reads it whole."""
    try:
        return set(_table(path, ())[0])
    except SpecError:
        return set()


def read_features(path: Path) -> list[tuple[str, str, dict[str, float]]]:
    """Read name, structure and features of every design.

    Raises:
        SpecError: with every row that cannot be used.
    """
    names, lines = _table(path, (DESIGN,))
    numbers = [name for name in names if name not in KEYS]
    if not numbers:
        raise SpecError.at(Location(str(path), 1), "has no feature; a table written by `qeopt sample` was expected")
    rows, problems, seen = [], [], set()
    for line, cells in lines:
        where = Location(str(path), line)
        values: dict[str, float] = {}
        for name in numbers:
            value = _number(cells[name])
            if value is None:
                problems.append(Problem(where, f"{name} is {quote(cells[name])}; a number of at most {LARGEST:g} was expected"))
            else:
                values[name] = value
        design = plain_name(cells[DESIGN])
        if design in seen:
            problems.append(Problem(where, f"the design {quote(design)} is there twice"))
        seen.add(design)
        rows.append((design, cells.get(STRUCTURE) or design, values))
    if problems:
        raise SpecError(problems)
    return rows


def plain_name(text: str) -> str:
    """The name of a design, however it was pointed at: `designs/0001-exact.json`, `0001-exact/design.json`, `0001-exact`."""
    path = Path(text.strip())
    name = path.parent.name if path.name == "design.json" and path.parent.name else path.name
    return name.removesuffix(".json")


Result = tuple[str, float, Location]


def _results(path: Path) -> list[Result]:
    _, lines = _table(path, (DESIGN, ACCURACY))
    found: list[Result] = []
    problems, seen = [], set()
    for line, cells in lines:
        where = Location(str(path), line)
        accuracy = _number(cells[ACCURACY])
        if accuracy is None or not 0 <= accuracy <= PERCENT:
            problems.append(Problem(where, f"accuracy is {quote(cells[ACCURACY])}; a number from 0 to 100 was expected"))
            continue
        name, seed = plain_name(cells[DESIGN]), cells.get(SEED)
        if seed is not None and (name, seed) in seen:
            problems.append(Problem(where, f"design {quote(name)} has seed {quote(seed)} twice"))
        seen.add((name, seed))
        found.append((name, accuracy, where))
    if problems:
        raise SpecError(problems)
    return found


def _records(folder: Path) -> list[Result]:
    """What trainings left in a folder.

    Raises:
        SpecError: when there is none, or one is no record of a training.
    """
    paths = sorted(folder.rglob(RECORD))
    if not paths:
        raise SpecError.at(Location(str(folder)), f"holds no {RECORD}; the folder of trainings, or a CSV file, was expected")
    found: list[Result] = []
    for path in paths:
        where = Location(str(path))
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            design, accuracy = record[DESIGN], float(record[ACCURACY])
        except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, RecursionError):
            raise SpecError.at(where, "is no record of a training: `design` and `accuracy` were expected") from None
        if not (isinstance(design, str) and 0 <= accuracy <= PERCENT):
            raise SpecError.at(where, f"`design` is {quote(design)} and `accuracy` {accuracy}; a name and a number were expected")
        found.append((plain_name(design), accuracy, where))
    return found


def _table(path: Path, needed: Sequence[str]) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The columns of a CSV file, and its rows with their lines; lines that start with # are remarks.

    Raises:
        SpecError: it cannot be read, lacks a column, or a row has another number of cells.
    """
    place = Location(str(path))
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise SpecError.at(place, f"is larger than {MAX_BYTES:,} bytes; a table of designs was expected")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise SpecError.at(place, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError.at(place, "is not text in UTF-8; a CSV file was expected") from None
    kept = [(number, line) for number, line in enumerate(lines, start=1) if line.strip() and not line.lstrip().startswith("#")]
    if not kept:
        raise SpecError.at(place, f"the table is empty; the columns {', '.join(needed)} were expected")
    header = Location(str(path), kept[0][0])
    names = [cell.strip() for cell in _cells(kept[0][1], header)]
    problems = [Problem(header, f"the column {name} is missing{did_you_mean(name, names)}") for name in needed if name not in names]
    problems += [Problem(header, f"the column {name} is there twice") for name in dict.fromkeys(names) if names.count(name) > 1]
    if problems:
        raise SpecError(problems)
    if len(kept) == 1:
        raise SpecError.at(place, "the table has no rows")
    return names, _rows(path, names, kept[1:])


def _rows(path: Path, names: Sequence[str], lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in lines:
        where = Location(str(path), number)
        cells = _cells(line, where)
        if len(cells) != len(names):
            raise SpecError.at(where, f"has {len(cells)} cells; {len(names)} were expected")
        yield number, dict(zip(names, (cell.strip() for cell in cells), strict=True))


def _cells(line: str, where: Location) -> list[str]:
    try:
        return next(csv.reader([line]))
    except csv.Error as error:
        raise SpecError.at(where, f"is no line of a CSV file: {error}") from None


def _number(text: str) -> float | None:
    """A number whose squares can be added up; None where it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST else None
