"""Prices of the totals: with a price on every unit used, chains and independent choices are decided each by itself.

For any prices the best priced value plus the price of the budgets bounds every answer from above; the least such bound is searched
for. Floats are used here and only here: they steer and prune with a margin, while every value that is reported is an integer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, compress

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.chains.blocks import Block
from qeopt_solvers.chains.items import Items, items_of
from qeopt_solvers.chains.numbers import Floats, Ints, Numbers, priced_use, touched_choices
from qeopt_solvers.chains.tables import Step, priced_tables, trace

SCALE = 1 << 40
"""Prices are whole multiples of 1 / SCALE, so that a certificate can state them exactly."""
ROUNDS = 60
"""Most bounds evaluated while looking for prices; the best so far is as valid as the last."""
MOST_PLANES = {2: 40, 3: 20, 4: 10}
"""Planes used at once, by the number of totals."""


Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Sides:
    """What a binding total counts, and what none does."""

    blocks: list[Block]
    chains: list[Steps]
    idle_blocks: list[Block]
    idle_chains: list[Steps]


def sides(numbers: Numbers, blocks: Sequence[Block], chains: Sequence[Steps]) -> Sides:
    """Tell what competes for the totals from what decides by itself."""
    competing: list[Block] = []
    idle: list[Block] = []
    for block in blocks:
        counted: NDArray[np.bool_] = np.any(block.costs, axis=(0, 2))
        if counted.any():
            competing.append(block.part(counted))
        if not counted.all():
            idle.append(block.part(~counted))
    touched = touched_choices(numbers)
    touches = [any(step.linked or touched[step.choice] for step in steps) for steps in chains]
    return Sides(
        competing,
        [steps for steps, touched in zip(chains, touches, strict=True) if touched],
        idle,
        [steps for steps, touched in zip(chains, touches, strict=True) if not touched],
    )


@dataclass(frozen=True, slots=True)
class Pool:
    """Everything that competes for the totals."""

    numbers: Numbers
    items: Items
    chains: tuple[Steps, ...]
    """Chains too large to be items."""
    ties: Ints
    """Per choice and option, the tie-breaks folded into one number."""
    gains: Floats
    """Per choice and option, minus infinity where dead; needed for chains only."""
    costs: Floats
    """Per total, choice and option; needed for chains only."""

    @staticmethod
    def of(numbers: Numbers, ties: Ints, blocks: Sequence[Block], chains: Sequence[Steps], *, beaten: bool = False) -> Pool:
        """Collect what competes; `beaten` keeps columns that another one of the same item makes superfluous."""
        items = items_of(blocks, len(numbers.budgets), ties, beaten=beaten)
        gains = np.where(numbers.alive, numbers.gains, -np.inf) if chains else np.zeros(0)
        return Pool(numbers, items, tuple(chains), ties, gains, numbers.costs.astype(np.float64) if chains else np.zeros(0))

    def of_totals(self, kept: list[int]) -> Pool:
        """Count some of the totals only."""
        numbers = replace(self.numbers, costs=self.numbers.costs[kept], budgets=self.numbers.budgets[kept])
        chains = tuple(tuple(step.of_totals(kept) for step in steps) for steps in self.chains)
        costs = self.costs[kept] if chains else self.costs
        return replace(self, numbers=numbers, items=self.items.of_totals(kept), chains=chains, costs=costs)

    def possible(self) -> bool:
        """Whether every item has a column at all."""
        return bool(self.items.alive.any(axis=1).all())

    def extremes(self) -> tuple[float, float]:
        """Most and least value that any picks could have."""
        items = self.items
        most = float(items.worth.max(axis=1).sum())
        least = float(np.where(items.alive, items.worth, np.inf).min(axis=1).sum())
        if self.chains:
            gains = self.gains[[step.choice for steps in self.chains for step in steps]]
            most += float(gains.max(axis=1).sum())
            least += float(np.where(np.isneginf(gains), np.inf, gains).min(axis=1).sum())
        return most, least

    def chain_gains(self, prices: Floats, *, with_gains: bool = True) -> Floats:
        """Gains less priced costs, per choice and option; what linked combinations cost is not in it."""
        gains = self.gains if with_gains else np.where(self.numbers.alive, 0.0, -np.inf)
        return gains - priced_use(prices, self.costs)


@dataclass(frozen=True, slots=True)
class Priced:
    """What one vector of prices proves, and the picks that attain it."""

    prices: Floats
    bound: float
    value: int
    used: tuple[int, ...]
    own: Floats
    """What each column of each item is worth less the price of its use."""
    columns: Ints
    """The column of each item."""
    paths: tuple[tuple[int, ...], ...]
    """The options along each large chain."""

    def fits(self, budgets: Ints) -> bool:
        """Whether the picks stay within every budget."""
        return all(used <= budget for used, budget in zip(self.used, budgets.tolist(), strict=True))

    def fits_beside(self, budgets: Ints, total: int) -> bool:
        """Whether the picks stay within every budget but perhaps one."""
        beside = np.array(self.used) <= budgets
        beside[total] = True
        return bool(beside.all())

    def freedom(self, reach: float) -> int:
        """How many columns besides the best are at most `reach` worse; they leave at most 2 to that power answers."""
        floor = self.own.max(axis=1, keepdims=True) - reach
        return int(np.count_nonzero(self.own >= floor)) - self.columns.size

    def of_totals(self, kept: list[int]) -> Priced:
        """Count some of the totals only."""
        return replace(self, prices=self.prices[kept], used=tuple(self.used[number] for number in kept))

    def chained(self, pool: Pool) -> tuple[tuple[int, int], ...]:
        """List (choice, option) for every choice of the large chains."""
        pairs = zip(pool.chains, self.paths, strict=True)
        return tuple((step.choice, option) for steps, path in pairs for step, option in zip(steps, path, strict=True))


def evaluate(pool: Pool, prices: Floats, *, with_gains: bool = True) -> Priced:
    """Price the pool. Without gains it asks for the least priced use, which bounds no value; the value given is the real one."""
    numbers, items = pool.numbers, pool.items
    own = (items.worth if with_gains else np.where(items.alive, 0.0, -np.inf)) - priced_use(prices, items.use)
    columns = own.argmax(axis=1)
    value, used = items.counted(items.starts + columns)
    paths = []
    possible = True
    if pool.chains:
        gains = pool.chain_gains(prices, with_gains=with_gains)
        for steps in pool.chains:
            tables = priced_tables(steps, gains, prices)
            possible = possible and not np.isneginf(tables[0].max())
            path = tuple(trace(steps, tables))
            value += sum(int(numbers.gains[step.choice, option]) for step, option in zip(steps, path, strict=True))
            used = used + _use(numbers, steps, path)
            paths.append(path)
    uses = tuple(used.tolist())
    bound = math.inf if possible else -math.inf
    if with_gains and possible:
        spare = zip(prices.tolist(), numbers.budgets.tolist(), uses, strict=True)
        bound = value + sum([price * (budget - use) for price, budget, use in spare])
    return Priced(prices, float(bound), value, uses, own, columns, tuple(paths))


def _use(numbers: Numbers, steps: Sequence[Step], path: Sequence[int]) -> Ints:
    used: Ints = numbers.costs[:, [step.choice for step in steps], list(path)].sum(axis=1)
    state: tuple[int, ...] = ()
    for step, option in zip(steps, path, strict=True):
        entry = (*state, option)
        for number, costs in step.linked:
            used[number] += costs[tuple([at if size > 1 else 0 for at, size in zip(entry, costs.shape, strict=True)])]
        state = tuple(compress(entry, step.kept))
    return used


@dataclass(frozen=True, slots=True)
class Dual:
    """The best prices found."""

    best: Priced
    met: tuple[Priced, ...]
    """Everything met on the way."""
    infeasible: bool = False
    """Proven on the way: no picks stay within the budgets."""

    def feasible(self, budgets: Ints) -> Priced | None:
        """Return the most valuable picks met that are within all budgets."""
        return max((one for one in self.met if one.fits(budgets)), key=lambda one: one.value, default=None)

    def of_totals(self, kept: list[int]) -> Dual:
        """Count some of the totals only; the others must have no price."""
        return Dual(self.best.of_totals(kept), tuple(one.of_totals(kept) for one in self.met))


def minimise(pool: Pool) -> Dual:
    """Look for the prices of the least bound."""
    budgets = pool.numbers.budgets
    start = evaluate(pool, np.zeros(len(budgets)))
    if start.fits(budgets) or np.isneginf(start.bound):
        return Dual(start, (start,), bool(np.isneginf(start.bound)))
    met = [start]
    excess = [use / max(1, budget) for use, budget in zip(start.used, budgets.tolist(), strict=True)]
    for total in sorted(range(len(budgets)), key=lambda total: -excess[total]):
        if start.used[total] <= budgets[total]:
            continue
        line = _secant(pool, start, total)
        if line is None:
            return Dual(start, (start,), infeasible=True)
        met += line
        if len(budgets) == 1 or all(side.fits_beside(budgets, total) for side in line[-2:]):
            return _least_of(met)
    return _cuts(pool, met)


def _least_of(met: Sequence[Priced]) -> Dual:
    return Dual(min(met, key=lambda one: one.bound), tuple(met))


def _rounded(price: float) -> float:
    return max(0.0, round(price * SCALE) / SCALE)


def _secant(pool: Pool, start: Priced, total: int) -> tuple[Priced, ...] | None:
    """Price one total alone: intersect the bound's lines left and right of the minimum until no line lies between them.

    Returns the best and the last met, those on either side of the budget being the last two: at the best price a mixture of them is
    worth the bound and uses the total exactly. None if even the least use is over the budget.
    """
    axis = np.zeros(len(pool.numbers.budgets))
    axis[total] = 1.0
    budget = int(pool.numbers.budgets[total])
    low, high = start, evaluate(pool, axis, with_gains=False)
    if high.used[total] > budget:
        return None
    best = start
    for _ in range(ROUNDS):
        price = _rounded((low.value - high.value) / (low.used[total] - high.used[total]))
        middle = evaluate(pool, axis * price)
        best = middle if middle.bound < best.bound else best
        if middle.used[total] in {low.used[total], high.used[total]} or middle.value in {low.value, high.value}:
            break
        if middle.used[total] > budget:
            low = middle
        else:
            high = middle
    return best, middle, low, high


def _cuts(pool: Pool, met: Sequence[Priced]) -> Dual:
    """Several totals: a cutting-plane method, each evaluation adding the plane it lies on."""
    numbers = pool.numbers
    budgets = numbers.budgets.astype(np.float64)
    most, least = pool.extremes()
    reach = 16.0 * (most - least + 1.0) / np.maximum(1.0, budgets)  # prices so high that hardly any use is worth them
    known = list(met)
    planes = np.array([[item.value, *((budgets - item.used) * reach)] for item in known])
    turns = (_lowest(np.roll(planes, shift, axis=0)) for shift in range(len(planes)))
    found = min(filter(None, turns), key=lambda one: one[1], default=None)
    for _ in range(ROUNDS):
        if found is None:
            break
        shares, floor = found
        item = evaluate(pool, np.array([_rounded(price) for price in shares * reach]))
        known.append(item)
        best = min(known, key=lambda one: one.bound)
        if best.bound < least - 1:
            return Dual(best, (), infeasible=True)
        if best.bound - floor <= max(0.5, 1e-9 * abs(best.bound)):
            break
        planes = np.vstack([planes, [item.value, *((budgets - item.used) * reach)]])
        found = _lowest(planes)
    return _least_of(known)


def _lowest(planes: Floats) -> tuple[Floats, float] | None:
    """Minimise the maximum of planes `value + slopes @ x` over the unit cube, by trying every corner on the newest plane.

    The newest plane was cut off the minimum of the others, so the new minimum lies on it. Only so many of the latest planes are
    used that the corners stay countable; the answer only says where to look next.
    """
    count = planes.shape[1] - 1
    planes = planes[-MOST_PLANES.get(count, 6) :]
    value, slopes = planes[-1, 0], planes[-1, 1:]
    walls = np.vstack([planes[:-1, 1:] - slopes, -np.eye(count), np.eye(count)])
    heights = np.concatenate([value - planes[:-1, 0], np.zeros(count), np.ones(count)])
    norms = np.linalg.norm(walls, axis=1)
    walls, heights = walls[norms > 0] / norms[norms > 0, None], heights[norms > 0] / norms[norms > 0]
    corners = np.array(list(combinations(range(len(walls)), count)))
    systems = walls[corners]
    regular = np.abs(np.linalg.det(systems)) > 1e-9
    points = np.linalg.solve(systems[regular], heights[corners[regular]][..., None])[..., 0]
    inside = (points @ walls.T <= heights + 1e-9).all(axis=1)
    if not inside.any():
        return None
    points = points[inside].clip(0.0, 1.0)
    floors = value + points @ slopes
    lowest = int(floors.argmin())
    return points[lowest], float(floors[lowest])
