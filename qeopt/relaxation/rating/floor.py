"""What a structure must be able to score to matter to a search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qeopt.relaxation.cells.tables import Floats


@dataclass(frozen=True, slots=True)
class Floor:
    """Below it a structure neither beats the best nor is among the `kept` best. The default rules nothing out."""

    best: float = -np.inf
    """The score to beat, in nats."""
    kept: int = 0
    """How many structures a search keeps, whether they beat the best or not."""
    members: tuple[float, ...] = ()
    """What those that it keeps now can score, in nats."""

    def beside(self, rated: Floats) -> float:
        """The floor when structures of these scores stand beside the members: the more are good, the higher it is."""
        if not self.kept:
            return self.best
        values = np.concatenate([np.array(self.members), rated])
        if len(values) < self.kept:
            return -np.inf
        return min(self.best, float(np.partition(values, -self.kept)[-self.kept]))

    @property
    def now(self) -> float:
        """The floor beside the members alone."""
        return self.beside(np.zeros(0))


NO_FLOOR = Floor()
