"""Bootstrap intervals over structures: designs of one structure are no independent witnesses and are drawn together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its bootstrap percentile interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """`+0.47 [+0.10, +0.75]`."""
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval is on one side of zero."""
        return self.low > 0 or self.high < 0


def resamples(groups: Integers, number: int = RESAMPLES, seed: int = 0) -> Iterator[Integers]:
    """Yield rows of designs: as many structures as there are, drawn with replacement, each with all its designs."""
    names = np.unique(groups)
    members = [np.flatnonzero(groups == name) for name in names]
    rng = np.random.default_rng(seed)
    for _ in range(number):
        yield np.concatenate([members[place] for place in rng.integers(len(names), size=len(names))])


def interval(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval of bootstrap values."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def estimate(statistic: Callable[[Integers], float], groups: Integers, number: int = RESAMPLES, seed: int = 0) -> Estimate:
    """A statistic of some rows of designs, over all of them and with its interval."""
    found = np.array([statistic(rows) for rows in resamples(groups, number, seed)])
    return Estimate(statistic(np.arange(len(groups))), *interval(found))
