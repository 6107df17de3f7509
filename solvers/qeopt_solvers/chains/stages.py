"""What a search by labels goes through, in order: choices of large chains, then items, a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.chains.items import Items
from qeopt_solvers.chains.numbers import Floats, Ints
from qeopt_solvers.chains.prices import Pool, Priced
from qeopt_solvers.chains.tables import Step, priced_tables


@dataclass(slots=True)
class Labels:
    """Partial answers as columns."""

    value: Ints
    used: Ints
    """Totals x labels."""
    tie: Ints
    place: Ints
    """Flat index of the open combination; 0 between chains."""


@dataclass(frozen=True, slots=True)
class Stage:
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


def plan(pool: Pool, priced: Priced, tilts: Floats, near: NDArray[np.bool_]) -> tuple[Labels, Ints, list[Stage]]:
    """Fix the items that leave no choice within reach of the bound, and order the rest: chains first, then items."""
    items, prices, own = pool.items, priced.prices, priced.own
    columns = priced.columns.copy()
    places = items.starts + columns
    best = own.take(places)
    single = np.count_nonzero(near, axis=1) == 1
    value, used = items.counted(places[single])
    labels = Labels(
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


def _all_chain_stages(pool: Pool, prices: Floats, rest: float, least: Ints) -> list[Stage]:
    """Make the stages of the large chains; `rest` and `least` are what comes after all of them."""
    gains = pool.chain_gains(prices)
    tables = [priced_tables(steps, gains, prices) for steps in pool.chains]
    rest += sum(float(table[0].max()) for table in tables)
    stages: list[Stage] = []
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


def _merged(parts: Sequence[_Part], rest: float, least: Ints) -> Stage:
    first = parts[0]
    gains, costs, ties, worth = first.gains, first.costs, first.ties, first.worth
    for part in parts[1:]:
        gains = (gains[:, None] + part.gains).ravel()
        costs = (costs[:, :, None] + part.costs[:, None, :]).reshape(len(costs), -1)
        ties = (ties[:, None] + part.ties).ravel()
        worth = (worth[:, None] + part.worth).ravel()
    columns = tuple((part.item, part.columns) for part in parts)
    return Stage(None, columns, gains, costs[:, None], ties, worth[None], None, rest, least)


def _chain_stages(pool: Pool, steps: Sequence[Step], tables: Sequence[Floats], rest: float) -> list[Stage]:
    numbers = pool.numbers
    stages = []
    for step, table in zip(steps, tables, strict=True):
        width = step.shape[-1]
        costs = np.repeat(numbers.costs[:, step.choice, None, :width], table.size // width, axis=1)
        for number, linked in step.linked:
            costs[number] += np.broadcast_to(linked, step.shape).reshape(-1, width)
        gains, ties = numbers.gains[step.choice, :width], pool.ties[step.choice, :width]
        least = np.where(np.isneginf(table).reshape(-1, width), np.iinfo(np.int64).max, costs).min(axis=(1, 2))
        stages.append(Stage(step.choice, (), gains, costs, ties, table.reshape(-1, width), step.successors(), rest, least))
    return stages


def _set_least(stages: list[Stage], after: Ints) -> None:
    """Turn each chain stage's own least use into that of everything after it."""
    for number in reversed(range(len(stages))):
        own = stages[number].least
        stages[number] = replace(stages[number], least=after)
        after = after + own
