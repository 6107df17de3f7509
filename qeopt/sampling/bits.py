"""Bits for a drawn structure, by several rules: the proven best, greedy rules, 8 bits everywhere, or random ones that fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import SeedSequence

from qeopt.network import Network, Op, Tensor
from qeopt.qbr import PROVER, Impossible, Refined, Refiner
from qeopt.score import evaluate
from qeopt.score.objective import ObjectiveBlock
from qeopt.spec.errors import SpecError, did_you_mean, one_of
from qeopt_solvers import Outcome, Status
from qeopt_solvers.recount import value

EXACT, EIGHT, RANDOM = "exact", "eight", "random"
GREEDY = ("paper", "rusci", "ratio")
RULES = (EXACT, *GREEDY, RANDOM, EIGHT)
"""Ways to find bits."""


def check_rules(rules: tuple[str, ...]) -> None:
    """Refuse a way to find bits that there is not.

    Raises:
        SpecError: naming it.
    """
    for rule in rules:
        if rule not in RULES:
            raise SpecError.at(None, f"--rules {rule}: {one_of(RULES)} was expected{did_you_mean(rule, RULES)}")


def bits_by(rule: str, refiner: Refiner, network: Network, seed: int) -> Refined | None:
    """Bits for `network` that fit, found by a rule and scored by the objective of `refiner`; None where the rule finds none.

    Args:
        rule: One of `RULES`.
        refiner: The terms.
        network: The structure.
        seed: Of random bits.
    """
    if rule == RANDOM:
        return _random(refiner, network, seed)
    if rule == EIGHT:
        found = refiner.only(8).refine(network, PROVER)
        return None if found.bits is None else _claimed(refiner, found, EIGHT)
    found = refiner.refine(network, PROVER if rule == EXACT else rule)
    return found if found.bits is not None else None


class _RandomGains(ObjectiveBlock):
    """An objective under which each width of each tensor is worth a random amount: its best bits are random ones that fit.

    Without budgets every width of a tensor is as likely as any other; budgets tilt them no more than they have to.
    """

    seed: int
    """Of the amounts."""

    def weight_gain(self, op: Op, bits: int) -> float:
        """A random amount."""
        return self._gain("weights", op.name, bits)

    def tensor_gain(self, tensor: Tensor, bits: int) -> float:
        """A random amount."""
        return self._gain("activations", tensor.name, bits)

    def _gain(self, role: str, name: str, bits: int) -> float:
        words = [self.seed, bits, *f"{role} {name}".encode()]
        return float(np.random.default_rng(SeedSequence(words)).normal())


def _random(refiner: Refiner, network: Network, seed: int) -> Refined | None:
    found = replace(refiner, objective=_RandomGains(seed=seed)).refine(network, PROVER)
    return None if found.bits is None else _claimed(refiner, found, RANDOM)


def _claimed(refiner: Refiner, found: Refined, engine: str) -> Refined | None:
    """Bits that were found under other terms, with what they are worth under these; nothing is proven of them here."""
    compiled = refiner.compile(found.network)
    picks = None if found.bits is None or isinstance(compiled, Impossible) else compiled.picks(found.bits)
    if found.bits is None or isinstance(compiled, Impossible) or picks is None:
        return None
    outcome = Outcome(Status.FEASIBLE, engine, picks, value(compiled.problem, picks))
    score = evaluate(refiner.objective, found.network, found.bits)
    return replace(found, status=Status.FEASIBLE, engine=engine, score=score, bound=None, outcome=outcome, note="")
