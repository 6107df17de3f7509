"""The least of one budget that a space can do with, proven where the joint bound can, and a structure that needs no more."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from qeopt.budgets import budget
from qeopt.infeasibility.descent import ROUNDS, Need, descend, shares_of
from qeopt.infeasibility.network import fast_exact, fixed_totals
from qeopt.memory import Limits
from qeopt.network import Network
from qeopt.qbr import Impossible, Refiner
from qeopt.relaxation.bound import JointBound
from qeopt.relaxation.bound.feasibility import EXCLUDED, feasibility, proof_that_none_fits
from qeopt.score.zero import ZeroObjective
from qeopt.space import Space, Structure, Task
from qeopt_solvers.explain import least_relaxation

JUMPS = 12
"""Times that the bound is asked for a structure that needs less at most; each takes walks over the space."""
MET = 3
"""Structures that the bound met of which the best is taken."""


@dataclass(frozen=True, slots=True)
class Least:
    """How little of one budget is enough for some structure of a space."""

    name: str
    """The budget."""
    amount: int | None
    """Bytes of memory, units of anything else; None where no structure was found that any amount is enough for."""
    structure: Structure
    """A structure that this much is enough for."""
    proven: bool
    """Whether no structure of the space runs with less at any legal bits; where no amount is enough, whether that is proven."""


def least_of(
    space: Space,
    task: Task,
    refiner: Refiner,
    name: str,
    beside: Iterable[str] = (),
    *,
    start: Structure | None = None,
    enough: int = 0,
) -> Least:
    """Find the least of one budget with which some structure of `space` runs at some legal bits.

    A structure that needs little is found by a descent. Then the joint bound is asked whether any structure needs less: it proves
    that none does, or meets one that may, from which the same goes on.

    Args:
        space: Structures.
        task: What the network reads and tells apart.
        refiner: The terms; its limit of `name` is left aside.
        name: The budget.
        beside: Names of the budgets that hold meanwhile.
        start: Where the descent starts; the smallest structure by default.
        enough: A structure that needs no more than this ends the search, and nothing is proven of it.
    """
    return _MinimumBudgetSearch(space, task, refiner, name, only(refiner.limits, beside), enough).find(start or space.smallest())


@dataclass(frozen=True)
class _MinimumBudgetSearch:
    """The least of one budget while others hold."""

    space: Space
    task: Task
    refiner: Refiner
    name: str
    held: Limits
    enough: int

    def find(self, start: Structure) -> Least:
        """The least, as far as it can be proven."""
        best = self._descend(start, 1)
        amount = self._amount(best)
        for _ in range(JUMPS):
            if amount is not None and amount <= self.enough:
                break
            if amount == 1:  # less is no budget
                return Least(self.name, amount, best, proven=True)
            bound = self._below(amount)
            if bound is None:
                break
            if bound.value < EXCLUDED:
                return Least(self.name, amount, best, proven=True)
            met = min(bound.structures[:MET], key=self._first)
            nearer = self._descend(met, 1) if self._first(met) < self._first(best) else self._descend(best, ROUNDS)
            if self._first(nearer) >= self._first(best):
                break
            best, amount = nearer, self._amount(nearer)
        return Least(self.name, amount, best, proven=False)

    def _descend(self, start: Structure, rounds: int) -> Structure:
        return descend(self.space, self.task, start, self._need, rounds=rounds)

    def _first(self, structure: Structure) -> float:
        """The amount, to compare structures by."""
        amount = self._amount(structure)
        return math.inf if amount is None else amount

    def _need(self, network: Network) -> Need:
        """What is needed of the budgets that hold, if it is more than they allow; of the one in question; of all together."""
        shares = shares_of(replace(self.refiner, limits=self.refiner.limits.but(**{self.name: 1})), network)
        if shares is None:
            return math.inf, math.inf, math.inf
        over = max((share for other, share in shares.items() if other in self.held), default=0.0)
        own = shares.pop(self.name)
        return max(over, 1.0), own, sum(shares.values()) + own / max(self.refiner.limits.get(self.name, 1), 1)

    def _amount(self, structure: Structure) -> int | None:
        """The least of the budget with which a structure runs while the others hold; None where nothing is enough."""
        return least_need(self.refiner, self.space.expand(structure, self.task), self.name, self.held)

    def _below(self, amount: int | None) -> JointBound | None:
        """The bound over the space with less than `amount` (any, if None) where nothing has a worth; None where there is none."""
        own = None if amount is None else amount - 1
        terms = replace(self.refiner, limits=self.held.but(**{self.name: own}))
        return feasibility(self.space, self.task, terms)


def only(limits: Limits, names: Iterable[str]) -> Limits:
    """Some of the limits, no others."""
    return Limits(**{name: limits.get(name) for name in names})


def least_need(refiner: Refiner, network: Network, name: str, held: Limits) -> int | None:
    """The least of one budget with which `network` runs at some legal bits while `held` holds; None where nothing is enough.

    Bytes of memory, units of anything else. Addresses of buffers, and code beyond the least, are left aside.
    """
    if budget(name).is_structural(refiner.runtime):
        terms = replace(refiner, limits=held, objective=ZeroObjective())
        compiled = terms.compile(network)
        if isinstance(compiled, Impossible) or fixed_totals(terms, network):
            return None
        found = least_relaxation(compiled.problem, {}, engine=fast_exact(refiner))
        return refiner.structural_totals(network)[name] if found.suffices else None
    terms = replace(refiner, limits=held.but(**{name: 1}), objective=ZeroObjective())
    compiled = terms.compile(network)
    if isinstance(compiled, Impossible) or fixed_totals(terms, network):
        return None
    unit = refiner.runtime.unit_per_byte if budget(name).unit.is_memory else 1
    found = least_relaxation(compiled.problem, {name: unit}, engine=fast_exact(refiner))
    return 1 + found.extra[0][1] // unit if found.suffices and found.proven else None


def excludes_all(space: Space, task: Task, refiner: Refiner) -> bool:
    """Whether the joint bound proves that no structure of `space` meets all budgets at any legal bits."""
    return proof_that_none_fits(space, task, refiner) is not None
