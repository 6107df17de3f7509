"""How far one quantity orders as another does: over all, within groups of equal depth, and with other quantities held fixed.

Everything is computed for many weightings of the designs at once. A weighting says how often each design is drawn, so a bootstrap
is one matrix of weightings; the first row is usually all ones, the designs as they are. No resample is ever written out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Groups: TypeAlias = NDArray[np.int64]
TINY = 1e-12


def ranks(weights: Floats, values: Floats, groups: Groups | None = None) -> Floats:
    """(weightings, designs) ranks, tied values sharing the mean of theirs.

    With groups, ranks among the designs of the own group, as shares of its size, so that large groups do not outweigh.

    Args:
        weights: (weightings, designs) how often each design is drawn.
        values: (designs,) the quantity.
        groups: (designs,) number of the group of each.
    """
    below = (values[None, :] < values[:, None]) + 0.5 * (values[None, :] == values[:, None])
    if groups is None:
        found: Floats = weights @ below.T + 0.5
        return found
    same = groups[:, None] == groups[None, :]
    shares: Floats = (weights @ (below * same).T + 0.5) / np.maximum(weights @ same, 1)
    return shares


def spearman(weights: Floats, one: Floats, other: Floats, groups: Groups | None = None) -> Floats:
    """(weightings,) Spearman's rho; with groups, of what varies within them. 0 where a sample does not vary."""
    return _correlated(weights, ranks(weights, one, groups), ranks(weights, other, groups), groups)


def pearson(weights: Floats, one: Floats, other: Floats, groups: Groups | None = None) -> Floats:
    """(weightings,) Pearson's correlation; with groups, of what varies within them. 0 where a sample does not vary."""
    # Standardised first: the sums of squares below would lose small differences of large numbers.
    first, second = (np.broadcast_to(_standard(values), weights.shape) for values in (one, other))
    return _correlated(weights, first, second, groups)


def kendall(weights: Floats, one: Floats, other: Floats, groups: Groups | None = None) -> Floats:
    """(weightings,) Kendall's tau-b; with groups, over the pairs that share one. 0 where all pairs are ties."""
    first, second = (np.asarray(np.sign(values[:, None] - values[None, :]), dtype=np.float64) for values in (one, other))
    if groups is not None:
        first = first * (groups[:, None] == groups[None, :])
        second = second * (groups[:, None] == groups[None, :])
    together = _over_pairs(weights, first * second)
    untied_one, untied_other = _over_pairs(weights, np.abs(first)), _over_pairs(weights, np.abs(second))
    return _ratio(together, np.sqrt(untied_one * untied_other))


def partial(weights: Floats, one: Floats, other: Floats, given: Sequence[Floats]) -> Floats:
    """(weightings,) Spearman's partial correlation: of what linear regressions of the ranks on those of `given` leave over."""
    against = np.stack([_centred(weights, ranks(weights, values)) for values in given], axis=2)
    left = []
    for values in (one, other):
        ranked = _centred(weights, ranks(weights, values))
        products = np.einsum("wd,wdi,wdj->wij", weights, against, against)
        projected = np.einsum("wd,wdi,wd->wi", weights, against, ranked)
        worth = np.einsum("wij,wj->wi", np.linalg.pinv(products, rcond=1e-10, hermitian=True), projected)
        rest = ranked - np.einsum("wdi,wi->wd", against, worth)
        explained = (weights * rest**2).sum(axis=1) <= 1e-9 * (weights * ranked**2).sum(axis=1)
        left.append(np.where(explained[:, None], 0.0, rest))
    return _correlated(weights, left[0], left[1], None)


Association: TypeAlias = Callable[[Floats, Floats, Floats, Groups | None], Floats]
MEASURES: Mapping[str, Association] = {"spearman": spearman, "kendall": kendall, "pearson": pearson}


def _standard(values: Floats) -> Floats:
    spread = float(values.std())
    found: Floats = (values - values.mean()) / (spread if spread > TINY * max(float(abs(values).max()), TINY) else 1.0)
    return found


def _centred(weights: Floats, values: Floats, groups: Groups | None = None) -> Floats:
    """Values less their weighted mean, or that of their group."""
    if groups is None:
        centred: Floats = values - (weights * values).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
        return centred
    same = (groups[:, None] == groups[None, :]).astype(np.float64)
    within: Floats = values - ((weights * values) @ same) / np.maximum(weights @ same, 1)
    return within


def _correlated(weights: Floats, one: Floats, other: Floats, groups: Groups | None) -> Floats:
    first, second = _centred(weights, one, groups), _centred(weights, other, groups)
    together = (weights * first * second).sum(axis=1)
    return _ratio(together, np.sqrt((weights * first**2).sum(axis=1) * (weights * second**2).sum(axis=1)))


def _over_pairs(weights: Floats, pairs: Floats) -> Floats:
    """(weightings,) the sum of a matrix over all pairs of draws."""
    total: Floats = ((weights @ pairs) * weights).sum(axis=1)
    return total


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    found: Floats = np.where(denominator > TINY, numerator / np.where(denominator > TINY, denominator, 1.0), 0.0)
    return np.clip(found, -1.0, 1.0)
