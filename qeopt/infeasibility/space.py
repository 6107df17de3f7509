"""The least of one budget that a space can do with, proven where the joint bound can, and a structure that needs no more."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from qeopt.hardware import Runtime
from qeopt.hardware.formula import Formula
from qeopt.infeasibility.descent import ROUNDS, Need, descend, shares_of
from qeopt.infeasibility.network import FIELDS, MEMORIES, WHATEVER_THE_BITS, fast_exact, fixed_totals, stated, totals_of
from qeopt.memory import Limits
from qeopt.network import Network, Op, OpKind, Tensor
from qeopt.qbr import Impossible, Refiner
from qeopt.relaxation.bound import JointBound, bound_space
from qeopt.space import Space, Structure, Task
from qeopt_solvers.explain import least_relaxation

JUMPS = 12
"""Times that the bound is asked for a structure that needs less at most; each takes walks over the space."""
MET = 3
"""Structures that the bound met of which the best is taken."""
WALKS = 40
"""Walks at most, to find prices at which several budgets together exclude every structure."""
EXCLUDED = -1e-9
"""Below this the bound says that nothing is feasible: without a score it is 0 where something is, but for sums of floats."""

ESTIMATES = ("cycles", "picojoules")
"""Budgets of what a runtime estimates."""
NOTHING = Formula.parse(0)


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


@dataclass(frozen=True, slots=True)
class Indifferent:
    """An objective under which every design is worth nothing: what is left of a search is whether something fits."""

    def check(self, network: Network) -> str | None:
        """It can say of any network that it is worth nothing."""
        return None

    def constant(self, network: Network) -> float:
        """Nothing."""
        return 0.0

    def weight_gain(self, network: Network, op: Op, bits: int) -> float:
        """Nothing."""
        return 0.0

    def activation_gain(self, network: Network, op: Op, tensor: Tensor, bits: int) -> float:
        """Nothing."""
        return 0.0


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
    return _Quest(space, task, refiner, name, only(refiner.limits, beside), enough).find(start or space.smallest())


@dataclass(frozen=True)
class _Quest:
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
        shares = shares_of(replace(self.refiner, limits=replace(self.refiner.limits, **{FIELDS[self.name]: 1})), network)
        if shares is None:
            return math.inf, math.inf, math.inf
        over = max((share for other, share in shares.items() if other in stated(self.held)), default=0.0)
        own = shares.pop(self.name)
        return max(over, 1.0), own, sum(shares.values()) + own / max(stated(self.refiner.limits).get(self.name, 1), 1)

    def _amount(self, structure: Structure) -> int | None:
        """The least of the budget with which a structure runs while the others hold; None where nothing is enough."""
        return least_need(self.refiner, self.space.expand(structure, self.task), self.name, self.held)

    def _below(self, amount: int | None) -> JointBound | None:
        """The bound over the space with less than `amount` (any, if None) where nothing has a worth; None where there is none."""
        own = {} if amount is None else {FIELDS[self.name]: amount - 1}
        terms = _as_bitops(replace(self.refiner, limits=replace(self.held, **own), objective=Indifferent()), self.name)
        return _feasibility(self.space, self.task, terms)


def only(limits: Limits, names: Iterable[str]) -> Limits:
    """Some of the limits, no others."""
    return Limits(**{FIELDS[name]: getattr(limits, FIELDS[name]) for name in names})


def least_need(refiner: Refiner, network: Network, name: str, held: Limits) -> int | None:
    """The least of one budget with which `network` runs at some legal bits while `held` holds; None where nothing is enough.

    Bytes of memory, units of anything else. Addresses of buffers, and code beyond the least, are left aside.
    """
    if name in WHATEVER_THE_BITS:
        terms = replace(refiner, limits=held, objective=Indifferent())
        compiled = terms.compile(network)
        if isinstance(compiled, Impossible) or fixed_totals(terms, network):
            return None
        found = least_relaxation(compiled.problem, {}, engine=fast_exact(refiner))
        return totals_of(refiner, network)[name] if found.suffices else None
    terms = replace(refiner, limits=replace(held, **{FIELDS[name]: 1}), objective=Indifferent())
    compiled = terms.compile(network)
    if isinstance(compiled, Impossible) or fixed_totals(terms, network):
        return None
    unit = refiner.runtime.unit_per_byte if name in MEMORIES else 1
    found = least_relaxation(compiled.problem, {name: unit}, engine=fast_exact(refiner))
    return 1 + found.extra[0][1] // unit if found.suffices and found.proven else None


def excludes_all(space: Space, task: Task, refiner: Refiner) -> bool:
    """Whether the joint bound proves that no structure of `space` meets all budgets at any legal bits."""
    bound = _feasibility(space, task, _as_bitops(replace(refiner, objective=Indifferent()), "bitops"))
    return bound is not None and bound.value < EXCLUDED


def _feasibility(space: Space, task: Task, terms: Refiner) -> JointBound | None:
    """The bound where nothing has a worth: below 0 where nothing is feasible."""
    return bound_space(space, task, terms, tolerance=0.0, most_walks=WALKS, found=lambda value, _: value < EXCLUDED)


def _as_bitops(refiner: Refiner, name: str) -> Refiner:
    """The same terms for the bound, which knows one total that couples bits: an estimate is read as bit operations.

    Of several such totals, `name` comes first and the others are left aside, which keeps a bound valid; so is an estimate that
    depends on the bits of outputs.
    """
    limits, runtime = refiner.limits, refiner.runtime
    wanted = [kind for kind in (name, "bitops", *ESTIMATES) if kind in stated(limits) and (kind == "bitops" or kind in ESTIMATES)]
    plain = replace(limits, cycles=None, picojoules=None)
    for kind in wanted:
        if kind == "bitops":
            return replace(refiner, limits=plain)
        formulas = _estimate(runtime, kind)
        if not any("out_bits" in formula.names for formula in formulas.values()):
            costs = {op_kind: formulas.get(op_kind, NOTHING) for op_kind in OpKind}
            limits = replace(plain, bitops=max(getattr(limits, FIELDS[kind]), 1))
            return replace(refiner, limits=limits, runtime=runtime.model_copy(update={"bitops": costs}))
    return replace(refiner, limits=replace(plain, bitops=None))


def _estimate(runtime: Runtime, kind: str) -> Mapping[OpKind, Formula]:
    """The formulas behind a budget on an estimate."""
    if kind == "cycles":
        return {} if runtime.latency is None else runtime.latency.cycles
    return {} if runtime.energy is None else runtime.energy.picojoules
