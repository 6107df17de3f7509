"""Operators and tensors: what a structure or an imported file expands to."""

from qeopt.network.bits import Bits
from qeopt.network.builder import NetworkBuilder
from qeopt.network.graph import WEIGHTED_KINDS, Dim, Network, Op, OpKind, Tensor, fan_in, macs, weight_count

__all__ = ["WEIGHTED_KINDS", "Bits", "Dim", "Network", "NetworkBuilder", "Op", "OpKind", "Tensor", "fan_in", "macs", "weight_count"]
