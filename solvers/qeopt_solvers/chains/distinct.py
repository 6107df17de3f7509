"""Distinct items of many knapsacks: their options by rising cost, and the steps of their relaxation in one common order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.chains.numbers import NEVER, Floats, Ints

Masks = NDArray[np.bool_]

LARGEST = 1 << 50
"""Summed gains and costs stay below this, so that differences are exact as floats and keys fit 64 bits."""


@dataclass(frozen=True, slots=True)
class Items:
    """Distinct items, a line each: their options by rising cost, padded, without those that another beats or equals."""

    gains: Ints
    costs: Ints
    alive: Masks
    order: NDArray[np.intp]
    """The caller's index of each option."""
    rank: NDArray[np.int32]
    """(items, steps) place among all steps between neighbouring options of the relaxation, the best worth per cost first."""
    step_costs: Ints
    """By rank."""
    step_prices: Floats
    """By rank: gain per unit of cost."""

    @classmethod
    def of(cls, gains: Ints, costs: Ints, alive: Masks) -> Items:
        """Prepare items from arrays of (items, options); every item has an option that is alive.

        The caller sees to it that sums over a problem stay below `LARGEST`.
        """
        by_gain = np.argsort(np.where(alive, -gains, -NEVER), axis=1, kind="stable")
        priced = np.take_along_axis(np.where(alive, costs, -NEVER), by_gain, 1)
        order = np.take_along_axis(by_gain, np.argsort(priced, axis=1, kind="stable"), 1)
        gains, costs = np.take_along_axis(gains, order, 1), np.take_along_axis(costs, order, 1)
        alive = np.take_along_axis(alive, order, 1)
        before = np.maximum.accumulate(np.where(alive, gains, NEVER), axis=1)
        alive[:, 1:] &= gains[:, 1:] > before[:, :-1]
        prices, step_costs = _steps(gains, costs, alive)
        by_price = np.argsort(-prices.ravel(), kind="stable")
        rank = np.empty(prices.size, dtype=np.int32)
        rank[by_price] = np.arange(prices.size)
        return cls(gains, costs, alive, order, rank.reshape(prices.shape), step_costs.ravel()[by_price], prices.ravel()[by_price])


def _steps(gains: Ints, costs: Ints, alive: Masks) -> tuple[Floats, Ints]:
    """The concave hull of every item, from its cheapest option up: prices and costs of its steps, the price falling to zero."""
    size, width = gains.shape
    line, columns = np.arange(size), np.arange(width)
    prices, step_costs = np.zeros((size, width - 1)), np.zeros((size, width - 1), dtype=np.int64)
    here = np.zeros(size, dtype=np.intp)
    for number in range(width - 1):
        onward = alive & (columns > here[:, None])
        rise = costs - costs[line, here][:, None]
        slope = np.where(onward, (gains - gains[line, here][:, None]) / np.where(onward, rise, 1), 0.0)
        following = width - 1 - slope[:, ::-1].argmax(axis=1)
        best = slope[line, following]
        following = np.where(best > 0, following, here)
        prices[:, number], step_costs[:, number] = best, rise[line, following]
        here = following
    return prices, step_costs
