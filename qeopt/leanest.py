"""The structure of a space that comes nearest to its budgets, for when none fits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from qeopt.memory import Limits
from qeopt.network import Network
from qeopt.qbr import Impossible, Refiner
from qeopt.qbr.reasons import least_shares
from qeopt.relief import fast_exact, fixed_totals
from qeopt.search.bound import bound_space
from qeopt.space import Space, Structure, Task
from qeopt.space.genes import Value
from qeopt_solvers.explain import least_relaxation

ROUNDS = 20
"""Times that every choice is tried once more at most."""
JUMPS = 6
"""Times that the bound is asked for a structure with less SRAM at most; each takes a walk over the space."""

Need = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Leanest:
    """A structure that needs little of every budget."""

    structure: Structure
    least_sram_bytes: int | None = None
    """Proven: no structure of the space runs at any legal bits with less SRAM, whatever the other budgets; None: not known."""


def leanest(space: Space, task: Task, refiner: Refiner) -> Leanest:
    """Find a structure whose largest overuse at the fewest legal bits is small; the smallest structure unless another needs less.

    Where kernels want channels in certain multiples, a wider structure may have fewer bits and need less. From the smallest
    structure, one choice after the other takes the value that needs least, until none helps. Where SRAM is what is short, the joint
    bound then either proves that no structure needs less of it or gives one that does, from which the same goes on.
    """
    best = _descend(space, task, refiner, space.smallest())
    if not _sram_is_short(refiner, space.expand(best, task)):
        return Leanest(best)
    for _ in range(JUMPS):
        need = _least_sram(refiner, space.expand(best, task))
        if need is None:
            break
        below = replace(refiner, limits=Limits(sram_bytes=need - 1))
        bound = bound_space(space, task, below, tolerance=1.0, most_walks=1)
        if bound is None:
            break
        if bound.value == -math.inf:
            return Leanest(best, need)
        best = _descend(space, task, refiner, bound.structures[0])
    return Leanest(best)


def _descend(space: Space, task: Task, refiner: Refiner, start: Structure) -> Structure:
    """Change one choice at a time as long as that lowers the need."""
    best, least = start, _need(refiner, space.expand(start, task))
    for _ in range(ROUNDS):
        before = best
        for place in range(len(space.genes)):
            for other in _others(space, best, place):
                need = _need(refiner, space.expand(other, task))
                if need < least:
                    best, least = other, need
        if best == before:
            break
    return best


def _others(space: Space, structure: Structure, place: int) -> Iterator[Structure]:
    """Every structure with another value at a place; where widths may not decrease, those before and after follow."""
    for value in space.genes[place][2]:
        found: list[Value] = list(structure.values)
        found[place] = value
        if place in space.ruled_widths:
            for index in space.ruled_widths:
                allowed = space.genes[index][2]
                if index < place:
                    found[index] = min(found[index], max((width for width in allowed if width <= value), default=found[index]))
                elif index > place:
                    found[index] = max(found[index], min((width for width in allowed if width >= value), default=found[index]))
        other = Structure(tuple(found))
        if other != structure and space.follows_rules(other):
            yield other


def _need(refiner: Refiner, network: Network) -> Need:
    """The largest share of a budget that is needed, then the sum over all budgets; infinite where no bits are legal."""
    compiled = refiner.compile(network)
    if isinstance(compiled, Impossible):
        return math.inf, math.inf
    shares = least_shares(compiled)
    shares |= {total.name: total.needed / total.limit for total in fixed_totals(refiner, network)}
    return max(shares.values(), default=0.0), sum(shares.values())


def _sram_is_short(refiner: Refiner, network: Network) -> bool:
    compiled = refiner.compile(network)
    return not isinstance(compiled, Impossible) and least_shares(compiled).get("sram", 0.0) > 1


def _least_sram(refiner: Refiner, network: Network) -> int | None:
    """Least SRAM with which `network` runs at some legal bits, other budgets aside; None where no bits are legal."""
    compiled = replace(refiner, limits=Limits(sram_bytes=1)).compile(network)
    if isinstance(compiled, Impossible):
        return None
    found = least_relaxation(compiled.problem, {"sram": refiner.runtime.unit_per_byte}, engine=fast_exact(refiner))
    return 1 + found.extra[0][1] // refiner.runtime.unit_per_byte if found.suffices and found.proven else None
