"""What competes for the totals, as one matrix: a line per loner or small chain, a column per option or allowed combination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.chains.blocks import Block
from qeopt_solvers.chains.numbers import Floats, Ints


@dataclass(frozen=True, slots=True)
class Items:
    """Arrays of shape (items, columns), padded; `costs` has one such array per total."""

    blocks: tuple[Block, ...]
    """What the items are made of, in their order."""
    gains: Ints
    costs: Ints
    ties: Ints
    alive: NDArray[np.bool_]
    worth: Floats
    """The gains as floats, minus infinity where not alive."""
    use: Floats
    """The costs as floats."""
    starts: NDArray[np.intp]
    """Where each line begins in the flattened arrays."""
    counts: Ints
    """Gains, the costs of every total, ties: each flattened."""

    def of_totals(self, kept: list[int]) -> Items:
        """Count some of the totals only."""
        counts = self.counts[[0, *(1 + number for number in kept), -1]]
        return replace(self, costs=self.costs[kept], use=self.use[kept], counts=counts)

    def put(self, picks: Ints, columns: Ints) -> None:
        """Write the options that a column per item stands for into `picks`, one per choice of the problem."""
        end = 0
        for block in self.blocks:
            start, end = end, end + len(block.choices)
            block.put(picks, columns[start:end])

    def counted(self, places: NDArray[np.intp]) -> tuple[int, Ints]:
        """Sum gains and costs of some places of the flattened arrays."""
        counted = self.counts.take(places, axis=1).sum(axis=1)
        return int(counted[0]), counted[1:-1]


def items_of(blocks: Sequence[Block], totals: int, ties: Ints, *, beaten: bool = False) -> Items:
    """Put blocks into one matrix; `ties` are folded into one number per choice and option.

    Columns that another of the same item makes superfluous are no longer alive unless `beaten` asks to keep them.
    """
    count = sum(len(block.choices) for block in blocks)
    width = max((block.gains.shape[1] for block in blocks), default=1)
    numbers = np.zeros((totals + 2, count, width), dtype=np.int64)
    alive = np.zeros((count, width), dtype=bool)
    end = 0
    for block in blocks:
        start, end = end, end + len(block.choices)
        place = slice(start, end), slice(0, block.gains.shape[1])
        numbers[0, *place], numbers[1:-1, *place], numbers[-1, *place] = block.gains, block.costs, block.summed(ties)
        alive[place] = block.alive
    gains, costs, tied = numbers[0], numbers[1:-1], numbers[-1]
    if not beaten:
        alive &= ~_beaten(numbers, alive)
    worth = np.where(alive, gains, -np.inf)
    starts, counts = np.arange(count) * width, numbers.reshape(totals + 2, count * width)
    return Items(tuple(blocks), gains, costs, tied, alive, worth, costs.astype(np.float64), starts, counts)


def _beaten(numbers: Ints, alive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Columns that the one before them beats or equals in everything; with bit-widths those beyond saturation."""
    beaten = np.zeros_like(alive)
    steps = numbers[:, :, 1:] - numbers[:, :, :-1]
    beaten[:, 1:] = (steps[0] <= 0) & (steps[1:] >= 0).all(axis=0) & alive[:, :-1]
    return beaten
