"""What to do with bits whose buffers find no addresses, or whose kernels take more code than fits.

The integer program says what is resident at each step, not where, and charges the least that code can take. What it leaves out is
decided by branch and bound (`parts`); where that takes too long, or a rule that proves nothing is asked, limits are tightened until
bits fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from qeopt.network import Bits
from qeopt.qbr.answers import answer, overflow, without_bits
from qeopt.qbr.choose import Chooser, Refined
from qeopt.qbr.compile import Compiled
from qeopt.qbr.parts import Parts
from qeopt_solvers import Row, Status

TIGHTENINGS = 8
"""Times that limits are tightened."""


def repaired(terms: Chooser, compiled: Compiled, first: Refined, hint: Bits | None, worth: float) -> Refined:
    """The best bits that have addresses and room for code, where `first` has not; `hint` where it has and nothing better is found.

    Exact, unless a proof takes too long, or shows that nothing scores more than `worth`. Then the status says how far it goes.
    """
    known = None if hint is None else answer(terms, compiled, first, hint)
    if known is not None and known.status is Status.OPTIMAL:
        return known
    parts = Parts(terms, compiled, first)
    found = parts.best(worth) or _tightened(terms, compiled, parts.bounded(), parts.rows, overflow(terms, parts.first().best))
    if known is not None and _worth(known) > _worth(found):
        return known
    return found


def _tightened(terms: Chooser, compiled: Compiled, first: Refined, rows: tuple[Row, ...], over: tuple[int, int]) -> Refined:
    """Take the overflow off the limits and choose bits again until they fit; where that leaves no bits, take off less.

    Other bits may use the memory better, so the bound of `first` stays the bound.
    """
    tight: tuple[int, int] | None = None
    loose, cut = (0, 0), over
    for _ in range(TIGHTENINGS):
        sram, flash = (cut_bytes * terms.runtime.unit_per_byte for cut_bytes in cut)
        refined = terms.choose(compiled.less(sram=sram, flash=flash), first.engine, rows=rows)
        found = None if refined.bits is None else answer(terms, compiled, first, refined.bits)
        if found is not None:
            return found
        over = overflow(terms, refined)
        if refined.bits is None:
            tight = cut
        else:
            loose = cut
        further = (loose[0] + over[0], loose[1] + over[1])
        cut = further if tight is None else ((loose[0] + tight[0]) // 2, (loose[1] + tight[1]) // 2)
        if cut == loose:
            break
    answers = [found for bits in _uniform(terms, first) if (found := answer(terms, compiled, first, bits)) is not None]
    if answers:
        return max(answers, key=_worth)
    reason = "bits fit every step and the sum of all weights, but with addresses and room for code none were found"
    return without_bits(first, Status.UNKNOWN, reason)


def _worth(refined: Refined) -> float:
    """How good an answer is; less than any where there is none."""
    value = None if refined.outcome is None else refined.outcome.value
    return -math.inf if value is None else value


def _uniform(terms: Chooser, first: Refined) -> Iterator[Bits]:
    """Bits with one width for all weights and one for all activations: few kernels, and buffers in proportion."""
    for weights in terms.choices.weights:
        for activations in terms.choices.activations:
            both = (Bits.uniform(first.network, weights), Bits.uniform(first.network, activations))
            yield Bits(both[0].weights, both[1].activations)
