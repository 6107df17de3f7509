"""Prices of the totals: with a price on every unit used, chains and loners are decided each by itself.

For any prices the best priced value plus the price of the budgets bounds every answer from above; the least such bound is searched
for. Floats are used here and only here: they steer and prune with a margin, while every value that is reported is an integer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, compress

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.chains.items import Items, is_small, items_of
from qeopt_solvers.chains.numbers import Floats, Ints, Numbers, priced_use
from qeopt_solvers.chains.parts import Parts
from qeopt_solvers.chains.tables import Step, priced_tables, trace

SCALE = 1 << 40
"""Prices are whole multiples of 1 / SCALE, so that a certificate can state them exactly."""
ROUNDS = 60
"""Most bounds evaluated while looking for prices; the best so far is as valid as the last."""
MOST_PLANES = {2: 40, 3: 20, 4: 10}
"""Planes used at once, by the number of totals."""


def competitors(parts: Parts, numbers: Numbers, chains: Sequence[tuple[Step, ...]]) -> tuple[list[int], list[tuple[Step, ...]]]:
    """List the loners and the chains that a binding total counts."""
    touched: NDArray[np.bool_] = np.any(numbers.costs, axis=(0, 2))
    loners = [choice for choice in parts.alone if touched[choice]]
    return loners, [steps for steps in chains if any(touched[step.choice] or step.linked for step in steps)]


@dataclass(frozen=True, slots=True)
class Pool:
    """Everything that competes for the totals."""

    numbers: Numbers
    items: Items
    chains: tuple[tuple[Step, ...], ...]
    """Chains too large to be items."""
    ties: Ints
    """Per choice and option, the tie-breaks folded into one number."""
    gains: Floats
    """Per choice and option, minus infinity where dead."""
    costs: Floats
    """Per total, choice and option."""

    @staticmethod
    def of(
        numbers: Numbers, ties: Ints, loners: Sequence[int], chains: Sequence[tuple[Step, ...]], *, beaten: bool = False
    ) -> Pool:
        """Collect what competes; `beaten` keeps columns that another one of the same item makes superfluous."""
        items = items_of(numbers, ties, loners, [steps for steps in chains if is_small(steps)], beaten=beaten)
        large = tuple(steps for steps in chains if not is_small(steps))
        gains = np.where(numbers.alive, numbers.gains.astype(np.float64), -np.inf)
        return Pool(numbers, items, large, ties, gains, numbers.costs.astype(np.float64))

    def possible(self) -> bool:
        """Whether every item has a column at all."""
        return bool(self.items.alive.any(axis=1).all())

    def extremes(self) -> tuple[float, float]:
        """Most and least value that any picks could have."""
        gains = self.gains[[step.choice for steps in self.chains for step in steps]]
        most = gains.max(axis=1).sum() + self.items.worth.max(axis=1).sum()
        least = np.where(np.isneginf(gains), np.inf, gains).min(axis=1).sum()
        return float(most), float(least + np.where(self.items.alive, self.items.worth, np.inf).min(axis=1).sum())

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
    columns: Ints
    """The column of each item."""
    paths: tuple[tuple[int, ...], ...]
    """The options along each large chain."""

    def fits(self, budgets: Ints) -> bool:
        """Whether the picks stay within every budget."""
        return all(used <= budget for used, budget in zip(self.used, budgets.tolist(), strict=True))

    def picks(self, pool: Pool) -> tuple[tuple[int, int], ...]:
        """List (choice, option) for every choice of the pool."""
        chained = [
            (s.choice, o) for steps, path in zip(pool.chains, self.paths, strict=True) for s, o in zip(steps, path, strict=True)
        ]
        return (*pool.items.picks(self.columns.tolist()), *chained)


def evaluate(pool: Pool, prices: Floats, *, with_gains: bool = True) -> Priced:
    """Price the pool. Without gains it asks for the least priced use; the value given is always the real one."""
    numbers, items = pool.numbers, pool.items
    own = (items.worth if with_gains else np.where(items.alive, 0.0, -np.inf)) - priced_use(prices, items.use)
    columns = own.argmax(axis=1)
    lines = np.arange(columns.size)
    bound = float(prices @ numbers.budgets) + float(own[lines, columns].sum())
    value = int(items.gains[lines, columns].sum())
    used = items.costs[:, lines, columns].sum(axis=1)
    paths = []
    if pool.chains:
        gains = pool.chain_gains(prices, with_gains=with_gains)
        for steps in pool.chains:
            tables = priced_tables(steps, gains, prices)
            bound += float(tables[0].max())
            path = tuple(trace(steps, tables))
            value += sum(int(numbers.gains[step.choice, option]) for step, option in zip(steps, path, strict=True))
            used = used + _use(numbers, steps, path)
            paths.append(path)
    return Priced(prices, bound, value, tuple(used.tolist()), columns, tuple(paths))


def _use(numbers: Numbers, steps: Sequence[Step], path: Sequence[int]) -> Ints:
    used: Ints = numbers.costs[:, [step.choice for step in steps], list(path)].sum(axis=1)
    state: tuple[int, ...] = ()
    for step, option in zip(steps, path, strict=True):
        entry = (*state, option)
        for number, costs in step.linked:
            used[number] += np.broadcast_to(costs, step.shape)[entry]
        state = tuple(compress(entry, step.kept))
    return used


@dataclass(frozen=True, slots=True)
class Dual:
    """The best prices found."""

    best: Priced
    feasible: Priced | None
    """The most valuable picks within all budgets met on the way."""
    infeasible: bool = False
    """Proven on the way: no picks stay within the budgets."""


def minimise(pool: Pool) -> Dual:
    """Look for the prices of the least bound."""
    count = len(pool.numbers.budgets)
    start = evaluate(pool, np.zeros(count))
    if start.fits(pool.numbers.budgets) or np.isneginf(start.bound):
        return Dual(start, start if start.fits(pool.numbers.budgets) else None, bool(np.isneginf(start.bound)))
    if count == 1:
        return _secant(pool, start)
    return _cuts(pool, start)


def _rounded(price: float) -> float:
    return max(0.0, round(price * SCALE) / SCALE)


def _secant(pool: Pool, start: Priced) -> Dual:
    """One total: intersect the bound's lines left and right of the minimum until no line lies between them."""
    budget = int(pool.numbers.budgets[0])
    low, high = start, evaluate(pool, np.ones(1), with_gains=False)
    if high.used[0] > budget:
        return Dual(start, None, infeasible=True)
    best = start
    for _ in range(ROUNDS):
        price = _rounded((low.value - high.value) / (low.used[0] - high.used[0]))
        middle = evaluate(pool, np.array([price]))
        if middle.bound < best.bound:
            best = middle
        if middle.used[0] in {low.used[0], high.used[0]} or middle.value in {low.value, high.value}:
            break
        if middle.used[0] > budget:
            low = middle
        else:
            high = middle
    if middle.fits(pool.numbers.budgets) and middle.value > high.value:
        high = middle
    return Dual(best, high)


def _cuts(pool: Pool, start: Priced) -> Dual:
    """Several totals: a cutting-plane method, each evaluation adding the plane it lies on."""
    numbers = pool.numbers
    budgets = numbers.budgets.astype(np.float64)
    most, least = pool.extremes()
    reach = 16.0 * (most - least + 1.0) / np.maximum(1.0, budgets)  # prices so high that hardly any use is worth them
    planes: list[list[float]] = []
    item, best, feasible = start, start, None
    for _ in range(ROUNDS):
        planes.append([float(item.value), *((budgets - np.array(item.used, dtype=np.float64)) * reach)])
        found = _lowest(np.array(planes))
        if found is None:
            break
        shares, floor = found
        item = evaluate(pool, np.array([_rounded(price) for price in shares * reach]))
        best = item if item.bound < best.bound else best
        if item.fits(numbers.budgets) and (feasible is None or item.value > feasible.value):
            feasible = item
        if best.bound < least - 1:
            return Dual(best, None, infeasible=True)
        if best.bound - floor <= max(0.5, 1e-9 * abs(best.bound)):
            break
    return Dual(best, feasible)


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
