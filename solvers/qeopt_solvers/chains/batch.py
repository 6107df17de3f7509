"""Many multiple-choice knapsacks at once: one option per item, most gain within one limit each, exactly, in flat arrays.

All problems share a list of distinct items, so what depends on an item alone is worked out once. A problem's relaxation gives the
price of its limit; filling up greedily gives a first answer; labels look through what lies between the two, item by item, for all
problems together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.chains.distinct import Items, Masks
from qeopt_solvers.chains.numbers import NEVER, Floats, Ints

TOGETHER = 512
"""Problems solved together at most."""
MOST_NUMBERS = 1 << 20
"""Options of all items of all problems solved together: what an array of them holds."""
MOST_LABELS = 1 << 21
"""Labels held at once; more split the problems, and one problem that alone needs more is left unanswered."""
SHARES = (0.5, 1.0)
"""Windows tried, as shares of the distance from the relaxation to the first answer: the best answer is often in the upper half."""
FILLINGS = 6
"""Times that room which is left is filled with the best option that fits."""
SAME = 1e-4
"""Losses below this are none: gains are whole numbers, and sums of floats are off by less."""
MARGIN = 0.5
"""Labels this far outside a window are kept all the same, for the same reason."""
BEYOND = 1e30
"""Stands for infinity where it may be multiplied by zero."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found, one entry per problem."""

    value: Ints
    """Summed gains; `NEVER` where nothing fits or no answer was found."""
    cost: Ints
    """The least cost of any answer of that value."""
    options: NDArray[np.intp]
    """(problems, places) the caller's option of every item."""
    feasible: Masks
    """False where even the cheapest options are over the limit."""
    unanswered: Masks
    """Where the labels outgrew `MOST_LABELS`."""
    price: Floats
    """The price per unit of the limit at which the relaxation breaks; 0 where the limit does not bind."""
    bound: Floats
    """What the relaxation is worth: no answer gains more."""


def solve_batch(items: Items, places: Ints, limits: Ints) -> Answers:
    """Answer every problem.

    Args:
        items: What problems are made of.
        places: (problems, places) which items, at least one each.
        limits: (problems,) what the costs of a problem may sum to.
    """
    together = max(1, min(TOGETHER, MOST_NUMBERS // (places.shape[1] * items.gains.shape[1])))
    parts = [slice(start, start + together) for start in range(0, len(places), together)]
    found = [_solve(items, places[part], limits[part]) for part in parts]
    if len(found) == 1:
        return found[0]
    if not found:
        return _solve(items, places, limits)
    return Answers(
        *(np.concatenate([getattr(one, field.name) for one in found]) for field in fields(Answers)),
    )


def _solve(items: Items, places: Ints, limits: Ints) -> Answers:
    size, width = places.shape
    feasible = items.costs[:, 0][places].sum(axis=1) <= limits
    value = np.full(size, NEVER)
    cost, columns = np.zeros(size, dtype=np.int64), np.zeros((size, width), dtype=np.intp)
    unanswered = np.zeros(size, dtype=np.bool_)
    held = np.flatnonzero(feasible)
    dual = _Dual.of(items, places[held], limits[held])
    price, bound = np.zeros((2, size))
    price[held], bound[held] = dual.price, dual.base_gain + dual.distance
    full = dual.window()
    todo = np.arange(len(held))
    for share in SHARES:
        window = full * share
        left = todo[:0]
        for some, labels in _searched(dual, window, todo):
            if labels is None:
                unanswered[held[some]] = True
                continue
            gains, costs, picks = labels
            found = gains >= dual.distance[some] - window[some] - MARGIN
            left = np.concatenate([left, some[~found]])
            here = some[found]
            value[held[here]] = dual.base_gain[here] + gains[found]
            cost[held[here]] = dual.base_cost[here] + costs[found]
            columns[held[here]] = picks[found]
        todo = left
    unanswered[held[todo]] = True  # never met: the first answer lies within the last window
    options = np.take_along_axis(items.order[places], columns[:, :, None], 2)[:, :, 0]
    return Answers(value, cost, options, feasible, unanswered, price, bound)


@dataclass(frozen=True, slots=True)
class _Dual:
    """Problems at the prices of their relaxation, relative to the options that those prices pick."""

    price: Floats
    loss: Floats
    """(problems, places, options) how much less than the best each is worth at the price."""
    gains: Ints
    """The same shape: gain beyond that of the option picked."""
    costs: Ints
    alive: Masks
    picked: NDArray[np.intp]
    base_gain: Ints
    base_cost: Ints
    room: Ints
    """What the options picked leave of the limit."""

    @classmethod
    def of(cls, items: Items, places: Ints, limits: Ints) -> _Dual:
        price = _prices(items, places, limits)
        gains, costs, alive = items.gains[places], items.costs[places], items.alive[places]
        worth = np.where(alive, gains - price[:, None, None] * costs, -np.inf)
        loss = worth.max(axis=2, keepdims=True) - worth
        picked = (loss <= SAME).argmax(axis=2)[:, :, None]
        own_gain, own_cost = np.take_along_axis(gains, picked, 2), np.take_along_axis(costs, picked, 2)
        base_cost = own_cost.sum(axis=(1, 2))
        return cls(
            price,
            loss,
            gains - own_gain,
            costs - own_cost,
            alive,
            picked[:, :, 0],
            own_gain.sum(axis=(1, 2)),
            base_cost,
            limits - base_cost,
        )

    @property
    def distance(self) -> Floats:
        """What the relaxation is worth beyond the options picked."""
        return self.price * self.room

    def window(self) -> Floats:
        """How far below the relaxation the first answer is: options picked, room filled with what gains most and fits."""
        gains, costs, room = self.gains.copy(), self.costs.copy(), self.room.copy()
        problem = np.arange(len(room))
        total = np.zeros(len(room), dtype=np.int64)
        for _ in range(FILLINGS if len(room) else 0):
            fits = self.alive & (costs <= room[:, None, None])
            open_gains = np.where(fits, gains, 0).reshape(len(room), gains.shape[1] * gains.shape[2])
            best = open_gains.argmax(axis=1)
            gain = open_gains[problem, best]
            if not gain.any():
                break
            place, option = np.divmod(best, gains.shape[2])
            cost = np.where(gain > 0, costs[problem, place, option], 0)
            total += gain
            room -= cost
            gains[problem, place] -= gain[:, None]
            costs[problem, place] -= cost[:, None]
        return np.maximum(self.distance - total, 0.0)


_Found = tuple[Ints, Ints, NDArray[np.intp]]
"""Gain and cost beyond the options picked, and the column of every place."""


def _searched(dual: _Dual, window: Floats, some: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], _Found | None]]:
    """Look through the windows of some problems together; where that takes too many labels, one half after the other."""
    if not len(some):
        return
    try:
        found = _Labels(dual, window, some).search()
    except _TooManyLabels:
        if len(some) == 1:
            yield some, None
            return
        for half in (some[: len(some) // 2], some[len(some) // 2 :]):
            yield from _searched(dual, window, half)
        return
    yield some, found


class _TooManyLabels(Exception):  # noqa: N818  # not a fault: the problems are split
    pass


class _Labels:
    """Labels of some problems, flat: whose they are, what they gain and cost beyond the options picked."""

    def __init__(self, dual: _Dual, window: Floats, some: NDArray[np.intp]) -> None:
        self._window = window[some] + MARGIN
        self._price, self._room = dual.price[some], dual.room[some]
        self._gains, self._costs = dual.gains[some], dual.costs[some]
        self._picked = dual.picked[some]
        loss = dual.loss[some]
        self._open = dual.alive[some] & (loss <= self._window[:, None, None])
        np.put_along_axis(self._open, self._picked[:, :, None], True, axis=2)
        several = self._open.sum(axis=2) > 1
        moves = self._open & (self._costs != 0)
        per_cost = np.where(moves, loss / np.where(moves, np.abs(self._costs), 1), BEYOND)
        # cheapest moves first: what is left can then only mend large deviations at a high loss, and labels end early
        self._turn = np.argsort(np.where(several, per_cost.min(axis=2), np.inf), axis=1, kind="stable")
        self._turns = several.sum(axis=1)
        self._down = self._ahead(np.where(self._costs < 0, per_cost, BEYOND), several)
        self._up = np.minimum(self._ahead(np.where(self._costs > 0, per_cost, BEYOND), several), self._price[:, None])

    def _ahead(self, per_cost: Floats, several: Masks) -> Floats:
        """(problems, turns + 1) least loss per unit of cost among the items whose turn is still to come."""
        by_turn = np.take_along_axis(np.where(several, per_cost.min(axis=2), BEYOND), self._turn, 1)
        ahead = np.full((by_turn.shape[0], by_turn.shape[1] + 1), BEYOND)
        ahead[:, :-1] = np.minimum.accumulate(by_turn[:, ::-1], axis=1)[:, ::-1]
        return ahead

    def search(self) -> _Found:
        """The best label of every problem; of equals, the one that costs least. Gains are `NEVER` where the window holds none."""
        size = len(self._room)
        owner, cost, gain = np.arange(size), np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        trail: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]] = []
        for turn in range(int(self._turns.max(initial=0))):
            parent, option, still = self._expanded(owner, turn)
            own = owner[parent]
            place = self._turn[own, turn]
            costs = cost[parent] + np.where(still, self._costs[own, place, option], 0)
            gains = gain[parent] + np.where(still, self._gains[own, place, option], 0)
            keep = np.flatnonzero(self._within(own, costs, gains, turn + 1))
            keep = keep[_undominated(own[keep], costs[keep], gains[keep])]
            owner, cost, gain = own[keep], costs[keep], gains[keep]
            trail.append((parent[keep], place[keep], option[keep]))
        return self._best(owner, cost, gain, trail)

    def _expanded(self, owner: NDArray[np.intp], turn: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Masks]:
        """For every label after this turn: the label it comes from, its option, and whether the problem had an item left."""
        place = self._turn[owner, turn]
        has_item = turn < self._turns[owner]
        options = self._open[owner, place]
        options[~has_item] = False
        options[~has_item, 0] = True
        if int(np.count_nonzero(options)) > MOST_LABELS:
            raise _TooManyLabels
        parent, option = np.nonzero(options)
        return parent, option, has_item[parent]

    def _within(self, owner: NDArray[np.intp], cost: Ints, gain: Ints, turn: int) -> Masks:
        """Which labels the items to come can still bring into the window."""
        price, over = self._price[owner], cost - self._room[owner]
        mending = np.where(over > 0, over * self._down[owner, turn], -over * self._up[owner, turn])
        within: Masks = price * cost - gain + mending <= self._window[owner]
        return within

    def _best(
        self,
        owner: NDArray[np.intp],
        cost: Ints,
        gain: Ints,
        trail: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]],
    ) -> _Found:
        """Labels are sorted by owner and rise in cost and gain: the last that fits is the best."""
        size = len(self._room)
        label = np.full(size, -1)
        fits = np.flatnonzero(cost <= self._room[owner])
        label[owner[fits]] = fits
        some = np.flatnonzero(label >= 0)
        gains, costs = np.full(size, NEVER), np.zeros(size, dtype=np.int64)
        at = label[some]
        gains[some], costs[some] = gain[at], cost[at]
        columns = self._picked.copy()
        for turn in range(len(trail) - 1, -1, -1):
            parent, place, option = (part[at] for part in trail[turn])
            moved = turn < self._turns[some]
            columns[some[moved], place[moved]] = option[moved]
            at = parent
        return gains, costs, columns


def _undominated(owner: NDArray[np.intp], cost: Ints, gain: Ints) -> NDArray[np.intp]:
    """Labels that gain more than every cheaper one of the same problem, sorted by problem and cost."""
    if not len(owner):
        return np.arange(0)
    low, span = cost.min(), cost.max() - cost.min() + 1
    best, reach = gain.max(), gain.max() - gain.min() + 1
    order = np.argsort(owner * span + (cost - low), kind="stable")
    ladder = owner[order] * reach + (gain[order] - best)
    rises = np.ones(len(order), dtype=np.bool_)
    rises[1:] = ladder[1:] > np.maximum.accumulate(ladder)[:-1]
    kept = order[rises]
    last = np.ones(len(kept), dtype=np.bool_)  # of equal costs, which come by rising gain
    last[:-1] = (cost[kept][1:] != cost[kept][:-1]) | (owner[kept][1:] != owner[kept][:-1])
    return kept[last]


def _prices(items: Items, places: Ints, limits: Ints) -> Floats:
    """The price per unit of the limit at which the relaxation of each problem breaks; 0 where the limit does not bind."""
    size = len(places)
    ranks = np.sort(items.rank[places].reshape(size, places.shape[1] * items.rank.shape[1]), axis=1)
    used = np.cumsum(items.step_costs[ranks], axis=1) + items.costs[:, 0][places].sum(axis=1)[:, None]
    breaks = (used <= limits[:, None]).sum(axis=1)
    if ranks.shape[1] == 0:
        return np.zeros(size)
    last = ranks.shape[1] - 1
    prices: Floats = np.where(breaks <= last, items.step_prices[ranks[np.arange(size), np.minimum(breaks, last)]], 0.0)
    return prices
