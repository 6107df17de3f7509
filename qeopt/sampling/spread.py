"""Choose few of many so that they lie evenly along a quantity, its rare values included."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def spread(values: Sequence[float], count: int) -> tuple[int, ...]:
    """The places of `count` values that lie as evenly as they can between the least and the most, in ascending order of place.

    The range is cut into `count` equal parts and one value of each part that has any is taken, the first that came; what is left
    over is dealt out part by part, fewest taken first. So where values are rare, all of them are taken.

    Args:
        values: What is known of each.
        count: How many to choose; all where there are no more.
    """
    found: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    if count >= len(found):
        return tuple(range(len(found)))
    low, high = float(found.min()), float(found.max())
    parts = np.minimum(((found - low) / max(high - low, 1e-300) * count).astype(np.int64), count - 1)
    queues = [list(np.flatnonzero(parts == part)) for part in np.unique(parts)]
    chosen: list[int] = []
    while len(chosen) < count:
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(int(queue.pop(0)))
    return tuple(sorted(chosen))
