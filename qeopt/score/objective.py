"""What a search maximises: the protocol every objective follows, and the table of those known."""

from __future__ import annotations

from typing import Protocol

from qeopt.network import Bits, Network, Op, Tensor

MICRO = 1_000_000
"""Gains are integers in millionths of a nat."""


class Objective(Protocol):
    """A score that is a sum: a constant of the structure, a term per scored weight tensor, a term per scored activation tensor."""

    def check(self, network: Network) -> str | None:
        """Say why this objective cannot score `network`; None when it can."""
        ...

    def constant(self, network: Network) -> float:
        """The share of the score that no bit-width changes, in nats (an array for a batch of networks)."""
        ...

    def weight_gain(self, network: Network, op: Op, bits: int) -> float:
        """What the weights of `op` add to the score at `bits`, in nats."""
        ...

    def activation_gain(self, network: Network, op: Op, tensor: Tensor, bits: int) -> float:
        """What reading `tensor` at `bits` adds to the score of `op`, in nats."""
        ...


def evaluate(objective: Objective, network: Network, bits: Bits) -> float:
    """Score `network` at `bits`, in nats."""
    scored = [op for op in network.ops if op.is_scored]
    return (
        objective.constant(network)
        + sum(objective.weight_gain(network, op, bits.weights[op.name]) for op in scored)
        + sum(objective.activation_gain(network, op, op.inputs[0], bits.activations[op.inputs[0].name]) for op in scored)
    )
