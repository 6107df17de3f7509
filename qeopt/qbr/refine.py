"""Quantization Bits Refinement: the best bits for a network, exactly, with a recount."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from qeopt.network import Bits, Network
from qeopt.qbr.answers import is_answer
from qeopt.qbr.choose import Chooser, Refined
from qeopt.qbr.compile import Impossible
from qeopt.qbr.deadline import Deadline
from qeopt.qbr.repair import repaired
from qeopt_solvers import Status


@dataclass(frozen=True)
class Refiner(Chooser):
    """Chooses bits that have addresses and room for the code of their kernels, where a study asks for that."""

    def refine(self, network: Network, engine: str | None = None, hint: Bits | None = None, worth: float = -math.inf) -> Refined:
        """Find the best bits for `network` with `engine`, starting from `hint` where it can, and count everything again.

        Bits whose buffers find no addresses, or whose kernels take more code than fits, are not the answer: see `repair`. Where it
        is proven that no answer scores more than `worth`, some answer is enough.

        Raises:
            EngineError: when the engine is unknown or its package is missing.
        """
        engine = engine or self.settings.engine
        compiled = self.compile(network)
        if isinstance(compiled, Impossible):
            return Refined(network, Status.INFEASIBLE, engine, reason=compiled.reason)
        refined = self.choose(compiled, engine, hint)
        return refined if is_answer(self, refined) else repaired(self, compiled, refined, hint, worth)

    def scouting(self) -> Refiner:
        """The same terms with the engine that is used while structures are searched."""
        return replace(self, settings=self.settings.model_copy(update={"engine": self.settings.scout}))

    def until(self, deadline: Deadline) -> Refiner:
        """The same terms, under which engines stop in time."""
        return replace(self, deadline=deadline)

    def by_score_alone(self) -> Refiner:
        """The same terms, under which any bits of the best score will do: enough for a proof of that score."""
        return replace(self, settles_ties=False)

    def tied(self) -> Refiner:
        """The same terms with the bits of a unit tied, as the paper's authors tie them."""
        return replace(self, choices=self.choices.model_copy(update={"tie": "unit"}))

    def only(self, bits: int) -> Refiner:
        """The same terms with every free tensor at `bits`."""
        return replace(self, choices=self.choices.only(bits))
