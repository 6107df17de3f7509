"""The objective under which every design is worth nothing: what is left of a search is whether something fits."""

from __future__ import annotations

from dataclasses import dataclass

from qeopt.network import Network, Op, Tensor


@dataclass(frozen=True, slots=True)
class ZeroObjective:
    """Scores every network with 0 nats at any bits."""

    def check(self, network: Network) -> str | None:
        """It can score any network."""
        return None

    def constant(self, network: Network) -> float:
        """Nothing."""
        return 0.0

    def weight_gain(self, network: Network, op: Op, bits: int) -> float:
        """Nothing."""
        return 0.0

    def activation_gain(self, network: Network, op: Op, tensor: Tensor, bits: int) -> float:
        """Nothing."""
        return 0.0
