"""Fit models of cycles: non-negative least squares of relative errors; what was left out is predicted from the rest."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import geometric_mean

import numpy as np
from measurements import DROPS_DEAD_CHANNELS, Row
from networks import features
from scipy.optimize import nnls

PARAMETERS = ("conv_mac", "output", "dense_mac")
Model = tuple[float, float, float]
Errors = tuple[int, int]


@dataclass(frozen=True)
class Fit:
    """A model of one engine on one core, and how far measurements lay from it, in per cent of the estimate."""

    engine: str
    core: str
    model: Model
    rows: tuple[Row, ...]
    error: Errors
    networks_out: Errors | None
    boards_out: Errors | None


def fit_all(rows: Iterable[Row]) -> dict[tuple[str, str], Fit]:
    """A model of every engine on every core with measurements of convolutions and dense layers."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if not row.excluded:
            groups.setdefault((row.engine, row.core), []).append(row)
    return {key: fit(*key, found) for key, found in groups.items() if {row.network for row in found} >= {"ad", "ic", "kws", "vww"}}


def fit(engine: str, core: str, rows: Sequence[Row]) -> Fit:
    model = solve(rows)
    boards = {row.board for row in rows}
    return Fit(
        engine,
        core,
        model,
        tuple(rows),
        span(deviation(row, model) for row in rows) or (0, 0),
        span(held_out(rows, lambda row: row.network)),
        span(held_out(rows, lambda row: row.board)) if len(boards) > 1 else None,
    )


def terms(row: Row) -> tuple[int, int, int]:
    """What the parameters of a model multiply."""
    found = features(row.network, live=row.engine in DROPS_DEAD_CHANNELS)
    return found.conv_macs, found.outputs, found.dense_macs


def solve(rows: Sequence[Row], amount: Callable[[Row], float] = lambda row: row.cycles) -> Model:
    """Parameters, none below zero, with the least squares of relative errors of what was measured, cycles unless stated."""
    matrix = np.array([terms(row) for row in rows], float) / np.array([amount(row) for row in rows])[:, None]
    a, b, c = nnls(matrix, np.ones(len(rows)))[0]
    return float(a), float(b), float(c)


def estimate(row: Row, model: Model) -> float:
    return sum(factor * amount for factor, amount in zip(model, terms(row), strict=True))


def deviation(row: Row, model: Model) -> float:
    """By how many per cent of the estimate the measurement is longer."""
    return 100 * (row.cycles / estimate(row, model) - 1)


def held_out(rows: Sequence[Row], by: Callable[[Row], str]) -> list[float]:
    """Deviations of each group of rows from a model of all others, where those have everything in it that the group has."""
    found = []
    for name in sorted({by(row) for row in rows}):
        rest, left = [row for row in rows if by(row) != name], [row for row in rows if by(row) == name]
        known = [any(terms(row)[place] > 1000 for row in rest) for place in range(len(PARAMETERS))]
        if all(known):
            model = solve(rest)
            found += [deviation(row, model) for row in left]
    return found


def span(deviations: Iterable[float]) -> Errors | None:
    """The least and the most, rounded away from zero."""
    found = list(deviations)
    return (math.floor(min(*found, 0)), math.ceil(max(*found, 0))) if found else None


def ways(fits: dict[tuple[str, str], Fit], start: str, end: str) -> dict[str, Model]:
    """By engine that was measured on two cores: the factors between its two models."""
    both = [engine for engine, core in fits if core == start and (engine, end) in fits]
    return {
        engine: tuple(b / a for a, b in zip(fits[engine, start].model, fits[engine, end].model, strict=True)) for engine in both
    }


def way(found: Iterable[Model]) -> Model:
    """The factors of several engines as one."""
    a, b, c = (geometric_mean(factors) for factors in zip(*found, strict=True))
    return a, b, c


def carried(model: Model, factors: Model) -> Model:
    a, b, c = (value * factor for value, factor in zip(model, factors, strict=True))
    return a, b, c


def transfer_errors(fits: dict[tuple[str, str], Fit], start: str, end: str) -> Errors | None:
    """How far each engine's times on a core lay from its own model on another core, carried over by the other engines' factors."""
    found, deviations = ways(fits, start, end), []
    for engine in found:
        others = way(factors for name, factors in found.items() if name != engine)
        model = carried(fits[engine, start].model, others)
        deviations += [deviation(row, model) for row in fits[engine, end].rows]
    return span(deviations)
