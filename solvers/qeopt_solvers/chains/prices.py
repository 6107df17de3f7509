"""Prices of the totals: with a price on every unit used, chains and loners are decided each by itself.

For any prices the best priced value plus the price of the budgets bounds every answer from above; the least such bound is searched
for. Floats are used here and only here: they steer and prune with a margin, while every value that is reported is an integer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from qeopt_solvers.chains.numbers import Floats, Ints, Numbers
from qeopt_solvers.chains.tables import Step, priced_tables, trace

SCALE = 1 << 40
"""Prices are whole multiples of 1 / SCALE, so that a certificate can state them exactly."""
ROUNDS = 60
"""Most bounds evaluated while looking for prices; the best so far is as valid as the last."""
MOST_PLANES = {2: 40, 3: 20, 4: 10}
"""Planes used at once, by the number of totals."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Everything that competes for the totals."""

    numbers: Numbers
    loners: Ints
    """Choices decided alone."""
    chains: tuple[tuple[Step, ...], ...]
    gains: Floats
    """Per choice and option, minus infinity where dead."""
    costs: Floats
    """Per total, choice and option."""

    @staticmethod
    def of(numbers: Numbers, loners: Sequence[int], chains: Sequence[tuple[Step, ...]]) -> Pool:
        """Collect what competes."""
        gains = np.where(numbers.alive, numbers.gains.astype(np.float64), -np.inf)
        return Pool(numbers, np.array(loners, dtype=np.int64), tuple(chains), gains, numbers.costs.astype(np.float64))

    def extremes(self) -> tuple[float, float]:
        """Most and least value that any picks could have."""
        members = [*self.loners.tolist(), *(step.choice for steps in self.chains for step in steps)]
        gains = self.gains[members]
        return float(gains.max(axis=1).sum()), float(np.where(np.isneginf(gains), np.inf, gains).min(axis=1).sum())


@dataclass(frozen=True, slots=True)
class Priced:
    """What one vector of prices proves, and the picks that attain it."""

    prices: Floats
    bound: float
    value: int
    used: tuple[int, ...]
    picks: tuple[tuple[int, int], ...]
    """(choice, option) for every choice of the pool."""

    def fits(self, budgets: Ints) -> bool:
        """Whether the picks stay within every budget."""
        return all(used <= budget for used, budget in zip(self.used, budgets.tolist(), strict=True))


def evaluate(pool: Pool, prices: Floats, gains: Floats | None = None) -> Priced:
    """Price the pool. `gains` replaces the real ones (zeros ask for the least priced use); the value is always the real one."""
    numbers = pool.numbers
    reduced = (pool.gains if gains is None else gains) - np.tensordot(prices, pool.costs, 1)
    own = reduced[pool.loners]
    options = own.argmax(axis=1)
    bound = float(prices @ numbers.budgets) + float(np.take_along_axis(own, options[:, None], 1).sum())
    value = int(numbers.gains[pool.loners, options].sum())
    used = numbers.costs[:, pool.loners, options].sum(axis=1)
    picks = list(zip(pool.loners.tolist(), options.tolist(), strict=True))
    for steps in pool.chains:
        tables = priced_tables(steps, numbers, reduced, prices)
        bound += float(tables[0].max())
        state: tuple[int, ...] = ()
        for step, option in zip(steps, trace(steps, tables), strict=True):
            entry = (*state, option)
            value += int(numbers.gains[step.choice, option])
            used = used + numbers.costs[:, step.choice, option]
            for number, costs in step.linked:
                used[number] += np.broadcast_to(costs, step.shape)[entry]
            picks.append((step.choice, option))
            state = tuple(index for index, stays in zip(entry, step.kept, strict=True) if stays)
    return Priced(prices, bound, value, tuple(used.tolist()), tuple(picks))


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
    free = np.where(np.isneginf(pool.gains), -np.inf, 0.0)
    low, high = start, evaluate(pool, np.ones(1), free)
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
