"""When bits are an answer: their buffers find addresses, and the code of their kernels has room."""

from __future__ import annotations

import math
from dataclasses import replace

from qeopt.memory import count
from qeopt.memory.arena import find_addresses, overflow_bytes
from qeopt.network import Bits
from qeopt.qbr.choose import Chooser, Refined
from qeopt.qbr.compile import Compiled
from qeopt.score import evaluate
from qeopt_solvers import Status
from qeopt_solvers.recount import violations

TIGHTENED = "the best bits found no addresses or too little room for code; these are the best under tightened limits"


def is_answer(terms: Chooser, refined: Refined) -> bool:
    """Whether bits have addresses and room for code; so it is where there are none."""
    return has_addresses(terms, refined) and code_overflow(terms, refined) == 0


def has_addresses(terms: Chooser, refined: Refined) -> bool:
    """Whether all buffers of some bits find an address."""
    sram = terms.limits.sram_bytes
    if sram is None or refined.bits is None:
        return True
    return find_addresses(refined.network, terms.runtime, refined.bits, sram, terms.rooms)


def code_overflow(terms: Chooser, refined: Refined) -> int:
    """Bytes by which the flash of some bits, with all code, is over its limit."""
    flash = terms.limits.flash_bytes
    return 0 if flash is None or refined.resources is None else max(math.ceil(refined.resources.flash_bytes) - flash, 0)


def overflow(terms: Chooser, refined: Refined) -> tuple[int, int]:
    """Bytes by which a plan of the buffers, and the flash with all code, are over their limits."""
    sram = terms.limits.sram_bytes
    if sram is None or refined.bits is None:
        return 0, code_overflow(terms, refined)
    over = overflow_bytes(refined.network, terms.runtime, refined.bits, sram, terms.rooms)
    return over, code_overflow(terms, refined)


def answer(terms: Chooser, compiled: Compiled, bounded: Refined, bits: Bits) -> Refined | None:
    """Bits as an answer: the best where they reach the bound of `bounded`; None where they are not within all limits."""
    picks = compiled.picks(bits)
    if picks is None or bounded.outcome is None or violations(compiled.problem, picks):
        return None
    value = compiled.value(picks)
    is_best = value == bounded.outcome.bound
    status, note = (Status.OPTIMAL, "") if is_best else (Status.FEASIBLE, TIGHTENED)
    outcome = replace(bounded.outcome, status=status, picks=picks, value=value, ties_proven=False, certificate=None, note=note)
    found = replace(
        bounded,
        status=status,
        bits=bits,
        resources=count(bounded.network, terms.runtime, bits),
        score=evaluate(terms.objective, bounded.network, bits),
        outcome=outcome,
        reason="",
        note=note,
    )
    return found if is_answer(terms, found) else None


def without_bits(first: Refined, status: Status, reason: str) -> Refined:
    """What `first` proves, without its bits."""
    outcome = None if first.outcome is None else replace(first.outcome, status=status, picks=None, value=None, certificate=None)
    return replace(first, status=status, bits=None, resources=None, score=None, outcome=outcome, reason=reason)
