"""Problems of which only a knapsack is left, answered together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qeopt_solvers.chains.batch import Answers, solve_batch
from qeopt_solvers.chains.blocks import Block
from qeopt_solvers.chains.distinct import LARGEST, Items, Masks
from qeopt_solvers.chains.numbers import Ints, Numbers
from qeopt_solvers.chains.prices import Sides

MOST_COLUMNS = 16
"""Lines with more columns are no matter for flat arrays."""


@dataclass(frozen=True, slots=True)
class Knapsack:
    """What competes for one total: a line per loner or small chain."""

    blocks: Sequence[Block]
    gains: Ints
    """(lines, columns), padded, as the next two."""
    costs: Ints
    alive: Masks
    budget: int

    def put(self, picks: Ints, columns: Ints) -> None:
        """Write what a column per line stands for into `picks`, one per choice of the problem."""
        start = 0
        for block in self.blocks:
            block.put(picks, columns[start : start + len(block.gains)])
            start += len(block.gains)


def knapsack_of(numbers: Numbers, apart: Sides) -> Knapsack | None:
    """Read what competes as a knapsack; None where it is more than that, or where tie-breaks ask for more than the least use."""
    blocks = apart.blocks
    width = max((block.gains.shape[1] for block in blocks), default=0)
    if len(numbers.budgets) != 1 or apart.chains or not 0 < width <= MOST_COLUMNS:
        return None
    alive = _padded([block.alive for block in blocks], width).astype(np.bool_)
    gains, costs = _padded([block.gains for block in blocks], width), _padded([block.costs[0] for block in blocks], width)
    ties = [_padded([block.summed(tie) for block in blocks], width) for tie in numbers.ties]
    speaking = [tie for tie in ties if (tie * alive).any()]
    if any((tie != costs)[alive].any() for tie in speaking):
        return None
    budget = int(numbers.budgets[0])
    if max(float(np.abs(table).max(axis=1).sum()) for table in (gains, costs)) >= LARGEST or not abs(budget) < LARGEST:
        return None
    return Knapsack(blocks, gains, costs, alive, budget)


def solve_knapsacks(knapsacks: Sequence[Knapsack]) -> Answers:
    """Answer knapsacks together; `Answers.options` holds a column per line, in the order of the lines."""
    width = max((knapsack.gains.shape[1] for knapsack in knapsacks), default=1)
    nothing = np.zeros((1, width), dtype=np.int64)
    gains = np.concatenate([nothing, *(_padded([knapsack.gains], width) for knapsack in knapsacks)])
    costs = np.concatenate([nothing, *(_padded([knapsack.costs], width) for knapsack in knapsacks)])
    alive = np.concatenate([nothing == 0, *(_padded([knapsack.alive], width) for knapsack in knapsacks)]).astype(np.bool_)
    places = np.zeros((len(knapsacks), max((len(knapsack.gains) for knapsack in knapsacks), default=1)), dtype=np.int64)
    start = 1
    for row, knapsack in zip(places, knapsacks, strict=True):
        row[: len(knapsack.gains)] = np.arange(start, start + len(knapsack.gains))
        start += len(knapsack.gains)
    budgets = np.array([knapsack.budget for knapsack in knapsacks], dtype=np.int64)
    return solve_batch(Items.of(gains, costs, alive), places, budgets)


def _padded(tables: Sequence[Ints | Masks], width: int) -> Ints:
    """One line under the other, with zeros behind those that are shorter."""
    found = np.zeros((sum(len(table) for table in tables), width), dtype=np.int64)
    start = 0
    for table in tables:
        found[start : start + len(table), : table.shape[1]] = table
        start += len(table)
    return found
