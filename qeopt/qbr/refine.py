"""Quantization Bits Refinement: the best bits for a network, exactly, with a recount."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from qeopt.hardware import Runtime
from qeopt.memory import Limits, Resources, count
from qeopt.memory.arena import overflow_bytes
from qeopt.network import Bits, Network
from qeopt.qbr.compile import Compiled, Impossible, compile_bits
from qeopt.qbr.reasons import why_infeasible
from qeopt.qbr.settings import BitChoices, QbrSettings
from qeopt.score import Objective, evaluate
from qeopt_solvers import Limits as SolveLimits
from qeopt_solvers import Outcome, Status
from qeopt_solvers.recount import value as recounted
from qeopt_solvers.recount import violations
from qeopt_solvers.solve import solve

TIGHTENINGS = 8
"""Times that limits are tightened for bits whose buffers find no addresses."""
TIGHTENED = "the best bits found no addresses or too little room for code; these are the best under tightened limits"


@dataclass(frozen=True)
class Refined:
    """Bits for a network, what they use and score, and what is proven of them."""

    network: Network
    status: Status
    engine: str
    bits: Bits | None = None
    resources: Resources | None = None
    score: float | None = None
    bound: float | None = None
    """No bits for this network score higher, in nats; None where the engine proves nothing."""
    outcome: Outcome | None = None
    reason: str = ""
    """Why there are no bits."""
    note: str = ""
    """What a reader must know of how far the proof goes."""


@dataclass(frozen=True)
class Refiner:
    """The terms under which bits are chosen, whatever the network."""

    runtime: Runtime
    limits: Limits
    choices: BitChoices
    objective: Objective
    settings: QbrSettings

    @property
    def flash_limit(self) -> int | None:
        """The flash budget in the unit in which the runtime counts memory; None where there is none."""
        return None if self.limits.flash_bytes is None else self.limits.flash_bytes * self.runtime.unit_per_byte

    def compile(self, network: Network) -> Compiled | Impossible:
        """Compile the integer program of `network` under these terms."""
        return compile_bits(network, self.runtime, self.limits, self.choices, self.objective)

    def refine(self, network: Network, engine: str | None = None, hint: Bits | None = None) -> Refined:
        """Find the best bits for `network` with `engine`, starting from `hint` where it can, and count everything again.

        The integer program says what is resident at each step, not where, and charges the least that code can take. Bits whose
        buffers find no addresses, or whose kernels take more code than fits, are not the answer: see `_tightened`.

        Raises:
            EngineError: when the engine is unknown or its package is missing.
        """
        engine = engine or self.settings.engine
        refined = self._solve(network, engine, hint)
        over = self._overflow(refined)
        if not any(over):
            return refined
        known = None if hint is None else self._known(refined, hint)
        if known is not None and known.status is Status.OPTIMAL:
            return known
        tightened = self._tightened(refined, over)
        if known is not None and (tightened.score is None or (known.score or 0.0) > tightened.score):
            return known
        return tightened

    def _overflow(self, refined: Refined) -> tuple[int, int]:
        """Bytes by which a plan of the buffers and the flash with all code are over their limits."""
        sram, flash = self.limits.sram_bytes, self.limits.flash_bytes
        if refined.bits is None or refined.resources is None:
            return 0, 0
        return (
            0 if sram is None else overflow_bytes(refined.network, self.runtime, refined.bits, sram),
            0 if flash is None else max(math.ceil(refined.resources.flash_bytes) - flash, 0),
        )

    def _known(self, first: Refined, hint: Bits) -> Refined | None:
        """The bits to start from as an answer, where they have addresses: as good as `first` where they score as much."""
        compiled = self.compile(first.network)
        picks = None if isinstance(compiled, Impossible) else compiled.picks(hint)
        if isinstance(compiled, Impossible) or picks is None or first.outcome is None or violations(compiled.problem, picks):
            return None
        value = recounted(compiled.problem, picks)
        is_best = first.status is Status.OPTIMAL and value == first.outcome.value
        status = Status.OPTIMAL if is_best else Status.FEASIBLE
        note = "" if is_best else TIGHTENED
        outcome = replace(first.outcome, status=status, picks=picks, value=value, ties_proven=False, certificate=None, note=note)
        found = replace(
            first,
            status=status,
            bits=hint,
            resources=count(first.network, self.runtime, hint),
            score=evaluate(self.objective, first.network, hint),
            outcome=outcome,
            note=note,
        )
        return None if any(self._overflow(found)) else found

    def _tightened(self, first: Refined, over: tuple[int, int]) -> Refined:
        """Take the overflow off the limits and choose bits again until they fit; where that leaves no bits, take off less.

        Other bits may use the memory better, so the first answer's bound stays the bound.
        """
        tight: tuple[int, int] | None = None
        loose, cut = (0, 0), over
        for _ in range(TIGHTENINGS):
            refined = replace(self, limits=self.limits.less(*cut))._solve(first.network, first.engine)  # noqa: SLF001  # the same class
            over = self._overflow(refined)
            if refined.bits is not None and not any(over):
                break
            if refined.bits is None:
                tight = cut
            else:
                loose = cut
            further = (loose[0] + over[0], loose[1] + over[1])
            cut = further if tight is None else ((loose[0] + tight[0]) // 2, (loose[1] + tight[1]) // 2)
            if cut == loose:
                break
        bound = None if first.outcome is None else first.outcome.bound
        if refined.outcome is None or refined.bits is None or any(over):
            outcome = None if first.outcome is None else replace(first.outcome, status=Status.UNKNOWN, picks=None, value=None)
            reason = (
                f"bits fit every step and the sum of all weights, but with addresses and code none were found: {refined.reason}"
            )
            return Refined(first.network, Status.UNKNOWN, first.engine, bound=first.bound, outcome=outcome, reason=reason)
        is_best = refined.status is Status.OPTIMAL and refined.outcome.value == bound
        status = Status.OPTIMAL if is_best else Status.FEASIBLE
        outcome = replace(refined.outcome, status=status, bound=bound, ties_proven=False, certificate=None, note=TIGHTENED)
        return replace(refined, status=status, bound=first.bound, outcome=outcome, note="" if is_best else TIGHTENED)

    def _solve(self, network: Network, engine: str, hint: Bits | None = None) -> Refined:
        compiled = self.compile(network)
        if isinstance(compiled, Impossible):
            return Refined(network, Status.INFEASIBLE, engine, reason=compiled.reason)
        picks = None if hint is None else compiled.picks(hint)
        outcome = solve(compiled.problem, engine, SolveLimits(deterministic=self.settings.deterministic_limit, hint=picks))
        if outcome.picks is None:
            reason = why_infeasible(compiled, self.runtime) if outcome.status is Status.INFEASIBLE else outcome.note
            return Refined(network, outcome.status, engine, outcome=outcome, reason=reason)
        bits = compiled.bits(outcome.picks)
        return Refined(
            network,
            outcome.status,
            engine,
            bits,
            count(network, self.runtime, bits),
            evaluate(self.objective, network, bits),
            None if outcome.bound is None else compiled.bound_nats(outcome.bound),
            outcome,
        )

    def scouting(self) -> Refiner:
        """The same terms with the engine that is used while structures are searched."""
        return replace(self, settings=self.settings.model_copy(update={"engine": self.settings.scout}))

    def tied(self) -> Refiner:
        """The same terms with the bits of a unit tied, as the paper's authors tie them."""
        return replace(self, choices=self.choices.model_copy(update={"tie": "unit"}))

    def only(self, bits: int) -> Refiner:
        """The same terms with every free tensor at `bits`."""
        return replace(self, choices=self.choices.model_copy(update={"weights": (bits,), "activations": (bits,)}))
