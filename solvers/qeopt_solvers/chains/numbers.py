"""The numbers of a problem as arrays: one line per choice, one column per option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.allocation import AllocationProblem, Term
from qeopt_solvers.chains.parts import Parts

NEVER = -(1 << 60)
"""Stands for minus infinity in integer tables; sums are cut off there, so that two of them do not wrap around."""

LARGEST_SUM = 1 << 56
"""Beyond this the 64-bit tables are not safe."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Arrays of shape (choices, options), padded to the longest choice; `costs` and `ties` have one such array per row."""

    gains: Ints
    costs: Ints
    """Of the total rows that can bind, in the order of `Parts.totals`."""
    ties: Ints
    alive: NDArray[np.bool_]
    """False for options that are dead or only padding."""
    budgets: Ints
    """Limit less fixed part of each such total."""


def numbers_of(problem: AllocationProblem, parts: Parts) -> Numbers | None:
    """Read the numbers into arrays; None when they are too large for 64 bits."""
    sizes = [len(choice.labels) for choice in problem.choices]
    width = max(sizes, default=1)
    rows = [problem.rows[index] for index in parts.totals]
    counted = [row.terms for row in rows] + [tie_break.terms for tie_break in problem.tie_breaks]
    budgets = [row.limit - row.fixed for row in rows]
    try:
        gains = _padded([choice.gains for choice in problem.choices], width)
        costs = _columns(counted, (len(sizes), width))
    except OverflowError:
        return None
    largest = max(int(gains.max(initial=0)), -int(gains.min(initial=0)), int(costs.max(initial=0)))
    if max([largest * len(sizes), parts.largest, *budgets]) >= LARGEST_SUM:
        return None
    alive = np.ones(gains.shape, dtype=bool)
    if min(sizes, default=1) < width:
        alive = np.arange(width) < np.asarray(sizes)[:, None]
    for choice, option in parts.dead:
        alive[choice, option] = False
    return Numbers(gains, costs[: len(rows)], costs[len(rows) :], alive, np.array(budgets, dtype=np.int64))


def touched_choices(numbers: Numbers) -> list[bool]:
    """Tell per choice whether a binding total counts it by itself."""
    touched: NDArray[np.bool_] = np.any(numbers.costs, axis=(0, 2))
    return list(touched.tolist())


def _columns(counted: Sequence[Sequence[Term]], shape: tuple[int, int]) -> Ints:
    columns = np.zeros((len(counted), *shape), dtype=np.int64)
    for column, terms in zip(columns, counted, strict=True):
        column[[term.choice for term in terms]] = _padded([term.costs for term in terms], shape[1])
    return columns


def _padded(lines: Sequence[tuple[int, ...]], width: int) -> Ints:
    if lines and min(map(len, lines)) < width:
        lines = [line + (0,) * (width - len(line)) for line in lines]
    return np.fromiter(chain.from_iterable(lines), np.int64, len(lines) * width).reshape(len(lines), width)


def flat(lines: Sequence[tuple[int, ...]]) -> Ints:
    """Read tuples of integers one after the other into one array.

    Raises:
        OverflowError: for an integer beyond 64 bits.
    """
    return np.fromiter(chain.from_iterable(lines), np.int64, sum(map(len, lines)))


def fold(levels: Ints) -> Ints | None:
    """Fold levels (levels, lines, columns) into one key per line and column; its sums over lines rank as the summed levels do.

    The first level ranks first. Returns None when the keys do not fit 64 bits.
    """
    speaking = [level for level in levels if level.any()]
    if len(speaking) <= 1:
        return speaking[0] if speaking else np.zeros(levels.shape[1:], dtype=np.int64)
    levels = np.array(speaking)
    high, low = levels.max(axis=2), levels.min(axis=2)
    magnitudes = np.maximum(high, -low).sum(axis=1).tolist()
    spans = (high - low).sum(axis=1).tolist()
    factors = [0] * len(levels)
    factor, most = 1, 0
    for level in reversed(range(len(levels))):
        most += magnitudes[level] * factor
        if most >= LARGEST_SUM:
            return None
        factors[level] = factor
        factor *= spans[level] + 1
    keys: Ints = np.array(factors, dtype=np.int64) @ levels.reshape(len(levels), levels.shape[1] * levels.shape[2])
    return keys.reshape(levels.shape[1:])


def priced_use(prices: Floats, use: Floats) -> Floats:
    """Sum the priced use of every total: (totals,) and (totals, ...) give (...)."""
    shape = use.shape[1:]
    if len(prices) == 1:
        only: Floats = prices[0] * use[0]
        return only
    several: Floats = prices @ use.reshape(len(prices), -1)
    return several.reshape(shape)
