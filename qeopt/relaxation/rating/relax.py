"""An upper bound on what a structure can score, for many structures at once: exact activations, relaxed totals.

Totals that bits change are priced (Lagrange multipliers); for given prices the best bits are a dynamic program along the chain of
cells over the bits between them. Any prices give a valid bound, and the search narrows in on those that give the least.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from qeopt.budgets import LAYERS
from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.relaxation.cells.lattice import BlockLattice, boundary_widths, build_lattice
from qeopt.relaxation.cells.parting import NotSeparable
from qeopt.relaxation.cells.prices import Prices
from qeopt.relaxation.cells.recent import Recent, fingerprint
from qeopt.relaxation.cells.tables import Floats, Integers
from qeopt.relaxation.cells.totals import totals_of, vector
from qeopt.relaxation.genome import Genome
from qeopt.relaxation.rating.floor import NO_FLOOR, Floor
from qeopt.relaxation.rating.lookup import Lookup, is_separable
from qeopt.relaxation.rating.members import Members, find_members, tabulate_members
from qeopt.space import Space, Structure, Task

GOLDEN = (5**0.5 - 1) / 2
NARROWINGS = 20
"""Golden-section steps per price: the bracket shrinks to less than a ten-thousandth."""
MOST_WORTH = 16.0
"""Highest price looked at, as a multiple of what all weight bits together can gain: tight budgets are worth more than that."""
TOGETHER = 128
"""Structures whose bounds are tightened at a time, the most promising first, where the best of many are asked for."""

NEAR_WORTH = 8.0
"""Where good prices are known, the highest looked at, as a multiple of them."""
NEAR_NARROWINGS = 9
"""Golden-section steps there."""
LEAST_WORTH = 0.02
"""A price that is nothing there is looked for up to this share of the highest otherwise."""

_RECENT: Recent[Lookup | None] = Recent()
_PRICED: Recent[tuple[Lookup, ...]] = Recent()


@dataclass(frozen=True)
class Relaxer:
    """Bounds structures of one space under one set of terms."""

    space: Space
    task: Task
    refiner: Refiner
    prices: tuple[Prices, ...] = ()
    """Prices that are good ones for the best of the space, as its bound finds them."""

    def relax(self, structures: Sequence[Structure]) -> Floats:
        """(structures,) no bits score higher, in nats; -inf where nothing fits."""
        return self.relax_at(self.genome.read(structures))

    def relax_at(self, places: Integers, floor: Floor = NO_FLOOR) -> Floats:
        """The same, given the places of genes; where good prices are known, bounds below the floor may be loose."""
        if not len(places):
            return np.zeros(0)
        if self.lookup is not None:
            return self.lookup.bound(places)
        known = self._priced
        if not known:
            return self._batch(places).relax()
        bounds: Floats = np.min([lookup.bound(places) for lookup in known], axis=0)
        waiting = np.argsort(-bounds, kind="stable")[: np.isfinite(bounds).sum()]
        step = TOGETHER if floor.kept else len(waiting) or 1
        for begin in range(0, len(waiting), step):
            some = waiting[begin : begin + step]
            some = some[bounds[some] >= floor.beside(bounds[waiting[:begin]])]
            if not len(some):
                break
            bounds[some] = np.minimum(bounds[some], self._batch(places[some]).relax())
        return bounds

    @property
    def is_quick(self) -> bool:
        """Whether a bound is a matter of looking up."""
        return self.lookup is not None or bool(self._priced)

    def _batch(self, places: Integers) -> _Batch:
        if self._lattice is None:
            members = tabulate_members(self.space, self.task, self.refiner, self.genome.structures(places))
        else:
            members = find_members(self.space, self._lattice, places)
        return _Batch(self.refiner, members, len(places), self._vectors)

    @cached_property
    def _vectors(self) -> tuple[Floats, ...]:
        """Known prices of what bits change, each (totals,)."""
        totals = totals_of(self.refiner)
        fixed = np.array([total.is_structural for total in totals], dtype=np.bool_)
        return tuple(np.where(fixed, 0.0, vector(totals, prices)) for prices in self.prices)

    @cached_property
    def _priced(self) -> tuple[Lookup, ...]:
        """Tables of the whole space at the known prices."""
        lattice = self._lattice
        if lattice is None or not self._vectors:
            return ()
        start = boundary_widths(self.refiner).index(FIXED_BITS)
        name = f"{fingerprint(self.space, self.task, self.refiner)} {[vector.tolist() for vector in self._vectors]}"
        make = partial(_lookups_at, self.space, self.refiner, lattice, start, self._vectors)
        return _PRICED.get(name, make)

    @cached_property
    def genome(self) -> Genome:
        """The genes of the space."""
        return Genome(self.space)

    @cached_property
    def lookup(self) -> Lookup | None:
        """Tables of the whole space to look cells up in; None where its bits do not separate."""
        return _RECENT.get(fingerprint(self.space, self.task, self.refiner), self._prepare)

    def _prepare(self) -> Lookup | None:
        if self._lattice is None or not is_separable(self._lattice):
            return None
        return Lookup(self.space, self.refiner, self._lattice, boundary_widths(self.refiner).index(FIXED_BITS))

    @cached_property
    def _lattice(self) -> tuple[BlockLattice, ...] | None:
        """All cells of the space; None where it has no lattice."""
        try:
            return build_lattice(self.space, self.task, self.refiner)
        except NotSeparable:
            return None


def _lookups_at(
    space: Space, refiner: Refiner, lattice: Sequence[BlockLattice], start: int, vectors: Sequence[Floats]
) -> tuple[Lookup, ...]:
    return tuple(Lookup(space, refiner, lattice, start, at) for at in vectors)


class _Batch:
    """The cells of a batch of structures."""

    def __init__(self, refiner: Refiner, members: Sequence[Members], size: int, known: Sequence[Floats] = ()) -> None:
        self._known = known
        self._layers = refiner.limits.get(LAYERS.name)
        self._totals = totals_of(refiner)
        self._size = size
        boundary = boundary_widths(refiner)
        self._start = boundary.index(FIXED_BITS)  # the image
        self._widths = len(boundary)
        self._members = members
        self._length = 1 + max(int(cells.slots.max()) for cells in members)

    def relax(self) -> Floats:
        layers = np.zeros(self._size)
        least = np.zeros((len(self._totals), self._size))
        most_gain = np.zeros(self._size)
        for cells in self._members:
            np.add.at(layers, cells.owners, cells.table.layers)
            for total, cost in zip(least, cells.table.least(), strict=True):
                np.add.at(total, cells.owners, cost)
            np.add.at(most_gain, cells.owners, sum(_range(group.gains) for group in cells.table.groups))
        scores = self._least_bound(MOST_WORTH * np.maximum(most_gain, 1.0))
        fits = np.ones(self._size, dtype=np.bool_)
        for used, limit in ((layers, self._layers), *zip(least, (total.limit for total in self._totals), strict=True)):
            if limit is not None:
                fits &= used <= limit
        return np.where(fits, scores, -np.inf)

    def _least_bound(self, most: Floats) -> Floats:
        """Minimise the bound over the prices of the totals that bits change, one price after the other."""
        priced = [number for number, total in enumerate(self._totals) if total.is_priced and not total.is_structural]
        if self._known:
            return self._near_known(most, priced)
        worths = np.zeros((len(self._totals), self._size))
        best = self._bound(worths)
        for _ in range(2 if len(priced) > 1 else 1):
            for number in reversed(priced):
                worths[number], best = _minimise(partial(self._bound_at, worths, number), most)
        return best

    def _near_known(self, most: Floats, priced: Sequence[int]) -> Floats:
        """The same from the best of the known prices."""
        limits = np.array([total.limit or 0 for total in self._totals]).reshape(-1, 1)
        starts = [np.broadcast_to(prices[:, None] * limits, (len(limits), self._size)) for prices in self._known]
        bounds = np.array([self._bound(start) for start in starts])
        worths: Floats = np.choose(bounds.argmin(axis=0), starts).copy() if len(starts) > 1 else starts[0].copy()
        best: Floats = bounds.min(axis=0)
        for number in reversed(priced):
            high = np.maximum(NEAR_WORTH * worths[number], LEAST_WORTH * most)
            worth, found = _minimise(partial(self._bound_at, worths, number), high, NEAR_NARROWINGS)
            better = found < best
            worths[number] = np.where(better, worth, worths[number])
            best = np.minimum(best, found)
        return best

    def _bound_at(self, worths: Floats, number: int, worth: Floats) -> Floats:
        """The bound with another worth of one total."""
        changed = worths.copy()
        changed[number] = worth
        return self._bound(changed)

    def _bound(self, worths: Floats) -> Floats:
        """The bound at given prices, stated as nats that a whole budget is worth: (totals, structures)."""
        prices = worths / np.array([total.limit or 1 for total in self._totals]).reshape(-1, 1)
        chain = np.full((self._length, self._size, self._widths, self._widths), -np.inf)
        chain[:, :, np.arange(self._widths), np.arange(self._widths)] = 0.0  # chains shorter than the longest pass through
        for cells in self._members:
            chain[cells.slots, cells.owners] = np.moveaxis(cells.table.priced(prices[:, cells.owners]), -1, 0)
        value = np.full((self._size, self._widths), -np.inf)
        value[:, self._start] = worths.sum(axis=0)
        for step in chain:
            value = (value[:, :, None] + step).max(axis=1)
        best: Floats = value.max(axis=1)
        return best


def _range(gains: Floats) -> float:
    finite = gains[np.isfinite(gains)]
    return float(finite.max() - finite.min()) if finite.size else 0.0


def _minimise(bound: Callable[[Floats], Floats], high: Floats, narrowings: int = NARROWINGS) -> tuple[Floats, Floats]:
    """Golden-section search of a convex function of one price per structure on [0, high]; returns prices and values."""
    low, high = np.zeros_like(high), high.copy()
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = bound(left), bound(right)
    for _ in range(narrowings):
        keep_left = at_left <= at_right
        low, high = np.where(keep_left, low, left), np.where(keep_left, right, high)
        inner = np.where(keep_left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        at_inner = bound(inner)
        left, right = np.where(keep_left, inner, right), np.where(keep_left, left, inner)
        at_left, at_right = np.where(keep_left, at_inner, at_right), np.where(keep_left, at_left, at_inner)
    at_zero = bound(np.zeros_like(high))
    price = np.where(at_left <= at_right, left, right)
    value = np.minimum(at_left, at_right)
    return np.where(at_zero <= value, 0.0, price), np.minimum(at_zero, value)
