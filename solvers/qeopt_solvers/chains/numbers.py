"""The numbers of a problem as arrays: one line per choice, one column per option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    gains = _padded([choice.gains for choice in problem.choices], width)
    if gains is None:
        return None
    alive = np.ones(gains.shape, dtype=bool)
    if min(sizes, default=1) < width:
        alive = np.arange(width) < np.asarray(sizes)[:, None]
    for choice, option in parts.dead:
        alive[choice, option] = False
    costs = [_columns(row.terms, gains.shape) for row in rows]
    ties = [_columns(tie_break.terms, gains.shape) for tie_break in problem.tie_breaks]
    budgets = [row.limit - row.fixed for row in rows]
    if any(array is None for array in (*costs, *ties)) or max(budgets, default=0) >= LARGEST_SUM:
        return None
    shape = gains.shape
    return Numbers(
        gains,
        np.array(costs, dtype=np.int64).reshape(len(rows), *shape),
        np.array(ties, dtype=np.int64).reshape(len(ties), *shape),
        alive,
        np.array(budgets, dtype=np.int64),
    )


def _columns(terms: Sequence[Term], shape: tuple[int, ...]) -> Ints | None:
    columns = np.zeros(shape, dtype=np.int64)
    if terms:
        filled = _padded([term.costs for term in terms], shape[1])
        if filled is None:
            return None
        columns[[term.choice for term in terms]] = filled
    return columns


def _padded(lines: Sequence[tuple[int, ...]], width: int) -> Ints | None:
    if any(len(line) < width for line in lines):
        lines = [line + (0,) * (width - len(line)) for line in lines]
    try:
        array = np.array(lines, dtype=np.int64).reshape(len(lines), width)
    except OverflowError:
        return None
    largest = max(int(array.max(initial=0)), -int(array.min(initial=0)))
    return None if largest * max(1, len(lines)) >= LARGEST_SUM else array


def compose(gains: Ints, ties: Ints, *, alone: bool = False) -> Ints | None:
    """Fold gains (choices, options) and ties (ties, choices, options) into one key per option that ranks as the tuples do.

    Sums of keys over all choices rank as the summed tuples do; with `alone`, keys rank only within one choice, which needs fewer
    bits. Returns None when the keys do not fit 64 bits.
    """
    factor: Ints = np.ones((gains.shape[0], 1) if alone else (), dtype=np.int64)
    key = np.zeros_like(gains)
    magnitude = 0.0
    for column in reversed((gains, *(-tie for tie in ties))):
        high, low = column.max(axis=1, keepdims=True), column.min(axis=1, keepdims=True)
        most = np.maximum(high, -low).astype(np.float64) * factor
        magnitude += float(most.max(initial=0.0) if alone else most.sum())
        if magnitude >= LARGEST_SUM:
            return None
        key += column * factor
        factor = factor * ((high - low + 1) if alone else (high - low).sum() + 1)
    return key


def priced_use(prices: Floats, use: Floats) -> Floats:
    """Sum the priced use of every total: (totals,) and (totals, ...) give (...)."""
    shape = use.shape[1:]
    flat: Floats = prices @ use.reshape(len(prices), -1)
    return flat.reshape(shape)
