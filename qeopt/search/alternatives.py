"""Designs beside the best: within a stated share of its score, and as different from each other as can be found.

The score is a proxy. Somebody who can train several networks wants to choose among ones that differ, not among siblings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import SeedSequence

from qeopt.relaxation.cells.tables import Floats
from qeopt.relaxation.rating.floor import Floor
from qeopt.search.breeding import Breeder
from qeopt.search.island import Terms
from qeopt.search.result import Alternative, Best
from qeopt.space import Space, Structure

ROUNDS = 8
CHILDREN = 256
KEPT_PER_ALTERNATIVE = 8
"""Structures kept between rounds for each alternative wanted: those farthest from each other."""
MOST_MOVES = 8
STREAM = 0xA17
"""Tells the random streams apart from those of the islands."""


def find_alternatives(terms: Terms, best: Best, around: Sequence[Structure]) -> tuple[Best, tuple[Alternative, ...]]:
    """Spread out from the best structure and those around it; return the best of all designs met, and those beside it.

    The same terms and structures give the same designs.
    """
    wanted = terms.settings.alternatives
    if wanted == 0:
        return best, ()
    floor = best.score - terms.settings.alternatives_within * abs(best.score)
    pool = _spread_out(terms, best.structure, _above(terms, around, floor), floor, KEPT_PER_ALTERNATIVE * wanted)
    found: list[Best] = []
    while pool and len(found) < wanted:
        chosen = [best.structure, *(design.structure for design in found)]
        structure = pool.pop(int(_distances(terms.space, pool, chosen).min(axis=1).argmax()))
        refined = terms.refiner.refine(terms.space.expand(structure, terms.task))
        if refined.score is not None and refined.score >= floor:
            found.append(Best(structure, refined, refined.score))
    designs = [best, *found]
    top = max(designs, key=lambda design: design.score)  # a search that ended early may be beaten here
    others = [design for design in designs if design is not top]
    return top, tuple(Alternative(design, distance(terms.space, top.structure, design.structure)) for design in others)


def distance(space: Space, first: Structure, second: Structure) -> float:
    """How much two structures differ: the mean over the open choices of |ln a/b| / ln(greatest/least), between 0 and 1."""
    return float(_distances(space, [first], [second])[0, 0])


def _spread_out(terms: Terms, best: Structure, pool: list[Structure], floor: float, kept: int) -> list[Structure]:
    """Make children of the pool that stay above the floor, keeping those that are farthest apart."""
    breeder = Breeder(terms.space, terms.settings)
    genome = breeder.genome
    known = {best, *pool}
    for number in range(ROUNDS):
        rng = np.random.default_rng(SeedSequence([terms.settings.seed, STREAM, number]))
        parents = genome.read([best, *pool])[rng.integers(1 + len(pool), size=CHILDREN)]
        moved = breeder.moved(parents, rng.integers(1, MOST_MOVES + 1, size=CHILDREN), rng)
        children = [child for child in dict.fromkeys(genome.structures(moved[genome.follow_rules(moved)])) if child not in known]
        known.update(children)
        pool = _farthest(terms.space, best, [*pool, *_above(terms, children, floor)], kept)
    return pool


def _above(terms: Terms, structures: Sequence[Structure], floor: float) -> list[Structure]:
    """Those that could score at least `floor`."""
    if not structures:
        return []
    rater = terms.rater()
    ratings = rater.rate(rater.genome.read(structures), Floor(floor))
    return [structure for structure, rating in zip(structures, ratings.tolist(), strict=True) if rating >= floor]


def _farthest(space: Space, best: Structure, pool: Sequence[Structure], count: int) -> list[Structure]:
    """Up to `count` structures, each the farthest from the best and from those taken before it."""
    rest = list(pool)
    nearest = _distances(space, rest, [best]).min(axis=1) if rest else np.zeros(0)
    taken: list[Structure] = []
    while len(taken) < count and nearest.size and nearest.max() > 0:
        place = int(nearest.argmax())
        taken.append(rest[place])
        nearest = np.minimum(nearest, _distances(space, rest, [rest[place]])[:, 0])
    return taken


def _distances(space: Space, rows: Sequence[Structure], columns: Sequence[Structure]) -> Floats:
    """(rows, columns) distances."""
    open_genes = [(index, values) for index, (_, _, values) in enumerate(space.genes) if len(values) > 1]
    least = np.log([min(values) for _, values in open_genes])
    reach = np.log([max(values) for _, values in open_genes]) - least
    places = [
        (np.log([[structure.values[index] for index, _ in open_genes] for structure in side]) - least) / reach
        for side in (rows, columns)
    ]
    found: Floats = np.abs(places[0][:, None, :] - places[1][None, :, :]).mean(axis=2)
    return found
