"""Scales that kernels want to be the same: what they read and write, or all output channels of their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from qeopt.export.arithmetic.quantised import Grid
from qeopt.export.errors import ExportError
from qeopt.network import Network, OpKind


@dataclass(frozen=True)
class Ties:
    """What kernels ask of scales."""

    kinds: frozenset[OpKind] = frozenset()
    """Kinds of operator whose inputs and output have one scale and one zero."""
    per_tensor: frozenset[OpKind] = frozenset()
    """Kinds of operator whose weights have one scale for all output channels."""


FREE = Ties()
"""Kernels that rescale everywhere."""


def tied_grids(network: Network, grids: Mapping[str, Grid], kinds: frozenset[OpKind], given: frozenset[str]) -> dict[str, Grid]:
    """Return the grids of tensors that operators of some kinds tie together: the largest scale, with signs where one has them.

    Args:
        network: The operators.
        grids: What tensors would have if nothing tied them.
        kinds: Of operators that tie.
        given: Tensors whose scale a file states.

    Raises:
        ExportError: when stated scales differ, or bits do.
    """
    group: dict[str, set[str]] = {}
    for op in network.ops:
        if op.kind in kinds:
            joined = set().union(*(group.get(tensor.name, {tensor.name}) for tensor in (*op.inputs, op.output)))
            group |= dict.fromkeys(joined, joined)
    found: dict[str, Grid] = {}
    for names in group.values():
        members = [grids[name] for name in sorted(names)]
        stated = {grids[name].scale for name in names & given}
        if len(stated) > 1 or len({grid.bits for grid in members}) > 1:
            raise ExportError(f"{', '.join(sorted(names))} share one scale and width here, and have several")
        is_signed = any(grid.is_signed for grid in members)
        joint = Grid(members[0].bits, is_signed, 1.0)
        scale = stated.pop() if stated else max(grid.scale * grid.high for grid in members) / joint.high
        found |= dict.fromkeys(names, replace(joint, scale=scale))
    return found
