"""Branch and bound over what the integer program leaves out: where buffers lie, and which kernels are in use.

A part is a program: all bits that are not excluded, or those of them that pay for some kernels and do without others. Its best
bits bound it. The part with the highest bound is looked at first: where its best bits are no answer, those without addresses are
excluded, or the part is parted by a kernel of theirs. The first best bits that are an answer are the best of all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qeopt.network import Bits
from qeopt.qbr.answers import answer, code_overflow, has_addresses, without_bits
from qeopt.qbr.choose import Chooser, Refined
from qeopt.qbr.code import Branch, in_use, least_code, rows_without
from qeopt.qbr.compile import Compiled
from qeopt.qbr.no_goods import no_goods
from qeopt_solvers import Row, Status

ROUNDS = 100
"""Times that bits are excluded or a part is parted."""
NO_ADDRESSES = "bits fit every step and the sum of all weights, but it is proven that none of them find addresses for all buffers"
NO_ROOM = (
    "bits fit every step and the sum of all weights, but it is proven that none of them have addresses and room for their code"
)


@dataclass(frozen=True)
class Part:
    """Some of all bits, and the best of them where only the integer program counts."""

    branch: Branch
    best: Refined

    @property
    def bound(self) -> float:
        """No bits of the part are worth more."""
        outcome = self.best.outcome
        return math.inf if outcome is None or outcome.bound is None else outcome.bound


class Parts:
    """All bits of a program, in parts."""

    def __init__(self, terms: Chooser, compiled: Compiled, first: Refined) -> None:
        self._terms, self._compiled, self._first = terms, compiled, first
        self._parts = [Part(Branch(), first)]
        self._is_parted = False
        self._charged = least_code(compiled.network, terms.runtime, compiled.decisions)
        self.rows: tuple[Row, ...] = ()
        """Exclude bits that are proven to find no addresses."""

    def best(self, worth: float) -> Refined | None:
        """The best bits that have addresses and room for code, or the proof that there are none.

        None where that takes too long, or where none of them score more than `worth`.
        """
        for _ in range(ROUNDS):
            if not self._parts:
                return without_bits(self._first, Status.INFEASIBLE, NO_ROOM if self._is_parted else NO_ADDRESSES)
            part = self.first()
            if part.best.bits is None or self._terms.deadline.is_past:
                return None
            is_placed = has_addresses(self._terms, part.best)
            if is_placed and code_overflow(self._terms, part.best) == 0:
                return answer(self._terms, self._compiled, self.bounded(), part.best.bits)
            if (self.bounded().bound or math.inf) < worth:
                return None
            branches = self._parted(part, part.best.bits) if is_placed else self._excluded(part)
            if branches is None:
                return None
            self._parts = [other for other in self._parts if other is not part]
            self._parts += [Part(branch, best) for branch in branches if (best := self._solved(branch)) is not None]
        return None

    def first(self) -> Part:
        """The part with the highest bound."""
        return max(self._parts, key=lambda part: part.bound)

    def bounded(self) -> Refined:
        """What is proven of all bits, by the part with the highest bound."""
        first, bound = self._first, self.first().bound
        if first.outcome is None or not math.isfinite(bound):
            return first
        return replace(first, bound=self._compiled.score_bound(round(bound)), outcome=replace(first.outcome, bound=round(bound)))

    def _excluded(self, part: Part) -> Sequence[Branch] | None:
        """Exclude the best bits of a part, and more, which are proven to find no addresses; None where that is not proven."""
        terms, outcome = self._terms, part.best.outcome
        if outcome is None or outcome.picks is None:
            return None
        new = no_goods(self._compiled, terms.runtime, terms.limits.sram_bytes, terms.rooms, outcome.picks)
        if not new:
            return None
        self.rows += new
        if all(row.terms for row in new):
            return (part.branch,)
        self._parts = []  # no bits at all have addresses
        return ()

    def _parted(self, part: Part, bits: Bits) -> Sequence[Branch] | None:
        """Part by the kernel in use that adds most to what is charged; None where an engine that proves nothing is asked."""
        if not math.isfinite(part.bound):
            return None
        used = in_use(self._compiled.network, self._terms.runtime, bits)
        unpaid = [kernel for kernel in used if kernel not in part.branch.paid]
        if not unpaid:
            return None
        more = {kernel: self._charge(part.branch.paying(kernel)) for kernel in unpaid}
        self._is_parted = True
        return part.branch.parted(max(unpaid, key=lambda kernel: (more[kernel], used[kernel], kernel)))

    def _charge(self, branch: Branch) -> int:
        """Flash that code takes at least in a branch, beside what the program charges."""
        return least_code(self._compiled.network, self._terms.runtime, self._compiled.decisions, branch) - self._charged

    def _solved(self, branch: Branch) -> Refined | None:
        """The best bits of a branch by the program; None where it has none."""
        rows = rows_without(self._compiled.network, self._terms.runtime, self._compiled.decisions, branch)
        if rows is None:
            return None
        program = self._compiled.less(flash=self._charge(branch))
        found = self._terms.choose(program, self._first.engine, rows=self.rows + rows)
        return None if found.status is Status.INFEASIBLE else found
