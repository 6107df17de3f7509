"""What is proven of some designs of a space."""

from __future__ import annotations

from dataclasses import dataclass, field

from qeopt.relaxation.cells.overhead import Overhead
from qeopt.relaxation.cells.prices import Prices
from qeopt.space.restrict import Where


@dataclass(frozen=True)
class BoundPart:
    """A bound over the designs in one range of what they hold beside their tensors, or of some structures, and what proves it."""

    overhead: Overhead
    """The designs that are meant."""
    value: float
    """None of them scores higher, in nats; -inf where none is feasible."""
    prices: Prices
    """The certificate: one walk at these prices gives `value`; empty where `exact`."""
    where: Where = field(default_factory=dict)
    """The structures that are meant: by block and gene, the values they have; empty for all."""
    exact: bool = False
    """Whether a single structure is meant, and its best bits prove `value`."""
