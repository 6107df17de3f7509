"""Compile a network under a runtime and limits to the integer program that assigns its bits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from qeopt.budgets import budget
from qeopt.hardware import Runtime
from qeopt.memory import Limits, Step
from qeopt.network import Bits, Network
from qeopt.qbr.decisions import Decisions, decide
from qeopt.qbr.goal import LeastUse
from qeopt.qbr.rows import RowBuilder
from qeopt.qbr.settings import BitChoices
from qeopt.score import MICRO, Objective
from qeopt.score.objective import constant, gain_of_reading, readings
from qeopt_solvers import AllocationProblem, Choice, Row, Scope, Term, TieBreak, recount

LARGEST_SUM = 1 << 50
"""Sums of gains stay below this, so that they are exact as floats and leave room for ties."""


@dataclass(frozen=True)
class Compiled:
    """An integer program, and what its choices mean."""

    network: Network
    decisions: Decisions
    problem: AllocationProblem
    constant: float
    """Share of the sum of terms that no choice changes, in nats."""
    objective: Objective
    per_nat: int = MICRO
    """Integer gains in a nat."""
    steps: Mapping[str, Step] = field(default_factory=dict)
    """By name of a row over memory, the step that it is about."""
    costs: tuple[Row, ...] = ()
    """What is minimised, one after the other, instead of the gains maximised."""

    def bits(self, picks: Sequence[int]) -> Bits:
        """Read picks back as bits."""
        labels = [choice.labels[pick] for choice, pick in zip(self.problem.choices, picks, strict=True)]
        return self.decisions.bits(self.network, labels)

    def picks(self, bits: Bits) -> tuple[int, ...] | None:
        """Spell `bits` as picks; None where a width is not an option, or differs between tensors that share one."""
        found = []
        for domain, choice in zip(self.decisions.domains, self.problem.choices, strict=True):
            width = bits.weights[domain.ops[0]] if domain.ops else bits.activations[domain.tensors[0]]
            if width not in choice.labels:
                return None
            found.append(choice.labels.index(width))
        return tuple(found) if self.bits(found) == bits else None

    def less(self, **taken: int) -> Compiled:
        """The same program with less of some budgets, in the units of their rows."""
        rows = tuple(replace(row, limit=max(row.limit - taken.get(row.kind, 0), 0)) for row in self.problem.rows)
        return replace(self, problem=replace(self.problem, rows=rows))

    def value(self, picks: Sequence[int]) -> int:
        """What an engine maximises: the summed gains, or minus what the first of `costs` counts."""
        if not self.costs:
            return recount.value(self.problem, picks)
        used = recount.usage(self.problem, self.costs[0], picks)
        if used is None:
            raise ValueError("these picks are no legal bits")
        return -used

    def score_bound(self, bound: int | None) -> float | None:
        """What an engine's bound says of the score; None where it says nothing of it."""
        return None if bound is None or self.costs else self.bound_nats(bound)

    def nats(self, value: float) -> float:
        """Turn a summed integer gain into a score."""
        return self.objective.whole(self.network, value / self.per_nat + self.constant)

    def bound_nats(self, bound: int) -> float:
        """Turn an integer bound into one on the score: each rounded gain may hide half a unit."""
        return self.nats(bound + 0.5 * len(self.problem.choices))

    @property
    def note(self) -> str:
        """What is lost where gains are so large that they are counted coarsely."""
        if self.per_nat == MICRO:
            return ""
        return (
            f"the score is so large that gains are counted in steps of {1 / self.per_nat:g}: what differs by less counts as equal"
        )


@dataclass(frozen=True, slots=True)
class Impossible:
    """Some decision has no legal bits whatever the budgets."""

    reason: str


def compile_bits(
    network: Network,
    runtime: Runtime,
    limits: Limits,
    choices: BitChoices,
    objective: Objective,
    goal: LeastUse | None = None,
    *,
    settles_ties: bool = True,
) -> Compiled | Impossible:
    """Compile `network` to a one-hot choice per decision, a row per step, and a row per total that bits change.

    A tensor that the score does not see never becomes a choice. Gains are rounded to millionths of a nat; ties go to less flash,
    then to less SRAM traffic, unless any of the best will do. With a `goal`, what it names is minimised instead, and the score is
    held to its floor.
    """
    decided = decide(network, runtime, choices)
    if isinstance(decided, str):
        return Impossible(decided)
    gains, fixed = _gains(network, decided, objective)
    per_nat = _resolution(gains)
    rows = RowBuilder(network, runtime, decided)
    budget_rows = [row for name, limit in limits.items() for row in rows.of(budget(name), limit)]
    costs = [row for name in (() if goal is None else goal.names) for row in rows.of(budget(name), 0)]
    ties: tuple[TieBreak, ...] = ()
    if settles_ties or goal is not None:
        ties = TieBreak("flash", rows.unit, rows.flash_terms()), TieBreak("traffic", rows.unit, rows.traffic_terms())
    if len(costs) == 1:
        traffic = ties[1]
        costs.append(Row(traffic.name, traffic.name, traffic.unit, Scope.TOTAL, 0, traffic.terms))
    problem = AllocationProblem(
        choices=tuple(
            Choice(domain.name, domain.widths, tuple(round(per_nat * gains[index][width]) for width in domain.widths))
            for index, domain in enumerate(decided.domains)
        ),
        links=rows.links,
        rows=tuple(budget_rows),
        tie_breaks=ties,
    )
    compiled = Compiled(network, decided, problem, fixed, objective, per_nat, rows.steps, tuple(costs))
    return compiled if goal is None or goal.floor is None else _floored(compiled, goal.floor)


def _floored(compiled: Compiled, floor: float) -> Compiled:
    """The program with a row that keeps scores from falling below `floor`: what bits lose together against the most gained."""
    problem = compiled.problem
    best = [max(choice.gains) for choice in problem.choices]
    low, high = sum(min(choice.gains) for choice in problem.choices), sum(best)
    while low < high:  # the least sum of gains that is enough; the score never falls where it rises
        middle = (low + high) // 2
        low, high = (low, middle) if compiled.nats(middle) >= floor else (middle + 1, high)
    enough = low if compiled.nats(low) >= floor else sum(best) + 1
    losses = tuple(
        Term(index, tuple(most - gain for gain in choice.gains))
        for index, (choice, most) in enumerate(zip(problem.choices, best, strict=True))
    )
    row = Row("score", "score", "", Scope.TOTAL, sum(best) - enough, losses)
    return replace(compiled, problem=replace(problem, rows=(*problem.rows, row)))


def _resolution(gains: Mapping[int, Mapping[int, float]]) -> int:
    """Integer gains in a nat: a million, or as many as keep sums exact for every engine."""
    largest = sum(max(map(abs, by_width.values()), default=0.0) for by_width in gains.values())
    if not math.isfinite(largest):
        raise ValueError("the objective gives gains that are no finite numbers")
    per_nat = MICRO
    while per_nat > 1 and largest * per_nat >= LARGEST_SUM:
        per_nat //= 10
    return per_nat


def _gains(network: Network, decisions: Decisions, objective: Objective) -> tuple[Mapping[int, Mapping[int, float]], float]:
    """Collect, per decision and width, what the score gains; gains of fixed bits join the constant."""
    gains: dict[int, dict[int, float]] = {
        index: dict.fromkeys(domain.widths, 0.0) for index, domain in enumerate(decisions.domains)
    }
    total = float(constant(objective, network))
    for reading in readings(network):
        op = reading.op
        of_weights, of_input = decisions.weight[op.name], decisions.activation[op.inputs[0].name]
        found = (
            (of_weights, {width: objective.weight_gain(op, width) for width in of_weights.widths}),
            (of_input, {width: gain_of_reading(objective, reading, width) for width in of_input.widths}),
        )
        for holder, by_width in found:
            if holder.index is None:
                total += by_width[holder.widths[0]]
                continue
            for width, gain in by_width.items():
                gains[holder.index][width] += gain
    return gains, total
