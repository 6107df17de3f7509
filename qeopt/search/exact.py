"""What structures score with their best bits, for many structures at once: exact QBR in arrays.

Activations are a dynamic program over the tables of the lookup, weights one knapsack per structure. That is the whole integer
program of a structure where its bits separate and no rule of the study is left out of the tables; see `is_exact`. Where some rule
is left out, the value is an upper bound, and the program of the structure itself decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qeopt.score import MICRO
from qeopt.search.bound.joint import left_out
from qeopt.search.recent import Recent
from qeopt.search.relax import Relaxer
from qeopt.search.tables import Floats
from qeopt.space import Structure
from qeopt_solvers.chains.batch import solve_batch
from qeopt_solvers.chains.distinct import LARGEST, Items

_RECENT: Recent[Items | None] = Recent()


@dataclass(frozen=True)
class Valuer:
    """Finds the values of structures of one space under one set of terms."""

    relaxer: Relaxer

    @property
    def is_available(self) -> bool:
        """Whether values can be had in arrays: bits separate, and their numbers are small enough for exact sums."""
        return self._items is not None

    @property
    def is_exact(self) -> bool:
        """Whether a value is the score of the best bits, up to the rounding of gains, and not just an upper bound on it.

        What makes it a bound only: one scratch buffer shared by all steps, memory that operators elsewhere hold for good, addresses
        of buffers, channel multiples of weights, code, latency, energy, and bits tied within a unit.
        """
        return self.is_available and not left_out(self.relaxer.refiner)

    def values(self, structures: Sequence[Structure]) -> Floats:
        """(structures,) score of the best bits, in nats; -inf where none fit.

        Gains of weights are integers as in the program of one structure; those of activations are added up as they are, so a value
        may be off by half a millionth of a nat for each activation decision.

        Raises:
            ValueError: when values cannot be had in arrays.
        """
        lookup, items = self.relaxer.lookup, self._items
        if lookup is None or items is None:
            raise ValueError("the bits of this study do not separate; ask `is_available` first")
        if not structures:
            return np.zeros(0)
        activations, constant, flash, weights = lookup.parts(lookup.places(structures))
        scores = np.full(len(structures), -np.inf)
        some = np.flatnonzero(np.isfinite(activations))
        limit = self.relaxer.refiner.flash_limit
        room = np.full(len(some), LARGEST) if limit is None else limit - np.rint(flash[some]).astype(np.int64)
        found = solve_batch(items, weights[some], room)
        scores[some] = np.where(found.feasible, activations[some] + constant[some] + found.value / MICRO, -np.inf)
        return scores

    @cached_property
    def _items(self) -> Items | None:
        lookup = self.relaxer.lookup
        return None if lookup is None else lookup.items.collected()
