"""Make an answer that fits more valuable by changing one or two items at a time: a good answer makes the search window small."""

from __future__ import annotations

import numpy as np

from qeopt_solvers.chains.items import Items
from qeopt_solvers.chains.numbers import Ints
from qeopt_solvers.chains.prices import Pool, Priced

MOST_CHANGES = 12
"""Changes made before giving up on more."""
FREE = 6
"""With so few columns left between an answer and the bound, looking through them is quicker than improving the answer."""
CANDIDATES = 64
"""Columns considered for a pair of changes: those that the prices like best."""


def improved(pool: Pool, feasible: Priced, guide: Priced) -> tuple[int, Ints]:
    """Return a value and item columns no worse than those of `feasible`; the chains stay as they are.

    Args:
        pool: What competes.
        feasible: Picks within every budget.
        guide: The best prices; columns that cost little at them are tried in pairs.
    """
    items = pool.items
    if guide.freedom(guide.bound - feasible.value) <= FREE:
        return feasible.value, feasible.columns
    lines = np.arange(feasible.columns.size)
    room = pool.numbers.budgets - np.array(feasible.used, dtype=np.int64)
    columns = _blended(items, feasible.columns, guide.columns, room)
    value_before, used_before = items.counted(items.starts + feasible.columns)
    value_after, used_after = items.counted(items.starts + columns)
    room = room - (used_after - used_before)
    value = feasible.value + value_after - value_before
    if guide.freedom(guide.bound - value) <= FREE:
        return value, columns
    likely = np.argsort((guide.own - guide.own.max(axis=1, keepdims=True)).ravel())[::-1][:CANDIDATES]
    for _ in range(MOST_CHANGES):
        gains = np.where(items.alive, items.gains - items.gains[lines, columns][:, None], 0)
        costs = items.costs - items.costs[:, lines, columns][..., None]
        change = _single(gains, costs, room) or _pair(items, gains, costs, room, likely)
        if change is None:
            break
        for item, column in change:
            value += int(gains[item, column])
            room = room - costs[:, item, column]
        for item, column in change:
            columns[item] = column
    return value, columns


def _blended(items: Items, columns: Ints, wanted: Ints, room: Ints) -> Ints:
    """Move as many items as fit from `columns` to the more valuable ones `wanted`, in their order.

    Where many items are alike the prices tip them all at once, and the answers on either side are far from full.
    """
    lines = np.flatnonzero(columns != wanted)
    gains = items.gains[lines, wanted[lines]] - items.gains[lines, columns[lines]]
    lines = lines[gains > 0]
    costs = items.costs[:, lines, wanted[lines]] - items.costs[:, lines, columns[lines]]
    fits = (costs.cumsum(axis=1) <= room[:, None]).all(axis=0)
    count = int(fits.argmin()) if not fits.all() else lines.size
    blended = columns.copy()
    blended[lines[:count]] = wanted[lines[:count]]
    return blended


def _single(gains: Ints, costs: Ints, room: Ints) -> tuple[tuple[int, int], ...] | None:
    """The most valuable change of one item that fits."""
    worth = np.where((costs <= room[:, None, None]).all(axis=0), gains, 0)
    place = int(worth.argmax())
    if worth.flat[place] <= 0:
        return None
    return (divmod(place, gains.shape[1]),)


def _pair(items: Items, gains: Ints, costs: Ints, room: Ints, likely: Ints) -> tuple[tuple[int, int], ...] | None:
    """The most valuable change of two items that fits together."""
    owner, column = np.divmod(likely, gains.shape[1])
    gain = gains[owner, column]
    cost = costs[:, owner, column]
    worth = gain[:, None] + gain
    fits = (cost[:, :, None] + cost[:, None, :] <= room[:, None, None]).all(axis=0)
    fits &= (owner[:, None] != owner) & (items.alive[owner, column] & items.alive[owner, column][:, None])
    worth = np.where(fits, worth, 0)
    place = int(worth.argmax())
    if worth.flat[place] <= 0:
        return None
    first, second = divmod(place, likely.size)
    return (int(owner[first]), int(column[first])), (int(owner[second]), int(column[second]))
