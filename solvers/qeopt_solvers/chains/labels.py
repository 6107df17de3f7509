"""Bounded labels: every partial answer that can still end within a window below the bound, step by step.

A label is a value, what it uses of each total, its tie-breaks and the open combination it stands in. It is dropped when even the
best end cannot lift it into the window, when its use leaves too little room, or when another label in the same place is no worse in
everything. If a complete label is found, the window held every better answer, so the best label is the optimum.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.chains.dominance import undominated
from qeopt_solvers.chains.items import Items
from qeopt_solvers.chains.numbers import Floats, Ints
from qeopt_solvers.chains.prices import Pool, Priced
from qeopt_solvers.chains.tables import Step, priced_tables


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
    """One choice of a chain, or a few items, to extend every label by."""

    choice: int | None
    """The choice; None for items."""
    items: tuple[tuple[int, NDArray[np.intp]], ...]
    """(item, its near columns); the options of this stage are their combinations, the last item's turning fastest."""
    gains: Ints
    costs: Ints
    """Totals x places x options."""
    ties: Ints
    worth: Floats
    """Places x options: best priced value of this option and everything after it in its chain."""
    successors: NDArray[np.intp] | None
    """Place after this stage; None for items, which have a single place."""
    rest: float
    """Best priced value of the chains and items after the chain (or items) of this stage."""
    least: Ints
    """Per total, the least that everything after this stage uses."""
    tilted: Floats | None = None
    """Per tilted price vector, `rest`; None for choices of chains."""


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
    tilts = _tilted(priced.prices)
    floors = priced.bound - window - margin - (1 + 1e-11) * (tilts @ budgets)
    labels, columns, stages = _plan(pool, priced, tilts, window + margin)
    trail: list[tuple[_Stage, NDArray[np.intp], NDArray[np.intp]]] = []
    binding = _binding(labels, stages, budgets)
    for stage in stages:
        budget.check()
        parents, options = _extend(labels, stage, priced.prices, target, budgets)
        budget.spent += parents.size
        if stage.tilted is not None and len(tilts):
            within = (labels.value - tilts @ labels.used >= (floors - stage.tilted)[:, None]).all(axis=0)
            parents, options = parents[within], options[within]
            labels = _Labels(labels.value[within], labels.used[:, within], labels.tie[within], labels.place[within])
        kept = undominated(labels.used[binding], labels.value, labels.tie, labels.place)
        labels = _Labels(labels.value[kept], labels.used[:, kept], labels.tie[kept], labels.place[kept])
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


def _binding(labels: _Labels, stages: Sequence[_Stage], budgets: Ints) -> NDArray[np.intp]:
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


def _plan(pool: Pool, priced: Priced, tilts: Floats, reach: float) -> tuple[_Labels, Ints, list[_Stage]]:
    """Fix the items that leave no choice within reach of the bound, and order the rest: chains first, then items."""
    items, prices, own = pool.items, priced.prices, priced.own
    columns = priced.columns.copy()
    places = items.starts + columns
    best = own.take(places)
    near = own >= (best - reach)[:, None]
    single = np.count_nonzero(near, axis=1) == 1
    value, used = items.counted(places[single])
    labels = _Labels(
        np.array([value]), used[:, None], items.ties.take(places[single]).sum(keepdims=True), np.zeros(1, dtype=np.int64)
    )
    open_items = np.flatnonzero(~single)
    near = near[open_items]
    spread = np.where(near, best[open_items, None] - own[open_items], 0.0).max(axis=1)
    order = np.argsort(-spread, kind="stable")
    open_items, near = open_items[order], near[order]
    cheapest = np.where(near, items.costs[:, open_items], np.iinfo(np.int64).max).min(axis=2)
    least = cheapest.sum(axis=1)
    use = items.use[:, open_items]
    other = np.where(near, items.worth[open_items] - np.tensordot(tilts, use, 1), -np.inf).max(axis=2)
    after = other.sum(axis=1)
    rest = float(best[open_items].sum())
    stages = _all_chain_stages(pool, prices, rest, least) if pool.chains else []
    parts = _parts(items, own, near, open_items)
    for group in _groups([part.columns.size for part in parts], MERGED if len(prices) == 1 else MERGED_AMONG_SEVERAL):
        rest -= float(best[open_items[group]].sum())
        least = least - cheapest[:, group].sum(axis=1)
        after = after - other[:, group].sum(axis=1)
        stages.append(replace(_merged(parts[group], rest, least), tilted=after))
    return labels, columns, stages


def _all_chain_stages(pool: Pool, prices: Floats, rest: float, least: Ints) -> list[_Stage]:
    """Make the stages of the large chains; `rest` and `least` are what comes after all of them."""
    gains = pool.chain_gains(prices)
    tables = [priced_tables(steps, gains, prices) for steps in pool.chains]
    rest += sum(float(table[0].max()) for table in tables)
    stages: list[_Stage] = []
    for steps, chain_tables in zip(pool.chains, tables, strict=True):
        rest -= float(chain_tables[0].max())
        stages += _chain_stages(pool, steps, chain_tables, rest)
    _set_least(stages, least)
    return stages


MERGED = 16
"""Items are taken together while their near columns make at most so many combinations: fewer, larger steps."""
MERGED_AMONG_SEVERAL = 4
"""The same with several totals, where labels are many and a step's cost is theirs."""


def _groups(sizes: Sequence[int], most: int) -> list[slice]:
    groups: list[slice] = []
    start, together = 0, 1
    for place, size in enumerate(sizes):
        if place > start and together * size > most:
            groups.append(slice(start, place))
            start, together = place, 1
        together *= size
    if start < len(sizes):
        groups.append(slice(start, len(sizes)))
    return groups


@dataclass(frozen=True, slots=True)
class _Part:
    """The near columns of one item."""

    item: int
    columns: NDArray[np.intp]
    gains: Ints
    costs: Ints
    ties: Ints
    worth: Floats


def _parts(items: Items, own: Floats, near: NDArray[np.bool_], open_items: NDArray[np.intp]) -> list[_Part]:
    lines, columns = np.nonzero(near)
    owners = open_items[lines]
    gains, ties, worth = items.gains[owners, columns], items.ties[owners, columns], own[owners, columns]
    costs = items.costs[:, owners, columns]
    ends = np.searchsorted(lines, np.arange(len(open_items)), side="right").tolist()
    spans = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    return [
        _Part(item, columns[span], gains[span], costs[:, span], ties[span], worth[span])
        for item, span in zip(open_items.tolist(), spans, strict=True)
    ]


def _merged(parts: Sequence[_Part], rest: float, least: Ints) -> _Stage:
    first = parts[0]
    gains, costs, ties, worth = first.gains, first.costs, first.ties, first.worth
    for part in parts[1:]:
        gains = (gains[:, None] + part.gains).ravel()
        costs = (costs[:, :, None] + part.costs[:, None, :]).reshape(len(costs), -1)
        ties = (ties[:, None] + part.ties).ravel()
        worth = (worth[:, None] + part.worth).ravel()
    columns = tuple((part.item, part.columns) for part in parts)
    return _Stage(None, columns, gains, costs[:, None], ties, worth[None], None, rest, least)


def _chain_stages(pool: Pool, steps: Sequence[Step], tables: Sequence[Floats], rest: float) -> list[_Stage]:
    numbers = pool.numbers
    stages = []
    for step, table in zip(steps, tables, strict=True):
        width = step.shape[-1]
        costs = np.repeat(numbers.costs[:, step.choice, None, :width], table.size // width, axis=1)
        for number, linked in step.linked:
            costs[number] += np.broadcast_to(linked, step.shape).reshape(-1, width)
        gains, ties = numbers.gains[step.choice, :width], pool.ties[step.choice, :width]
        least = np.where(np.isneginf(table).reshape(-1, width), np.iinfo(np.int64).max, costs).min(axis=(1, 2))
        stages.append(_Stage(step.choice, (), gains, costs, ties, table.reshape(-1, width), step.successors(), rest, least))
    return stages


def _set_least(stages: list[_Stage], after: Ints) -> None:
    """Turn each chain stage's own least use into that of everything after it."""
    for number in reversed(range(len(stages))):
        own = stages[number].least
        stages[number] = replace(stages[number], least=after)
        after = after + own


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
    labels.value = labels.value[parents] + stage.gains[options]
    labels.used = used
    labels.tie = labels.tie[parents] + stage.ties[options]
    labels.place = stage.successors[places, options] if stage.successors is not None else places
    return parents, options
