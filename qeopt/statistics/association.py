"""How far one quantity orders as another does: over all, within groups of equal depth, and with other quantities held fixed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qeopt.score.ranks import kendall, spearman

Floats = NDArray[np.float64]
Measure = Callable[[Floats, Floats], float]


def pearson(one: ArrayLike, other: ArrayLike) -> float:
    """Pearson's correlation; 0 where a sample does not vary."""
    first, second = (np.asarray(values, dtype=np.float64) for values in (one, other))
    first, second = first - first.mean(), second - second.mean()
    spread = float(first @ first) * float(second @ second)
    return float(first @ second) / spread**0.5 if spread > 1e-300 else 0.0


MEASURES: dict[str, Measure] = {"spearman": spearman, "kendall": kendall, "pearson": pearson}


def ranks(values: ArrayLike) -> Floats:
    """Ranks from 1, tied values sharing the mean of theirs."""
    found = np.asarray(values, dtype=np.float64)
    _, group, sizes = np.unique(found, return_inverse=True, return_counts=True)
    mean: Floats = (np.cumsum(sizes) - (sizes - 1) / 2)[group.ravel()]
    return mean


def within(measure: str, one: Floats, other: Floats, groups: NDArray[np.int64]) -> float:
    """A correlation of what varies within groups alone, pooled over all groups; 0 where nothing does.

    Kendall's tau-b over the pairs that share a group. Spearman's and Pearson's from ranks, or values, less their group's mean;
    ranks are taken within the group and divided by its size, so that large groups do not outweigh.
    """
    if measure == "kendall":
        same = groups[:, None] == groups[None, :]
        first, second = (np.sign(values[:, None] - values[None, :]) * same for values in (one, other))
        untied = float(np.abs(first).sum()) * float(np.abs(second).sum())
        return float((first * second).sum()) / untied**0.5 if untied else 0.0
    parts: list[list[Floats]] = [[], []]
    for group in np.unique(groups):
        chosen = groups == group
        for part, values in zip(parts, (one, other), strict=True):
            found = ranks(values[chosen]) / chosen.sum() if measure == "spearman" else values[chosen]
            part.append(found - found.mean())
    return pearson(np.concatenate(parts[0]), np.concatenate(parts[1]))


def partial(one: Floats, other: Floats, given: tuple[Floats, ...]) -> float:
    """Spearman's partial correlation: Pearson's of what linear regressions of the ranks on those of `given` leave over."""
    against = np.stack([np.ones(len(one)), *(ranks(values) for values in given)], axis=1)
    left = []
    for values in (one, other):
        ranked = ranks(values)
        fit, *_ = np.linalg.lstsq(against, ranked, rcond=None)
        rest = ranked - against @ fit
        left.append(rest if float(rest @ rest) > 1e-9 * float(ranked @ ranked) else np.zeros(len(rest)))
    return pearson(left[0], left[1])
