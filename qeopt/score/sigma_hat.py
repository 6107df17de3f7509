"""Spread of a quantised Gaussian, in closed form (paper, appendix: quantiser bounds and step)."""

from __future__ import annotations

import math
from functools import cache

_TAIL_SIGMAS = 40  # beyond this many sigmas the tail is zero in double precision


@cache
def sigma_hat(bits: int, sigma: float) -> float:
    """Standard deviation of `round(clip(x, -B, +B))` with `B = 2^(bits - 1)` for `x ~ N(0, sigma^2)`.

    sigma_hat^2 = 2 sum_{k=1..B} (2k - 1) Q((k - 1/2) / sigma), Q the upper tail of the Gaussian. The mean is zero because the
    bounds are symmetric, so this is also the root mean square.

    Raises:
        ValueError: for `bits < 1` or `sigma <= 0`.
    """
    if bits < 1 or not sigma > 0:
        raise ValueError(f"sigma_hat needs bits >= 1 and sigma > 0, not {bits} and {sigma}")
    last = min(2 ** (bits - 1), math.ceil(_TAIL_SIGMAS * sigma) + 1)
    # erfc(z / sqrt 2) = 2 Q(z); summed from the small terms up
    return math.sqrt(math.fsum((2 * k - 1) * math.erfc((k - 0.5) / (sigma * math.sqrt(2))) for k in range(last, 0, -1)))
