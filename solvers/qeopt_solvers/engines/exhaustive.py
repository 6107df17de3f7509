"""Every combination, counted in blocks of NumPy arrays: the yardstick the other engines are held against."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers import recount
from qeopt_solvers.allocation import AllocationProblem, Term
from qeopt_solvers.outcome import Limits, Outcome, Status
from qeopt_solvers.traits import Traits

TRAITS = Traits(
    summary="counts every combination: for tiny problems and for testing the other engines",
    exact=True,
    tie_breaks=True,
    deterministic=True,
)

BLOCK = 1 << 14
"""Combinations counted at once."""
DETERMINISTIC_UNIT = 1 << 20
"""One unit of `Limits.deterministic` is this many combinations."""


def solve(problem: AllocationProblem, limits: Limits) -> Outcome:
    """Count every combination; a stop gives the best so far and the sum of all best gains as the bound."""
    started = time.monotonic()
    size = prod(len(choice.labels) for choice in problem.choices)
    stop = size if limits.deterministic is None else min(size, int(limits.deterministic * DETERMINISTIC_UNIT))
    space = _Space.of(problem)
    best: tuple[int, ...] | None = None
    done = 0
    while done < stop and (limits.seconds is None or time.monotonic() - started < limits.seconds):
        end = min(done + BLOCK, stop)
        found = space.best(done, end)
        if found is not None and (best is None or recount.key(problem, found) > recount.key(problem, best)):
            best = found
        done = end
    return _outcome(problem, best, done, complete=done == size)


def _outcome(problem: AllocationProblem, best: tuple[int, ...] | None, done: int, *, complete: bool) -> Outcome:
    spent = done / DETERMINISTIC_UNIT
    if best is None:
        status = Status.INFEASIBLE if complete else Status.UNKNOWN
        return Outcome(status, "exhaustive", deterministic_time=spent, note="" if complete else "stopped by its limits")
    value = recount.value(problem, best)
    if complete:
        return Outcome(Status.OPTIMAL, "exhaustive", best, value, value, True, None, spent)
    bound = sum(max(choice.gains) for choice in problem.choices)
    return Outcome(Status.FEASIBLE, "exhaustive", best, value, bound, False, None, spent, "stopped by its limits")


@dataclass(frozen=True, slots=True)
class _Space:
    """All combinations, numbered in mixed radix with the last choice turning fastest."""

    problem: AllocationProblem
    sizes: tuple[int, ...]
    exact: type
    """The NumPy type every sum fits in: 64-bit integers, or Python's own when those are too small."""

    @staticmethod
    def of(problem: AllocationProblem) -> _Space:
        """Choose the number type for `problem`."""
        numbers = [abs(gain) for choice in problem.choices for gain in choice.gains]
        for row in problem.rows:
            numbers += [cost for term in row.terms for cost in term.costs]
            numbers += [cost for term in row.link_terms for cost in term.costs]
            numbers += [abs(row.limit), abs(row.fixed)]
        numbers += [cost for tie_break in problem.tie_breaks for term in tie_break.terms for cost in term.costs]
        small = max(numbers, default=0) * (len(problem.choices) + len(problem.links) + 2) < 2**62
        sizes = tuple(len(choice.labels) for choice in problem.choices)
        return _Space(problem, sizes, np.int64 if small else object)

    def best(self, start: int, end: int) -> tuple[int, ...] | None:
        """Return the feasible combination of highest key among the numbers `start <= n < end`; None if there is none."""
        picks = self._picks(start, end)
        alive = np.ones(end - start, dtype=bool)
        places = [np.full(end - start, -1, dtype=np.int64) for _ in self.problem.links]
        for index, link in enumerate(self.problem.links):
            for place, combination in enumerate(link.allowed):
                hit = np.ones(end - start, dtype=bool)
                for choice, option in zip(link.choices, combination, strict=True):
                    hit &= picks[choice] == option
                places[index][hit] = place
            alive &= places[index] >= 0
        for row in self.problem.rows:
            used = self._total(row.terms, picks) + row.fixed
            for term in row.link_terms:
                used = used + np.asarray([*term.costs, 0], dtype=self.exact)[places[term.link]]
            alive &= (used <= row.limit).astype(bool)
        numbers = np.flatnonzero(alive)
        if not numbers.size:
            return None
        gains = [Term(index, choice.gains) for index, choice in enumerate(self.problem.choices)]
        values = self._total(gains, picks)[numbers]
        numbers = numbers[values == values.max()]
        for tie_break in self.problem.tie_breaks:
            costs = self._total(tie_break.terms, picks)[numbers]
            numbers = numbers[costs == costs.min()]
        return tuple(int(options[numbers[0]]) for options in picks)

    def _picks(self, start: int, end: int) -> list[NDArray[np.int64]]:
        """Options of each choice for the combinations `start <= n < end`.

        The digits are made from the last choice upwards with one Python division per block, so that numbers beyond 64 bits
        (which only a stopped search meets) stay exact.
        """
        carry = np.arange(end - start, dtype=np.int64)
        head = start
        columns = []
        for size in reversed(self.sizes):
            head, digit = divmod(head, size)
            carry, options = np.divmod(carry + digit, size)
            columns.append(options)
        return columns[::-1]

    def _total(self, terms: tuple[Term, ...] | list[Term], picks: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        total: NDArray[np.int64] = np.zeros(picks[0].size if picks else 1, dtype=self.exact)
        for term in terms:
            total = total + np.asarray(term.costs, dtype=self.exact)[picks[term.choice]]
        return total
