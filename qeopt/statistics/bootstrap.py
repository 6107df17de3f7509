"""Bootstrap intervals over structures: designs of one structure are no independent witnesses and are drawn together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, its bootstrap percentile interval, and how surely it is not zero."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided: twice the smaller share of resamples on either side of zero. Not corrected for the number of looks."""

    @classmethod
    def of(cls, values: Floats) -> Estimate:
        """Of a statistic, by weighting: the designs as they are come first, resamples after."""
        found = values[1:]
        low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        side = min(int((found <= 0).sum()), int((found >= 0).sum()))
        return cls(float(values[0]), float(low), float(high), min((1 + 2 * side) / (1 + len(found)), 1.0))

    def __str__(self) -> str:
        """`+0.47 [+0.10, +0.75]`."""
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def weightings(groups: NDArray[np.int64], number: int = RESAMPLES, seed: int = 0) -> Floats:
    """(1 + number, designs) how often each design counts: once, then as its structure is drawn.

    Args:
        groups: (designs,) number of the structure of each; structures are drawn with replacement, with all their designs.
        number: Resamples.
        seed: Of the draws.
    """
    _, place = np.unique(groups, return_inverse=True)
    structures = int(place.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(structures, np.full(structures, 1 / structures), size=number)
    return np.concatenate([np.ones((1, len(groups))), drawn[:, place.ravel()].astype(np.float64)])


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """p-values corrected for their number (Holm, 1979): all of them hold together with the stated probability."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    least = 0.0
    for place, index in enumerate(order):
        least = max(least, min((len(values) - place) * values[index], 1.0))
        found[index] = least
    return tuple(found)
