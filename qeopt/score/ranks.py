"""Rank correlations: how alike two measurements order the same things. Ties count as ties."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def kendall(one: ArrayLike, other: ArrayLike) -> float:
    """Kendall's tau-b of two samples: (concordant - discordant) / sqrt(pairs not tied in one * pairs not tied in the other).

    Args:
        one: (n,) numbers.
        other: (n,) numbers.

    Returns:
        A number from -1 to 1; 0 where a sample is all ties and so orders nothing.
    """
    first, second = _signs(one), _signs(other)
    together = float((first * second).sum())
    untied = float(np.abs(first).sum()) * float(np.abs(second).sum())
    return together / untied**0.5 if untied else 0.0


def spearman(one: ArrayLike, other: ArrayLike) -> float:
    """Spearman's rho of two samples: Pearson's correlation of their ranks, tied values sharing the mean of theirs.

    Args:
        one: (n,) numbers.
        other: (n,) numbers.

    Returns:
        A number from -1 to 1; 0 where a sample is all ties and so orders nothing.
    """
    first, second = _centred_ranks(one), _centred_ranks(other)
    spread = float(first @ first) * float(second @ second)
    return float(first @ second) / spread**0.5 if spread else 0.0


def _signs(sample: ArrayLike) -> NDArray[np.int8]:
    """(n, n) whether each value is above (1), below (-1) or tied with (0) each other."""
    values = np.asarray(sample, dtype=np.float64)
    return np.sign(values[:, None] - values[None, :]).astype(np.int8)


def _centred_ranks(sample: ArrayLike) -> Floats:
    values = np.asarray(sample, dtype=np.float64)
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    ranks: Floats = (last - (sizes - 1) / 2)[group.ravel()]
    centred: Floats = ranks - ranks.mean()
    return centred
