"""Draw structures uniformly among those whose bits are a real question: some bits fit, 8 bits everywhere do not.

Or, where that is asked for, among all that some bits fit.

Draws are uniform over the structures that follow the space's rules; what cannot fit whatever its bits is thrown away, most of it
by a bound over whole arrays of draws. Rejection keeps the draws uniform.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from qeopt.network import Network
from qeopt.qbr import Refiner
from qeopt.sampling.screen import Column, may_fit
from qeopt.space import Space, Structure, Task
from qeopt.space.genes import Value

BATCH = 20_000
MOST_BATCHES = 500
"""Where drawing ends; a space in which nothing is a question would be drawn from for ever."""
MOST_LOOKED_AT = 50
"""Structures looked at exactly, for each one asked for."""
BASELINE_BITS = 8


@dataclass
class Rejected:
    """Draws that are no question, by reason."""

    nothing_fits: int = 0
    """No bits fit SRAM and flash, or the layers or MACs are over budget."""
    eight_bits_fit: int = 0
    """8 bits everywhere fit."""
    repeated: int = 0
    """Drawn before."""


@dataclass
class Sampler:
    """Draws structures of one space under one set of terms, the same for the same seed."""

    space: Space
    task: Task
    refiner: Refiner
    seed: int
    rejected: Rejected = field(default_factory=Rejected)
    any_that_fit: bool = False
    """Take structures that fit at 8 bits, too."""

    def draw(self, count: int) -> Iterator[Structure]:
        """Yield up to `count` different structures; fewer where looking on does not pay (`MOST_BATCHES`, `MOST_LOOKED_AT`)."""
        found = 0
        looked_at: set[Structure] = set()
        for batch in range(MOST_BATCHES):
            rng = np.random.default_rng(SeedSequence([self.seed, batch]))
            columns = self._columns(rng)
            last = -1
            for index in np.flatnonzero(self._could_fit(columns)):
                if found == count or len(looked_at) >= MOST_LOOKED_AT * (count + 1):
                    return
                self.rejected.nothing_fits += int(index) - last - 1
                last = int(index)
                structure = Structure(
                    tuple(_value(values, column[index]) for values, column in zip(self.allowed, columns, strict=True))
                )
                if structure in looked_at:
                    self.rejected.repeated += 1
                    continue
                looked_at.add(structure)
                if self._is_question(structure):
                    found += 1
                    yield structure
            self.rejected.nothing_fits += BATCH - last - 1

    @cached_property
    def allowed(self) -> tuple[tuple[Value, ...], ...]:
        """By gene, the values that fit with the least of everything else; no structure with another value can."""
        smallest = self.space.smallest()
        found = []
        for gene, (_, _, values) in enumerate(self.space.genes):
            probes = [np.full(len(values), float(value)) for value in smallest.values]
            probes[gene] = np.array(values, dtype=np.float64)
            for before, after in zip(self.space.ruled_widths, self.space.ruled_widths[1:], strict=False):
                if before >= gene:  # a width forces those behind it
                    probes[after] = np.maximum(probes[after], probes[before])
            fits = self._could_fit(probes)
            found.append(tuple(value for value, ok in zip(values, fits, strict=True) if ok) or values[:1])
        return tuple(found)

    def _columns(self, rng: Generator) -> list[Column]:
        """Draw `BATCH` structures that follow the rule of widths, each as likely as any other."""
        columns = [np.array(values, dtype=np.float64)[rng.integers(len(values), size=BATCH)] for values in self.allowed]
        ruled = [np.array(self.allowed[gene], dtype=np.float64) for gene in self.space.ruled_widths]
        for gene, column in zip(self.space.ruled_widths, _ascending(ruled, rng), strict=True):
            columns[gene] = column
        return columns

    def _is_question(self, structure: Structure) -> bool:
        network = self.space.expand(structure, self.task)
        if not self.any_that_fit and self.refiner.only(BASELINE_BITS).refine(network).score is not None:
            self.rejected.eight_bits_fit += 1
            return False
        if self._is_over(network) or self.refiner.refine(network).score is None:
            self.rejected.nothing_fits += 1
            return False
        return True

    def _is_over(self, network: Network) -> bool:
        limits = self.refiner.limits
        return any(total > limits.get(name, total) for name, total in self.refiner.structural_totals(network).items())

    def _could_fit(self, columns: Sequence[Column]) -> NDArray[np.bool_]:
        return may_fit(self.space, self.task, self.refiner, columns)


def _ascending(domains: Sequence[Column], rng: Generator) -> list[Column]:
    """Draw `BATCH` sequences that never decrease, one value from each ascending domain, every such sequence equally likely.

    The number of ways to go on from each value is counted from the back; forward, values are drawn in proportion to it.
    """
    if not domains:
        return []
    ways = [np.ones(len(domains[-1]))]
    for here, after in reversed(list(pairwise(domains))):
        onward = np.append(np.cumsum(ways[0][::-1])[::-1], 0.0)  # ways to go on from the value at each place, or a later one
        ways.insert(0, onward[np.searchsorted(after, here)])
    drawn: list[Column] = []
    start = np.zeros(BATCH, dtype=np.int64)
    for domain, weights in zip(domains, ways, strict=True):
        if drawn:
            start = np.searchsorted(domain, drawn[-1])
        below = np.append(0.0, np.cumsum(weights))
        target = below[start] + rng.random(BATCH) * (below[-1] - below[start])
        place = np.clip(np.searchsorted(below, target, side="right") - 1, start, len(domain) - 1)
        drawn.append(domain[place])
    return drawn


def _value(allowed: Sequence[Value], drawn: float) -> Value:
    """The declared value behind a drawn one: the same number, of the declared type."""
    return allowed[allowed.index(drawn)]
