"""Structures of a space that need little of the budgets: one choice after the other takes the value that needs least."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from qeopt.network import Network
from qeopt.qbr import Impossible, Refiner
from qeopt.qbr.reasons import least_shares
from qeopt.score.zero import ZeroObjective
from qeopt.space import Space, Structure, Task
from qeopt.space.genes import Value

ROUNDS = 20
"""Times that every choice is tried once more at most."""

Need = tuple[float, ...]
"""What a network needs, the most important first; less is better."""


def descend(
    space: Space, task: Task, start: Structure, need: Callable[[Network], Need], *, enough: Need = (), rounds: int = ROUNDS
) -> Structure:
    """Change one choice at a time as long as that lowers the need, until it is `enough` at most."""
    known: dict[Structure, Need] = {}
    best, least = start, need(space.expand(start, task))
    for _ in range(rounds):
        before = best
        for place in range(len(space.genes)):
            for other in _others(space, best, place):
                if least <= enough:
                    return best
                if other not in known:
                    known[other] = need(space.expand(other, task))
                if known[other] < least:
                    best, least = other, known[other]
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


def overuse(refiner: Refiner, network: Network) -> Need:
    """The largest share of a budget that is needed, then the sum over all budgets; infinite where no bits are legal."""
    shares = shares_of(refiner, network)
    return (math.inf, math.inf) if shares is None else (max(shares.values(), default=0.0), sum(shares.values()))


def shares_of(refiner: Refiner, network: Network) -> dict[str, float] | None:
    """By budget: the share of it that is needed at the fewest legal bits; None where no bits are legal."""
    compiled = replace(refiner, objective=ZeroObjective(), settles_ties=False).compile(network)
    if isinstance(compiled, Impossible):
        return None
    limits = refiner.limits
    totals = {name: used / max(limits[name], 1) for name, used in refiner.structural_totals(network).items() if name in limits}
    return least_shares(compiled) | totals
