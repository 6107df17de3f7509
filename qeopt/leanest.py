"""The structure of a space that comes nearest to its budgets, for when none fits."""

from __future__ import annotations

from qeopt.network import Network
from qeopt.qbr import Impossible, Refiner
from qeopt.qbr.reasons import least_shares
from qeopt.relief import fixed_totals
from qeopt.space import Space, Structure, Task

ROUNDS = 20
"""Times that every choice is tried once more at most."""

Need = tuple[float, float]


def leanest(space: Space, task: Task, refiner: Refiner) -> Structure:
    """Find a structure whose largest overuse at the fewest legal bits is small; the smallest structure unless another needs less.

    Where kernels want channels in certain multiples, a wider structure may have fewer bits and need less. From the smallest
    structure, one choice after the other takes the value that needs least, until none helps.
    """
    best = space.smallest()
    least = _need(refiner, space.expand(best, task))
    for _ in range(ROUNDS):
        before = best
        for place, (_, _, values) in enumerate(space.genes):
            for value in values:
                other = Structure((*best.values[:place], value, *best.values[place + 1 :]))
                if other == best or not space.follows_rules(other):
                    continue
                need = _need(refiner, space.expand(other, task))
                if need < least:
                    best, least = other, need
        if best == before:
            break
    return best


def _need(refiner: Refiner, network: Network) -> Need:
    """The largest share of a budget that is needed, then the sum over all budgets; infinite where no bits are legal."""
    compiled = refiner.compile(network)
    if isinstance(compiled, Impossible):
        return float("inf"), float("inf")
    shares = least_shares(compiled)
    shares |= {total.name: total.needed / total.limit for total in fixed_totals(refiner, network)}
    return max(shares.values(), default=0.0), sum(shares.values())
