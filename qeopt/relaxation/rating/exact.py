"""What structures score with their best bits, for many structures at once: exact QBR in arrays.

Activations are a dynamic program over the tables of the lookup, weights one knapsack per structure. That is the whole integer
program of a structure where its bits separate and no rule of the study is left out of the tables; see `is_exact`. Where some rule
is left out, the value is an upper bound, and the program of the structure itself decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qeopt.qbr import Refiner
from qeopt.relaxation.cells.left_out import left_out
from qeopt.relaxation.cells.prices import Prices
from qeopt.relaxation.cells.tables import Floats, Integers
from qeopt.relaxation.genome import Genome
from qeopt.relaxation.rating.floor import NO_FLOOR, Floor
from qeopt.relaxation.rating.lookup import Lookup
from qeopt.relaxation.rating.relax import Relaxer
from qeopt.score import MICRO
from qeopt.space import Space, Task
from qeopt_solvers.chains.batch import solve_batch
from qeopt_solvers.chains.distinct import LARGEST, Items


@dataclass(frozen=True)
class Rater:
    """Says what structures of one space score under one set of terms, as well as arrays can tell."""

    space: Space
    task: Task
    refiner: Refiner
    prices: tuple[Prices, ...] = ()
    """Prices that are good ones for the best of the space."""

    @property
    def has_values(self) -> bool:
        """Whether values can be had in arrays: bits separate, and their numbers are small enough for exact sums."""
        return self._tables is not None

    @property
    def is_exact(self) -> bool:
        """Whether a value is the score of the best bits, up to the rounding of gains, and not just an upper bound on it.

        What makes it a bound only: one scratch buffer shared by all steps, memory that operators elsewhere hold for good, addresses
        of buffers, multiples that weights ask for, code, and bits tied within a unit.
        """
        return self.has_values and not left_out(self.refiner)

    @property
    def is_quick(self) -> bool:
        """Whether most structures are rated by looking up, so that thousands may be looked at."""
        return self._relaxer.is_quick

    def relaxed(self, places: Integers, floor: Floor = NO_FLOOR) -> Floats:
        """(structures,) no bits score higher, in nats; -inf where nothing fits. Below the floor bounds may be loose."""
        additive = self.refiner.objective.is_additive
        return self._whole(places, self._relaxer.relax_at(places, floor if additive else NO_FLOOR))

    def values(self, places: Integers) -> Floats:
        """(structures,) score of the best bits, in nats; -inf where none fit.

        Gains of weights are integers as in the program of one structure; those of activations are added up as they are, so a value
        may be off by half a millionth of a nat for each activation decision.

        Raises:
            ValueError: when values cannot be had in arrays.
        """
        if self._tables is None:
            raise ValueError("the bits of this study do not separate: ask `has_values` first")
        lookup, items = self._tables
        activations, constant, spent, weights = lookup.parts(places)
        scores = np.full(len(places), -np.inf)
        some = np.flatnonzero(np.isfinite(activations))
        limit = lookup.budget
        room = np.full(len(some), LARGEST) if limit is None else limit - np.rint(spent[some]).astype(np.int64)
        found = solve_batch(items, weights[some], room)
        scores[some] = np.where(found.feasible, activations[some] + constant[some] + found.value / MICRO, -np.inf)
        scores[some[found.unanswered]] = lookup.bound(places[some[found.unanswered]])
        return self._whole(places, scores)

    def rate(self, places: Integers, floor: Floor = NO_FLOOR) -> Floats:
        """(structures,) relaxed scores, and the values of those that reach the floor, where they can be had."""
        rated = self.relaxed(places, floor)
        if self.has_values:
            some = np.flatnonzero(np.isfinite(rated) & (rated >= floor.now))
            rated[some] = self.values(places[some])
        return rated

    def _whole(self, places: Integers, totals: Floats) -> Floats:
        """(structures,) scores of structures whose terms sum to `totals` at most."""
        objective = self.refiner.objective
        some = np.flatnonzero(np.isfinite(totals))
        if objective.is_additive or not len(some):
            return totals
        scores = totals.copy()
        networks = (self.space.expand(structure, self.task) for structure in self.genome.structures(places[some]))
        scores[some] = [objective.whole(network, total) for network, total in zip(networks, totals[some].tolist(), strict=True)]
        return scores

    @property
    def genome(self) -> Genome:
        """The genes of the space."""
        return self._relaxer.genome

    @cached_property
    def _relaxer(self) -> Relaxer:
        return Relaxer(self.space, self.task, self.refiner, self.prices)

    @cached_property
    def _tables(self) -> tuple[Lookup, Items] | None:
        lookup = self._relaxer.lookup
        return None if lookup is None or lookup.items is None else (lookup, lookup.items)
