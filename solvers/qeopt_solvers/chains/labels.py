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

from qeopt_solvers.chains.numbers import Floats, Ints
from qeopt_solvers.chains.prices import Pool, Priced
from qeopt_solvers.chains.tables import Step, priced_tables


class TooManyLabels(Exception):  # noqa: N818  a signal between this module and the engine
    """The window holds more partial answers than allowed."""


class OutOfTime(Exception):  # noqa: N818
    """The end of the time given was reached."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much work may be done."""

    labels: int
    """Most labels kept after any step."""
    until: float | None = None
    """Monotonic time to stop at."""


@dataclass(slots=True)
class _Labels:
    """Partial answers as columns."""

    value: Ints
    used: Ints
    """Totals x labels."""
    tie: Ints
    place: Ints
    """Flat index of the open combination; 0 between chains."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """One choice to extend every label by. Arrays have a line per open combination, or a single one."""

    choice: int
    gains: Ints
    costs: Ints
    """Totals x places x options."""
    ties: Ints
    worth: Floats
    """Places x options: best priced value of this option and everything after it in its chain."""
    successors: NDArray[np.intp] | None
    """Place after this stage; None for a choice decided alone."""
    rest: float
    """Best priced value of the chains and loners after the chain (or loner) of this stage."""
    least: Ints
    """Per total, the least that everything after this stage uses."""


@dataclass(frozen=True, slots=True)
class Complete:
    """The best complete answer of a window."""

    value: int
    picks: tuple[tuple[int, int], ...]


def search(pool: Pool, priced: Priced, ties: Ints, window: float, budget: Budget) -> Complete | None:
    """Return the best answer that the labels of a window complete, ties minimised; None if there is none.

    If its value is at least `priced.bound - window`, it is the optimum. A lesser one is just an answer: a label's bound counts
    room that a complete answer leaves unused.

    Args:
        pool: What competes.
        priced: The prices and the bound they prove.
        ties: Per choice and option, the tie-breaks folded into one number.
        window: How far below the bound to look.
        budget: The work allowed.

    Raises:
        TooManyLabels: when the window holds too many partial answers.
        OutOfTime: when the time is over.
    """
    margin = 0.01 + 1e-11 * abs(priced.bound)
    target = priced.bound - window - margin
    fixed, stages = _plan(pool, priced, ties, window + margin)
    totals = len(pool.numbers.budgets)
    labels = _start(pool, ties, fixed, totals)
    budgets = pool.numbers.budgets
    trail: list[tuple[int, NDArray[np.intp], NDArray[np.intp]]] = []
    offset = float(priced.prices @ budgets)
    for stage in stages:
        if budget.until is not None and time.monotonic() >= budget.until:
            raise OutOfTime
        parents, options = _extend(labels, stage, priced.prices, target - offset, budgets)
        labels, kept = _undominated(labels)
        if len(kept) > budget.labels:
            raise TooManyLabels
        trail.append((stage.choice, parents[kept], options[kept]))
    if not labels.value.size or (labels.used[:, 0] > budgets).any():  # the latter only when nothing was left to choose
        return None
    best = int(np.lexsort((labels.tie, -labels.value))[0])
    value = int(labels.value[best])
    picks = list(fixed)
    for choice, parents, options in reversed(trail):
        picks.append((choice, int(options[best])))
        best = int(parents[best])
    return Complete(value, tuple(picks))


def _start(pool: Pool, ties: Ints, fixed: Sequence[tuple[int, int]], totals: int) -> _Labels:
    numbers = pool.numbers
    if not fixed:
        zero = np.zeros(1, dtype=np.int64)
        return _Labels(zero, np.zeros((totals, 1), dtype=np.int64), zero, zero)
    choices, options = np.array(fixed).T
    return _Labels(
        numbers.gains[choices, options].sum(keepdims=True),
        numbers.costs[:, choices, options].sum(axis=1, keepdims=True),
        ties[choices, options].sum(keepdims=True),
        np.zeros(1, dtype=np.int64),
    )


def _plan(pool: Pool, priced: Priced, ties: Ints, reach: float) -> tuple[list[tuple[int, int]], list[_Stage]]:
    """Fix the loners that leave no choice within reach of the bound, and order the rest: chains first, then loners."""
    numbers = pool.numbers
    reduced = pool.gains - np.tensordot(priced.prices, pool.costs, 1)
    own = reduced[pool.loners]
    best = own.max(axis=1)
    near = own >= best[:, None] - reach
    single = near.sum(axis=1) == 1
    fixed = list(zip(pool.loners[single].tolist(), near[single].argmax(axis=1).tolist(), strict=True))
    own, best = own[~single], best[~single]
    spread = np.where(near[~single], best[:, None] - own, -1.0).max(axis=1)
    order = np.argsort(-spread, kind="stable")
    open_loners, own, best = pool.loners[~single][order], own[order], best[order]
    tables = [priced_tables(steps, numbers, reduced, priced.prices) for steps in pool.chains]
    rest = float(sum(float(table[0].max()) for table in tables)) + float(best.sum())
    never = np.where(numbers.alive, numbers.costs, np.iinfo(np.int64).max)
    cheapest = never.min(axis=2)
    least = cheapest[:, open_loners].sum(axis=1)
    for steps in pool.chains:
        for step in steps:
            least = least + _cheapest(step, cheapest)
    stages: list[_Stage] = []
    for steps, chain_tables in zip(pool.chains, tables, strict=True):
        rest -= float(chain_tables[0].max())
        for step, table in zip(steps, chain_tables, strict=True):
            least = least - _cheapest(step, cheapest)
            stages.append(_chain_stage(pool, step, ties, table, rest, least))
    for choice, line, top in zip(open_loners.tolist(), own, best.tolist(), strict=True):
        rest -= top
        least = least - cheapest[:, choice]
        keep = np.flatnonzero(line >= top - reach)
        stages.append(
            _Stage(
                choice,
                numbers.gains[choice][None],
                numbers.costs[:, choice][:, None],
                ties[choice],
                np.where(np.isin(np.arange(line.size), keep), line, -np.inf)[None],
                None,
                rest,
                least,
            )
        )
    return fixed, stages


def _cheapest(step: Step, cheapest: Ints) -> Ints:
    least = cheapest[:, step.choice].copy()
    for number, costs in step.linked:
        least[number] += costs.min()
    return least


def _chain_stage(pool: Pool, step: Step, ties: Ints, table: Floats, rest: float, least: Ints) -> _Stage:
    numbers = pool.numbers
    width = step.shape[-1]
    costs = np.repeat(numbers.costs[:, step.choice, None, :width], table.size // width, axis=1)
    for number, linked in step.linked:
        costs[number] += np.broadcast_to(linked, step.shape).reshape(-1, width)
    return _Stage(
        step.choice,
        numbers.gains[step.choice, :width][None],
        costs,
        ties[step.choice, :width],
        table.reshape(-1, width),
        step.successors(),
        rest,
        least,
    )


def _extend(
    labels: _Labels, stage: _Stage, prices: Floats, target: float, budgets: Ints
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
    labels.value = labels.value[parents] + stage.gains[0, options]
    labels.used = used
    labels.tie = labels.tie[parents] + stage.ties[options]
    labels.place = stage.successors[places, options] if stage.successors is not None else places
    return parents, options


NEIGHBOURS = 12
"""With several totals, how many neighbours in sorting order a label is compared with; missing a dominated one costs only time."""


def _undominated(labels: _Labels) -> tuple[_Labels, NDArray[np.intp]]:
    """Drop labels that another in the same place beats or equals in use of every total, value and tie-breaks."""
    count = labels.value.size
    if count <= 1:
        return labels, np.arange(count)
    rank = _rank(labels.value, labels.tie)
    order = np.lexsort((-rank, *labels.used[::-1], labels.place))
    rank, place = rank[order], labels.place[order]
    if len(labels.used) == 1:
        ladder = rank + place * (int(rank.max()) + 1)
        keep = np.ones(count, dtype=bool)
        keep[1:] = ladder[1:] > np.maximum.accumulate(ladder)[:-1]
    else:
        keep = _beats_no_neighbour(labels.used[:, order], rank, place)
    kept = order[keep]
    slim = _Labels(labels.value[kept], labels.used[:, kept], labels.tie[kept], labels.place[kept])
    return slim, kept


def _beats_no_neighbour(used: Ints, rank: Ints, place: Ints) -> NDArray[np.bool_]:
    keep = np.ones(rank.size, dtype=bool)
    for shift in range(1, min(NEIGHBOURS, rank.size - 1) + 1):
        beaten = (place[shift:] == place[:-shift]) & (rank[shift:] <= rank[:-shift])
        beaten &= (used[:, shift:] >= used[:, :-shift]).all(axis=0)
        keep[shift:] &= ~beaten
    return keep


def _rank(value: Ints, tie: Ints) -> Ints:
    """Number the labels so that a greater number is a better (value, tie-breaks)."""
    low, high = int(tie.min()), int(tie.max())
    bottom, top = int(value.min()), int(value.max())
    if (top - bottom + 1) * (high - low + 1) < 1 << 40:
        return (value - bottom) * (high - low + 1) + (high - tie)
    order = np.lexsort((-tie, value))
    new = np.ones(value.size, dtype=np.int64)
    new[1:] = (np.diff(value[order]) != 0) | (np.diff(tie[order]) != 0)
    rank = np.empty(value.size, dtype=np.int64)
    rank[order] = np.cumsum(new)
    return rank
