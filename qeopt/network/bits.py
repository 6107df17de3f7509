"""Bit-widths for a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qeopt.network.graph import Network, Op


@dataclass(frozen=True)
class Bits:
    """A bit-width for every weight tensor and every activation tensor, by name."""

    weights: Mapping[str, int]
    activations: Mapping[str, int]

    def of(self, op: Op) -> tuple[int, int, int]:
        """The (in, weight, out) bits of `op`; weight bits are 0 where it has no weights."""
        return self.activations[op.inputs[0].name], self.weights.get(op.name, 0), self.activations[op.output.name]

    @classmethod
    def uniform(cls, network: Network, bits: int) -> Bits:
        """Give every free tensor `bits` and every fixed one its own."""
        owners = {tensor.name: network.bits_owner(tensor) for tensor in network.tensors}
        return cls(
            weights={op.name: op.weight_bits or bits for op in network.weighted_ops},
            activations={name: owner.bits or bits for name, owner in owners.items()},
        )
