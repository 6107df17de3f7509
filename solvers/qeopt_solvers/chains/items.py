"""What competes for the totals, as one matrix: a line per loner or small chain, a column per option or allowed combination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from math import prod

import numpy as np

from qeopt_solvers.chains.numbers import Floats, Ints, Numbers
from qeopt_solvers.chains.tables import Step

MOST_COLUMNS = 64
"""Chains of at most so many combinations are written out as one line."""


@dataclass(frozen=True, slots=True)
class Items:
    """Arrays of shape (items, columns), padded; `costs` has one such array per total."""

    members: tuple[tuple[int, ...], ...]
    """The choices of each item."""
    options: tuple[Ints | None, ...]
    """Per item: options of (members, columns); None for a loner, whose columns are its options."""
    gains: Ints
    costs: Ints
    ties: Ints
    alive: np.typing.NDArray[np.bool_]
    worth: Floats
    """The gains as floats, minus infinity where not alive."""
    use: Floats
    """The costs as floats."""

    def picks(self, columns: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield (choice, option) of one column per item."""
        for members, options, column in zip(self.members, self.options, columns, strict=True):
            if options is None:
                yield members[0], column
            else:
                yield from zip(members, options[:, column].tolist(), strict=True)


def is_small(steps: Sequence[Step]) -> bool:
    """Whether a chain is written out."""
    return prod(step.shape[-1] for step in steps) <= MOST_COLUMNS


def items_of(
    numbers: Numbers, ties: Ints, loners: Sequence[int], chains: Sequence[Sequence[Step]], *, beaten: bool = False
) -> Items:
    """Write out the loners and the small chains; `ties` are folded into one number per choice and option.

    Columns that another of the same item makes superfluous are left out unless `beaten` asks to keep them.
    """
    lines = [_written_out(numbers, ties, steps) for steps in chains]
    single = np.array(loners, dtype=np.intp)
    width = max([numbers.gains.shape[1] if loners else 1, *(line.gains.size for line in lines)])
    count = len(loners) + len(lines)
    gains, tied = np.zeros((2, count, width), dtype=np.int64)
    costs = np.zeros((len(numbers.budgets), count, width), dtype=np.int64)
    alive = np.zeros((count, width), dtype=bool)
    if loners:
        block = slice(0, len(loners)), slice(0, numbers.gains.shape[1])
        gains[block], tied[block], costs[:, *block] = numbers.gains[single], ties[single], numbers.costs[:, single]
        alive[block] = numbers.alive[single]
    for number, line in enumerate(lines, start=len(loners)):
        entries = number, slice(0, line.gains.size)
        gains[entries], tied[entries], costs[:, *entries] = line.gains, line.ties, line.costs
        alive[entries] = True
    if not beaten:
        alive &= ~_beaten(gains, costs, tied, alive)
    members = (*((choice,) for choice in loners), *(tuple(step.choice for step in steps) for steps in chains))
    options = (*(None for _ in loners), *(line.options for line in lines))
    worth = np.where(alive, gains.astype(np.float64), -np.inf)
    return Items(members, options, gains, costs, tied, alive, worth, costs.astype(np.float64))


def _beaten(gains: Ints, costs: Ints, ties: Ints, alive: np.typing.NDArray[np.bool_]) -> np.typing.NDArray[np.bool_]:
    """Columns that the one before them beats or equals in everything; with bit-widths those beyond saturation."""
    beaten = np.zeros_like(alive)
    beaten[:, 1:] = (
        (gains[:, 1:] <= gains[:, :-1])
        & (costs[:, :, 1:] >= costs[:, :, :-1]).all(axis=0)
        & (ties[:, 1:] >= ties[:, :-1])
        & alive[:, :-1]
    )
    return beaten


@dataclass(frozen=True, slots=True)
class _Line:
    """The allowed combinations of one chain."""

    options: Ints
    gains: Ints
    costs: Ints
    ties: Ints


def _written_out(numbers: Numbers, ties: Ints, steps: Sequence[Step]) -> _Line:
    options = np.indices([step.shape[-1] for step in steps]).reshape(len(steps), -1)
    choices = [[step.choice] for step in steps]
    gains = numbers.gains[choices, options].sum(axis=0)
    costs = numbers.costs[:, choices, options].sum(axis=1)
    allowed = np.ones(options.shape[1], dtype=bool)
    open_options: list[Ints] = []
    for step, own in zip(steps, options, strict=True):
        entry = (*open_options, own)
        if step.allowed is not None:
            allowed &= np.broadcast_to(step.allowed, step.shape)[entry]
        for number, linked in step.linked:
            costs[number] += np.broadcast_to(linked, step.shape)[entry]
        open_options = list(compress(entry, step.kept))
    line = _Line(options, gains, costs, ties[choices, options].sum(axis=0))
    if allowed.all():
        return line
    return _Line(options[:, allowed], gains[allowed], costs[:, allowed], line.ties[allowed])
