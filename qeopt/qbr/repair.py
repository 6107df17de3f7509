"""What to do with bits whose buffers find no addresses, or whose kernels take more code than fits.

The integer program says what is resident at each step, not where, and charges the least that code can take.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from qeopt.memory import count
from qeopt.memory.arena import find_addresses, overflow_bytes
from qeopt.network import Bits
from qeopt.qbr.choose import Chooser, Refined
from qeopt.qbr.compile import Compiled
from qeopt.qbr.no_goods import no_goods
from qeopt.score import evaluate
from qeopt_solvers import Row, Status
from qeopt_solvers.recount import value as recounted
from qeopt_solvers.recount import violations

EXCLUSIONS = 40
"""Times that bits which are proven to find no addresses are excluded and bits are chosen again."""
TIGHTENINGS = 8
"""Times that limits are tightened where that does not end, or code is too large."""
TIGHTENED = "the best bits found no addresses or too little room for code; these are the best under tightened limits"
NO_ADDRESSES = "bits fit every step and the sum of all weights, but it is proven that none of them find addresses for all buffers"


def needs_repair(terms: Chooser, refined: Refined) -> bool:
    """Whether there are bits that find no addresses, or whose kernels take more code than fits."""
    return not _has_addresses(terms, refined) or _code_overflow(terms, refined) > 0


def _has_addresses(terms: Chooser, refined: Refined) -> bool:
    sram = terms.limits.sram_bytes
    if sram is None or refined.bits is None:
        return True
    return find_addresses(refined.network, terms.runtime, refined.bits, sram, terms.rooms)


def _overflow(terms: Chooser, refined: Refined) -> tuple[int, int]:
    """Bytes by which a plan of the buffers and the flash with all code are over their limits."""
    sram = terms.limits.sram_bytes
    if sram is None or refined.bits is None:
        return 0, _code_overflow(terms, refined)
    over = overflow_bytes(refined.network, terms.runtime, refined.bits, sram, terms.rooms)
    return over, _code_overflow(terms, refined)


def _code_overflow(terms: Chooser, refined: Refined) -> int:
    flash = terms.limits.flash_bytes
    return 0 if flash is None or refined.resources is None else max(math.ceil(refined.resources.flash_bytes) - flash, 0)


def repaired(terms: Chooser, compiled: Compiled, first: Refined, hint: Bits | None) -> Refined:
    """The best bits that have addresses and room for code, where `first` has not; `hint` where it has and nothing better is found.

    Exact for addresses, unless a proof takes too long. Then, and for code, the status says how far the proof goes.
    """
    known = None if hint is None else _answer(terms, compiled, first, hint)
    if known is not None and known.status is Status.OPTIMAL:
        return known
    last, rows = _excluded(terms, compiled, first)
    if last.status is Status.INFEASIBLE or (last.bits is not None and not needs_repair(terms, last)):
        found = last
    else:
        bounded = first if last.outcome is None or last.outcome.bound is None else last
        found = _tightened(terms, compiled, bounded, rows, _overflow(terms, last))
    if known is not None and (found.score is None or (known.score or 0.0) > found.score):
        return known
    return found


def _excluded(terms: Chooser, compiled: Compiled, first: Refined) -> tuple[Refined, tuple[Row, ...]]:
    """Exclude bits that are proven to find no addresses and choose again, until those chosen have addresses.

    Nothing that could be an answer is excluded, so the best of what is left is the answer once it has addresses, and until then
    bounds it. Where nothing is left, no bits have addresses.
    """
    last = first
    rows: tuple[Row, ...] = ()
    for _ in range(EXCLUSIONS):
        picks = None if last.outcome is None else last.outcome.picks
        if picks is None or _has_addresses(terms, last):
            break
        new = no_goods(compiled, terms.runtime, terms.limits.sram_bytes, terms.rooms, picks)
        if not new:
            break
        rows += new
        if not all(row.terms for row in new):
            return _without_bits(first, Status.INFEASIBLE, NO_ADDRESSES), rows
        last = terms.choose(compiled, first.engine, rows=rows)
        if last.status is Status.INFEASIBLE:
            return replace(last, reason=NO_ADDRESSES), rows
    return last, rows


def _tightened(terms: Chooser, compiled: Compiled, first: Refined, rows: tuple[Row, ...], over: tuple[int, int]) -> Refined:
    """Take the overflow off the limits and choose bits again until they fit; where that leaves no bits, take off less.

    Other bits may use the memory better, so the bound of `first` stays the bound.
    """
    tight: tuple[int, int] | None = None
    loose, cut = (0, 0), over
    for _ in range(TIGHTENINGS):
        sram, flash = (cut_bytes * terms.runtime.unit_per_byte for cut_bytes in cut)
        refined = terms.choose(compiled.less(sram=sram, flash=flash), first.engine, rows=rows)
        found = None if refined.bits is None else _answer(terms, compiled, first, refined.bits)
        if found is not None:
            return found
        over = _overflow(terms, refined)
        if refined.bits is None:
            tight = cut
        else:
            loose = cut
        further = (loose[0] + over[0], loose[1] + over[1])
        cut = further if tight is None else ((loose[0] + tight[0]) // 2, (loose[1] + tight[1]) // 2)
        if cut == loose:
            break
    answers = [answer for bits in _uniform(terms, first) if (answer := _answer(terms, compiled, first, bits)) is not None]
    if answers:
        return max(answers, key=lambda answer: answer.score or 0.0)
    reason = "bits fit every step and the sum of all weights, but with addresses and room for code none were found"
    return _without_bits(first, Status.UNKNOWN, reason)


def _without_bits(first: Refined, status: Status, reason: str) -> Refined:
    """What `first` proves, without its bits."""
    outcome = None if first.outcome is None else replace(first.outcome, status=status, picks=None, value=None, certificate=None)
    return replace(first, status=status, bits=None, resources=None, score=None, outcome=outcome, reason=reason)


def _uniform(terms: Chooser, first: Refined) -> Iterator[Bits]:
    """Bits with one width for all weights and one for all activations: few kernels, and buffers in proportion."""
    for weights in terms.choices.weights:
        for activations in terms.choices.activations:
            both = (Bits.uniform(first.network, weights), Bits.uniform(first.network, activations))
            yield Bits(both[0].weights, both[1].activations)


def _answer(terms: Chooser, compiled: Compiled, first: Refined, bits: Bits) -> Refined | None:
    """Bits as an answer, where they have addresses and room for code: the best where they reach the bound of `first`."""
    picks = compiled.picks(bits)
    if picks is None or first.outcome is None or violations(compiled.problem, picks):
        return None
    value = recounted(compiled.problem, picks)
    is_best = value == first.outcome.bound
    status, note = (Status.OPTIMAL, "") if is_best else (Status.FEASIBLE, TIGHTENED)
    outcome = replace(first.outcome, status=status, picks=picks, value=value, ties_proven=False, certificate=None, note=note)
    found = replace(
        first,
        status=status,
        bits=bits,
        resources=count(first.network, terms.runtime, bits),
        score=evaluate(terms.objective, first.network, bits),
        outcome=outcome,
        reason="",
        note=note,
    )
    return None if needs_repair(terms, found) else found
