"""What a search maximises: the protocol every objective follows, and the table of those known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qeopt.network import Bits, Network, Op, Tensor
from qeopt.network.importers import Parameters
from qeopt.spec.plugins import Table

OBJECTIVES = Table(
    "objectives",
    {
        "qe": "qeopt.score.qe:QEScore",
        "sensitivity": "qeopt.score.sensitivity:Sensitivity",
        "fitted": "qeopt.score.fitted:Fitted",
    },
)

MICRO = 1_000_000
"""Gains are integers in millionths of a nat."""


Nats: TypeAlias = float | NDArray[np.float64]
"""A share of a score: one number, or one per network of a batch."""


class Objective(Protocol):
    """A score that is a sum: a constant of the structure, a term per scored weight tensor, a term per scored activation tensor."""

    def check(self, network: Network) -> str | None:
        """Say why this objective cannot score `network`; None when it can."""
        ...

    def constant(self, network: Network) -> Nats:
        """The share of the score that no bit-width changes, in nats."""
        ...

    def weight_gain(self, network: Network, op: Op, bits: int) -> float:
        """What the weights of `op` add to the score at `bits`, in nats."""
        ...

    def activation_gain(self, network: Network, op: Op, tensor: Tensor, bits: int) -> float:
        """What reading `tensor` at `bits` adds to the score of `op`, in nats."""
        ...


@runtime_checkable
class Completable(Protocol):
    """An objective that a study may leave open: a table in a file, or numbers that follow from a model's learnt values."""

    @property
    def is_complete(self) -> bool:
        """Whether it holds all its numbers."""
        ...

    @property
    def file(self) -> str | None:
        """The file that holds them, as the study names it."""
        ...

    def complete(
        self,
        file: Path | None,
        network: Network,
        weights: Sequence[int],
        activations: Sequence[int],
        parameters: Mapping[str, Parameters],
    ) -> Any:
        """The same objective with its numbers.

        Raises:
            ValueError: the file, or the learnt values, do not give them all.
        """
        ...


def evaluate(objective: Objective, network: Network, bits: Bits) -> float:
    """Score `network` at `bits`, in nats."""
    scored = [op for op in network.ops if op.is_scored]
    return (
        float(objective.constant(network))
        + sum(objective.weight_gain(network, op, bits.weights[op.name]) for op in scored)
        + sum(objective.activation_gain(network, op, op.inputs[0], bits.activations[op.inputs[0].name]) for op in scored)
    )
