"""What a run costs: the time of every core that worked for it, and the emissions of that."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

WATTS_PER_CORE = 205 / 52
"""Of an Intel Xeon Platinum 8269CY (the paper's machine): 205 W for 52 logical cores."""
POWER_USAGE_EFFECTIVENESS = 1.58
GRAMS_PER_KWH = 0.954 * 453.59237
"""0.954 lb of CO2e a kWh, average of the USA; with the effectiveness above from Strubell et al., ACL 2019, section 2."""
GRAMS_PER_CORE_HOUR = round(WATTS_PER_CORE / 1000 * POWER_USAGE_EFFECTIVENESS * GRAMS_PER_KWH, 2)
"""Unless stated otherwise. Half an hour of 64 such cores is 0.19 lb, the number that the paper prints for its search."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took."""

    seconds: float
    """On the clock."""
    core_seconds: float
    """Of this process and of the processes that it started and that have ended; not of workers on other machines."""
    grams_per_core_hour: float = GRAMS_PER_CORE_HOUR
    """gCO2e of a core at work for an hour."""

    @property
    def gco2e(self) -> float:
        """Emissions, in grams of CO2 equivalent."""
        return self.core_seconds / 3600 * self.grams_per_core_hour


def total(costs: Sequence[Cost]) -> Cost:
    """What several runs at the same emissions took together; at least one."""
    return Cost(sum(one.seconds for one in costs), sum(one.core_seconds for one in costs), costs[0].grams_per_core_hour)


class Stopwatch:
    """Started where a verb starts."""

    def __init__(self) -> None:
        self._clock = time.monotonic()
        self._cores = _core_seconds()

    def cost(self, grams_per_core_hour: float = GRAMS_PER_CORE_HOUR) -> Cost:
        """What it has cost so far."""
        return Cost(time.monotonic() - self._clock, _core_seconds() - self._cores, grams_per_core_hour)


def _core_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
