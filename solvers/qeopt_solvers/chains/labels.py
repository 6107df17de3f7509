"""Bounded labels: every partial answer that can still end within a window below the bound, step by step.

A label is a value, what it uses of each total, its tie-breaks and the open combination it stands in. It is dropped when even the
best end cannot lift it into the window, when its use leaves too little room, or when another label in the same place is no worse in
everything. If a complete label is found, the window held every better answer, so the best label is the optimum.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.chains.dominance import undominated
from qeopt_solvers.chains.numbers import Floats, Ints
from qeopt_solvers.chains.prices import Pool, Priced
from qeopt_solvers.chains.stages import Labels, Stage, plan

FREE = 10
"""With so few near columns besides the best, all combinations are counted at once: at most 2 to that power."""


class TooManyLabels(Exception):  # noqa: N818  a signal between this module and the engine
    """The window holds more partial answers than allowed."""


class Exhausted(Exception):  # noqa: N818
    """The time or the work given is used up."""


@dataclass(slots=True)
class Budget:
    """How much work may be done, and how much was."""

    labels: int
    """Most labels kept after any step."""
    until: float | None = None
    """Monotonic time to stop at."""
    work: int | None = None
    """Labels that may be made before the search stops, in all searches with this budget together."""
    spent: int = 0
    """Labels made so far."""

    def check(self) -> None:
        """Stop here when the budget is used up.

        Raises:
            Exhausted: when it is.
        """
        if (self.work is not None and self.spent >= self.work) or (self.until is not None and time.monotonic() >= self.until):
            raise Exhausted


@dataclass(frozen=True, slots=True)
class Complete:
    """The best complete answer of a window."""

    value: int
    columns: Ints
    """The column of each item."""
    chained: tuple[tuple[int, int], ...]
    """(choice, option) for every choice of the large chains."""


def search(pool: Pool, priced: Priced, window: float, budget: Budget) -> Complete | None:
    """Return the best answer that the labels of a window complete, ties minimised; None if there is none.

    If its value is at least `priced.bound - window`, it is the optimum. A lesser one is just an answer: a label's bound counts
    room that a complete answer leaves unused.

    Args:
        pool: What competes.
        priced: The prices and the bound they prove.
        window: How far below the bound to look.
        budget: The work allowed.

    Raises:
        TooManyLabels: when the window holds too many partial answers.
        Exhausted: when the budget is used up.
    """
    margin = 0.01 + 1e-11 * abs(priced.bound)
    budgets = pool.numbers.budgets
    target = priced.bound - window - margin - float(priced.prices @ budgets)
    near = priced.own >= priced.own.max(axis=1, keepdims=True) - (window + margin)
    if not pool.chains and np.count_nonzero(near) - len(near) <= FREE:
        return _looked_through(pool, priced, near, budget)
    tilts = _tilted(priced.prices)
    floors = priced.bound - window - margin - (1 + 1e-11) * (tilts @ budgets)
    labels, columns, stages = plan(pool, priced, tilts, near)
    trail: list[tuple[Stage, NDArray[np.intp], NDArray[np.intp]]] = []
    binding = _binding(labels, stages, budgets)
    for stage in stages:
        budget.check()
        parents, options = _extend(labels, stage, priced.prices, target, budgets)
        budget.spent += parents.size
        if stage.tilted is not None and len(tilts):
            within = (labels.value - tilts @ labels.used >= (floors - stage.tilted)[:, None]).all(axis=0)
            parents, options = parents[within], options[within]
            labels = Labels(labels.value[within], labels.used[:, within], labels.tie[within], labels.place[within])
        kept = undominated(labels.used[binding], labels.value, labels.tie, labels.place)
        labels = Labels(labels.value[kept], labels.used[:, kept], labels.tie[kept], labels.place[kept])
        if len(kept) > budget.labels:
            raise TooManyLabels
        trail.append((stage, parents[kept], options[kept]))
    if not labels.value.size or (labels.used[:, 0] > budgets).any():  # the latter only when nothing was left to choose
        return None
    best = int(np.lexsort((labels.tie, -labels.value))[0])
    value = int(labels.value[best])
    picks: list[tuple[int, int]] = []
    for stage, parents, options in reversed(trail):
        option = int(options[best])
        best = int(parents[best])
        if stage.choice is not None:
            picks.append((stage.choice, option))
        for item, item_columns in reversed(stage.items):
            option, place = divmod(option, item_columns.size)
            columns[item] = int(item_columns[place])
    return Complete(value, columns, tuple(picks))


def _looked_through(pool: Pool, priced: Priced, near: NDArray[np.bool_], budget: Budget) -> Complete | None:
    """Count every combination of the near columns, of which there are few."""
    budget.check()
    items = pool.items
    columns = priced.columns.copy()
    places = items.starts + columns
    open_items = np.flatnonzero(near.sum(axis=1) > 1).tolist()
    counts = items.counts.take(np.delete(places, open_items), axis=1).sum(axis=1, keepdims=True)
    options = [np.flatnonzero(near[item]) for item in open_items]
    for item, near_columns in zip(open_items, options, strict=True):
        own = items.counts[:, items.starts[item] + near_columns]
        counts = (counts[:, :, None] + own[:, None, :]).reshape(len(own), -1)
    budget.spent += counts.shape[1]
    fitting = np.flatnonzero((counts[1:-1] <= pool.numbers.budgets[:, None]).all(axis=0))
    if not fitting.size:
        return None
    value = int(counts[0, fitting].max())
    best = fitting[counts[0, fitting] == value]
    place = int(best[counts[-1, best].argmin()])
    for item, near_columns in zip(reversed(open_items), reversed(options), strict=True):
        place, option = divmod(place, near_columns.size)
        columns[item] = near_columns[option]
    return Complete(value, columns, ())


def _binding(labels: Labels, stages: Sequence[Stage], budgets: Ints) -> NDArray[np.intp]:
    """Totals that some answer within the window could exceed; only these need be compared between labels."""
    most = labels.used[:, 0].copy()
    for stage in stages:
        most += np.where(np.isneginf(stage.worth), 0, stage.costs).max(axis=(1, 2))
    return np.flatnonzero(most > budgets)


TILTS = (0.0, 2.0)
"""With several totals a label is also bounded at prices where one of them is this many times the best: at the best prices alone, a
label that has used too much of one total seems to be helped by what it has left of another."""


def _tilted(prices: Floats) -> Floats:
    """Other prices to bound labels at, one vector a line."""
    count = prices.size
    lines = [prices * np.where(np.arange(count) == total, factor, 1.0) for total in range(count) for factor in TILTS if count > 1]
    return np.array(lines).reshape(-1, count)


def _extend(
    labels: Labels, stage: Stage, prices: Floats, target: float, budgets: Ints
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Extend `labels` in place by every option that stays in the window and in the budgets; return parents and options."""
    base = labels.value - prices @ labels.used
    worth = stage.worth[labels.place] if stage.successors is not None else stage.worth
    parents, options = np.nonzero(base[:, None] + worth >= target - stage.rest)
    places = labels.place[parents]
    lines = places if stage.successors is not None else 0
    used = labels.used[:, parents] + stage.costs[:, lines, options]
    room = (used <= (budgets - stage.least)[:, None]).all(axis=0)
    if not room.all():
        parents, options, used, places = parents[room], options[room], used[:, room], places[room]
    labels.value = labels.value[parents] + stage.gains[options]
    labels.used = used
    labels.tie = labels.tie[parents] + stage.ties[options]
    labels.place = stage.successors[places, options] if stage.successors is not None else places
    return parents, options
