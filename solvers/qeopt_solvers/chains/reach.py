"""Which options an answer as good as a known one can still use, by reduced costs: what the prices say each option forgoes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import numpy as np

from qeopt_solvers.allocation import AllocationProblem
from qeopt_solvers.chains.blocks import blocks_of
from qeopt_solvers.chains.improve import improved
from qeopt_solvers.chains.labels import Budget, TooManyLabels, search
from qeopt_solvers.chains.numbers import Floats, numbers_of
from qeopt_solvers.chains.parts import split
from qeopt_solvers.chains.prices import Pool, Priced, minimise, sides
from qeopt_solvers.chains.tables import Step, planned, priced_tables

Combinations = tuple[tuple[int, ...], frozenset[tuple[int, ...]]]
"""Choices and the combinations of their options that are within reach."""

WINDOW = 1 / 4
"""Part of the distance from the bound to a known answer that is searched for a better one."""
MOST_LABELS = 1000
"""Where that search gives up."""


def within_reach(problem: AllocationProblem) -> tuple[Combinations, ...]:
    """List, for choices that compete for totals, the combinations that could be part of an answer at least as good as one found.

    Empty when nothing competes, nothing was found or fits, or the problem is too large or entangled for tables.
    """
    pool = _pool(problem)
    if pool is None or not pool.possible():
        return ()
    dual = minimise(pool)
    feasible = dual.feasible(pool.numbers.budgets)
    if feasible is None or dual.infeasible:
        return ()
    value = _good_value(pool, dual.best, feasible)
    reach = dual.best.bound - value + 0.01 + 1e-11 * abs(dual.best.bound)
    return (*_of_items(pool, dual.best, reach), *_of_chains(pool, dual.best, reach))


def _good_value(pool: Pool, best: Priced, feasible: Priced) -> int:
    """Value of a good answer: one met on the way to the prices, improved, or a better one in a narrow window below the bound."""
    value, _ = improved(pool, feasible, best)
    try:
        found = search(pool, best, (best.bound - value) * WINDOW, Budget(MOST_LABELS))
    except TooManyLabels:
        return value
    return value if found is None else max(value, found.value)


def _pool(problem: AllocationProblem) -> Pool | None:
    parts = split(problem)
    numbers = None if parts is None or not parts.totals else numbers_of(problem, parts)
    if parts is None or numbers is None or not numbers.alive.any(axis=1).all():
        return None
    chains = planned(problem, parts, numbers)
    if chains is None:
        return None
    apart = sides(numbers, blocks_of(problem, parts, numbers), chains)
    return Pool.of(numbers, np.zeros_like(numbers.gains), apart.blocks, apart.chains, beaten=True)


def _of_items(pool: Pool, priced: Priced, reach: float) -> list[Combinations]:
    near = priced.own >= priced.own.max(axis=1, keepdims=True) - reach
    found: list[Combinations] = []
    end = 0
    for block in pool.items.blocks:
        start, end = end, end + len(block.choices)
        for members, line in zip(block.choices.tolist(), near[start:end], strict=True):
            combinations = block.options[:, np.flatnonzero(line)]
            found.append((tuple(members), frozenset(zip(*combinations.tolist(), strict=True))))
    return found


def _of_chains(pool: Pool, priced: Priced, reach: float) -> list[Combinations]:
    found: list[Combinations] = []
    gains = pool.chain_gains(priced.prices) if pool.chains else pool.gains
    for steps in pool.chains:
        tables = priced_tables(steps, gains, priced.prices)
        floor = float(tables[0].max()) - reach
        for step, best in zip(steps, _best_through(steps, tables, gains, priced.prices), strict=True):
            found.append(((step.choice,), frozenset((int(option),) for option in np.flatnonzero(best >= floor))))
    return found


def _best_through(steps: Sequence[Step], tables: Sequence[Floats], gains: Floats, prices: Floats) -> list[Floats]:
    """Per step and option, the best priced value of the whole chain through it: best up to here plus best from here."""
    found: list[Floats] = []
    before: Floats = np.zeros(())
    for step, table in zip(steps, tables, strict=True):
        through = before[..., None] + table
        found.append(through.max(axis=tuple(range(through.ndim - 1))))
        reached = before[..., None] + gains[step.choice, : step.shape[-1]]
        for number, costs in step.linked:
            reached = reached - prices[number] * costs
        reached = np.broadcast_to(reached if step.allowed is None else np.where(step.allowed, reached, -np.inf), step.shape)
        closed = tuple(compress(range(len(step.kept)), (not stays for stays in step.kept)))
        before = reached.max(axis=closed) if closed else reached
    return found
