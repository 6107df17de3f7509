"""An objective learnt from trained designs: a sum of terms of single operators and tensors, with what is known of its worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from qeopt.network import Bits, Network, Op, Tensor
from qeopt.score import terms
from qeopt.score.objective import Nats, ObjectiveBlock
from qeopt.spec.errors import did_you_mean, quote
from qeopt.spec.model import Block

Share = Annotated[float, Field(ge=-2, le=2)]
"""A rank correlation, or a difference of two."""


class RankCorrelation(Block):
    """Spearman's rho of predictions with what was measured, and its bootstrap interval."""

    rho: Share
    """Over the designs."""
    low: Share
    """Lower end of the interval."""
    high: Share
    """Upper end of the interval."""

    def __str__(self) -> str:
        """`0.74 [0.56, 0.84]`."""
        return f"{self.rho:.2f} [{self.low:.2f}, {self.high:.2f}]"


class Evidence(Block):
    """What an objective was learnt from and how well it orders structures that it was not learnt from."""

    designs: Annotated[int, Field(ge=1)]
    """Trained designs."""
    structures: Annotated[int, Field(ge=1)]
    """Structures among them; every design of one is left out when it is predicted."""
    predictor: RankCorrelation
    """Rank correlation of its predictions for unseen structures."""
    macs_alone: RankCorrelation
    """The same of a regression on the number of MACs alone."""
    gain: RankCorrelation
    """Difference of the two, with its interval over the same bootstrap samples."""
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Share of bootstrap samples within the intervals."""
    note: str = ""
    """What a reader must know of it."""

    @property
    def beats_macs(self) -> bool:
        """Whether it orders unseen structures better than their MACs do, beyond the interval."""
        return self.gain.low > 0


class Range(Block):
    """The least and the most of a term among the designs that were learnt from."""

    low: float
    """Least."""
    high: float
    """Most."""


class Fitted(ObjectiveBlock):
    """A learnt predictor of accuracy. Its score is the prediction less the intercept, which no choice changes."""

    kind: Literal["fitted"] = "fitted"
    """Says that this is a learnt objective; a file of one says so at its top."""
    name: str = ""
    """Short name; the file's name unless stated."""
    unit: str = "points of accuracy"
    """What a score of 1 is."""
    intercept: float = 0.0
    """What is added to the score for the prediction."""
    coefficients: Annotated[Mapping[str, float], Field(min_length=1)]
    """By term, what one of it is worth; `macs/2` means the operators of stage 2 alone."""
    evidence: Evidence | None = None
    """What it was learnt from; without it, nothing is known of its worth."""
    limits: Mapping[str, Range] = Field(default={})
    """By term, where it was learnt; a design outside is an extrapolation."""

    @field_validator("coefficients", "limits")
    @classmethod
    def _are_terms(cls, found: Mapping[str, object]) -> Mapping[str, object]:
        for name in found:
            try:
                terms.split(name)
            except ValueError:
                known = tuple(terms.TERMS)
                said = f"there is no term {quote(name)}; {', '.join(known)} were expected, or one of a stage such as macs/2"
                raise ValueError(said + did_you_mean(name, known)) from None
        return found

    def check(self, network: Network) -> str | None:
        """Say when a term is of a stage that the network has not."""
        stages = len(network.stage_ends)
        for name in self.coefficients:
            _, stage = terms.split(name)
            if stage is not None and stage >= stages:
                return f"the objective has a term {quote(name)}, but the network has {stages} stages, counted from 0"
        return None

    def op_gain(self, op: Op) -> Nats:
        """What an operator adds to the terms whatever its bits."""
        return self._sum(lambda name: terms.of_op(name, op))

    def stage_gain(self, stage: int, tensor: Tensor) -> Nats:
        """What the last tensor of a stage adds."""
        return self._sum(lambda name: terms.of_end(name, stage, tensor))

    def weight_gain(self, op: Op, bits: int) -> float:
        """What the weights of `op` add at `bits`."""
        return sum(worth * terms.of_weights(name, op, bits) for name, worth in self.coefficients.items())

    def activation_gain(self, op: Op, bits: int) -> float:
        """What reading its input at `bits` adds."""
        return sum(worth * terms.of_activations(name, op, bits) for name, worth in self.coefficients.items())

    def _sum(self, amount: Callable[[str], Nats]) -> Nats:
        total: Nats = 0.0
        for name, worth in self.coefficients.items():
            total = total + worth * amount(name)
        return total

    def outside(self, network: Network, bits: Bits) -> dict[str, float]:
        """By term, the total of a design where that is not within the limits."""
        found = {}
        for name, known in self.limits.items():
            total = terms.total(name, network, bits)
            slack = 1e-9 * max(abs(known.low), abs(known.high))
            if not known.low - slack <= total <= known.high + slack:
                found[name] = total
        return found
