"""Polish the structures that found a search: look at all that differ from them in one or two choices, and go on from the best.

A look at a thousand neighbours takes milliseconds where values can be had in arrays; elsewhere evolution does this work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome
from qeopt.relaxation.rating.exact import Rater
from qeopt.search.island import Island, Terms, evaluated
from qeopt.space import Structure

NEAR = 2
"""Places along a gene's values that one change may go."""
SHARE = 0.5
"""Of the structures that a search may evaluate, those that polishing may take."""
AHEAD = 8
"""Members of the population, the best, that are all looked around from before polishing ends."""

MOST_CHANGES = 20_000
"""Neighbours of one structure that are looked at."""

Change = tuple[int, int]
"""A gene and the place among its values that it goes to."""


def polishing(terms: Terms, rater: Rater, island: Island, founders: Sequence[Structure]) -> Iterator[Island]:
    """Look around from every founder, then from the best members, until none of these is left or the share is used up.

    Yields:
        The island after every look.
    """
    if not rater.is_quick:
        return
    most = int(SHARE * terms.settings.evaluations)
    seen = set(island.seen)
    around: set[Structure] = set()
    while True:
        members = [member.structure for member in island.population]
        known = set(members)
        waiting = [*(founder for founder in founders if founder in known), *members[:AHEAD]]
        start = next((structure for structure in waiting if structure not in around), None)
        if start is None:
            break
        around.add(start)
        places = neighbours(rater.genome, rater.genome.read([start])[0], min(most, MOST_CHANGES))
        codes = rater.genome.codes(places)
        fresh = [row for row, code in enumerate(codes) if code not in seen]
        if island.evaluations + len(fresh) > most:
            break
        seen.update(codes)
        island = replace(evaluated(terms, rater, island, places[fresh]), seen=frozenset(seen))
        yield island


def _pairs(singles: Sequence[Change], most: int) -> list[tuple[Change, Change]]:
    """Two changes of different genes: all where these are no more than `most`, else those of the nearest genes."""
    genes = np.array([gene for gene, _ in singles], dtype=np.int64)
    apart, counts = np.unique(np.abs(genes[:, None] - genes[None, :])[np.triu_indices(len(genes), 1)], return_counts=True)
    counts = np.where(apart > 0, counts, 0).cumsum()
    reach = int(apart[counts <= most].max(initial=0))
    return [
        (one, other) for index, one in enumerate(singles) for other in _until(singles, index, one[0] + reach) if one[0] < other[0]
    ]


def _until(singles: Sequence[Change], index: int, last: int) -> Iterator[Change]:
    """The changes behind one, which are by ascending genes, up to a gene."""
    for other in islice(singles, index + 1, None):
        if other[0] > last:
            return
        yield other


def neighbours(genome: Genome, places: Integers, most: int = MOST_CHANGES) -> Integers:
    """Every structure that follows the rules and differs in one or two genes, by up to `NEAR` places each.

    Where that is more than `most`, two genes change only as near each other as leaves no more than that: the count then grows with
    the genes and not with their square.
    """
    singles = [
        (gene, place)
        for gene, (size, own) in enumerate(zip(genome.sizes.tolist(), places.tolist(), strict=True))
        for place in range(max(own - NEAR, 0), min(own + NEAR + 1, size))
        if place != own
    ]
    changes = [(one, one) for one in singles]
    changes += _pairs(singles, most - len(singles))
    changed = np.repeat(places[None], len(changes), axis=0)
    where = np.array(changes, dtype=np.int64).reshape(len(changes), 2, 2)
    for half in (0, 1):
        changed[np.arange(len(changes)), where[:, half, 0]] = where[:, half, 1]
    return changed[genome.follow_rules(changed)]
