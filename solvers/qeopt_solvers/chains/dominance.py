"""Which labels no other label makes superfluous."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.chains.numbers import Ints

NEIGHBOURS = 12
"""With three totals or more, how many neighbours in sorting order a label is compared with; missing one costs only time."""


def undominated(used: Ints, value: Ints, tie: Ints, place: Ints) -> NDArray[np.intp]:
    """Return the labels to keep: those that no other in the same place beats or equals in everything.

    Args:
        used: Use of every total that can bind, (totals, labels).
        value: What the labels are worth, to be large.
        tie: Tie-breaks folded into one number, to be small among equal values.
        place: Where the labels stand.
    """
    if value.size <= 1:
        return np.arange(value.size)
    rank = _rank(value, tie, int(place.max()) + 1)
    if len(used) <= 1:
        return _ladder(used, rank, place)
    if len(used) > 2:
        return _neighbours(used, rank, place)
    if place.size == 0 or (place == place[0]).all():
        return _corner(used, rank)
    groups = [np.flatnonzero(place == some) for some in np.unique(place)]
    return np.concatenate([group[_corner(used[:, group], rank[group])] for group in groups])


def _rank(value: Ints, tie: Ints, places: int) -> Ints:
    """Number the labels so that a greater number is a better (value, tie-breaks), and `places` times as much still fits 64 bits."""
    low, high = int(tie.min()), int(tie.max())
    bottom, top = int(value.min()), int(value.max())
    if (top - bottom + 1) * (high - low + 1) * places < 1 << 62:
        return (value - bottom) * (high - low + 1) + (high - tie)
    order = np.lexsort((-tie, value))
    new = np.ones(value.size, dtype=np.int64)
    new[1:] = (np.diff(value[order]) != 0) | (np.diff(tie[order]) != 0)
    rank = np.empty(value.size, dtype=np.int64)
    rank[order] = np.cumsum(new)
    return rank


def _ladder(used: Ints, rank: Ints, place: Ints) -> NDArray[np.intp]:
    """One total or none: walking up in use, a label must be better than all before it."""
    order = np.lexsort((-rank, *used, place))
    ladder = rank[order] + place[order] * (int(rank.max()) + 1)
    keep = np.ones(rank.size, dtype=bool)
    keep[1:] = ladder[1:] > np.maximum.accumulate(ladder)[:-1]
    return order[keep]


BLOCK = 64
"""Labels compared pairwise at once."""
COLUMNS = 1024
"""Columns of the finest table."""


def _corner(used: Ints, rank: Ints) -> NDArray[np.intp]:
    """Two totals, one place: is there a better label that uses no more of either?

    From the best rank downwards in chunks: a table says, per chunk and per use of the first total, the least use of the second
    among all chunks before. A coarse table thins out, a fine one follows; what they cannot tell apart is compared pairwise.
    """
    order = np.lexsort((used[1], used[0], -rank))
    if order.size > 16 * BLOCK:
        order = order[~_beaten_before(used[:, order], -(-order.size // 256), 256)]
    if order.size > BLOCK:
        order = order[~_beaten_before(used[:, order], BLOCK, COLUMNS)]
    order = order[~_beaten_in_block(used[0][order], used[1][order])]
    if order.size > BLOCK:
        order = order[np.lexsort((-rank[order], used[1][order], used[0][order]))]
        order = order[~_beaten_in_block(used[1][order], -rank[order])]
    return order


def _beaten_before(used: Ints, chunk: int, columns: int) -> NDArray[np.bool_]:
    """Whether a label of an earlier chunk and of a lesser column (of the first total) uses no more of the second."""
    first, second = used
    count = first.size
    column = (np.searchsorted(np.sort(first), first, side="right") - 1) * columns // count
    line = np.arange(count) // chunk
    table = np.full((int(line[-1]) + 1, columns), np.iinfo(np.int64).max)
    np.minimum.at(table, (line, column), second)
    np.minimum.accumulate(table, axis=1, out=table)
    np.minimum.accumulate(table, axis=0, out=table)
    beaten = np.zeros(count, dtype=bool)
    beaten[chunk:] = (table[line[chunk:] - 1, column[chunk:] - 1] <= second[chunk:]) & (column[chunk:] > 0)
    return beaten


def _beaten_in_block(x: Ints, y: Ints) -> NDArray[np.bool_]:
    """Whether an earlier label of the same block has no more of both."""
    lines = -(-x.size // BLOCK)
    blocks = np.full((2, lines * BLOCK), np.iinfo(np.int64).max)
    blocks[:, : x.size] = x, y
    a, b = blocks.reshape(2, lines, BLOCK)
    earlier = np.triu(np.ones((BLOCK, BLOCK), dtype=bool), 1)
    beaten = (a[:, :, None] <= a[:, None, :]) & (b[:, :, None] <= b[:, None, :]) & earlier
    found: NDArray[np.bool_] = beaten.any(axis=1).ravel()[: x.size]
    return found


def _neighbours(used: Ints, rank: Ints, place: Ints) -> NDArray[np.intp]:
    """More totals: compare with a few neighbours only."""
    order = np.lexsort((-rank, *used[::-1], place))
    used, rank, place = used[:, order], rank[order], place[order]
    keep = np.ones(rank.size, dtype=bool)
    for shift in range(1, min(NEIGHBOURS, rank.size - 1) + 1):
        beaten = (place[shift:] == place[:-shift]) & (rank[shift:] <= rank[:-shift])
        beaten &= (used[:, shift:] >= used[:, :-shift]).all(axis=0)
        keep[shift:] &= ~beaten
    return order[keep]
