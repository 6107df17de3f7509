"""Where bytes change between signed and unsigned, as kernels of two libraries hold values in two ways.

A change is an operator more, which adds or takes the offset of a tensor's values where it lies: it needs no memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from qeopt.hardware.runtime import Runtime
from qeopt.network import Network, Op, Tensor

Values: TypeAlias = Literal["signed", "unsigned"]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A tensor whose values change right before an operator reads them."""

    tensor: Tensor
    op: Op
    values: Values
    """What they become."""


def crossings(runtime: Runtime, network: Network) -> tuple[Crossing, ...]:
    """List the changes in execution order; none where no kernel says how it holds values.

    The image is handed over as its first reader wants it.
    """
    if runtime.kernels == "any":
        return ()
    held: dict[str, Values | None] = {}
    found: list[Crossing] = []
    for op in network.ops:
        kernel = runtime.kernels.get(op.kind)
        wanted = None if kernel is None else kernel.values
        takes_both = wanted is None
        for tensor in op.inputs:
            known = held.get(tensor.name)
            wanted = known if takes_both and wanted is None else wanted  # inputs of one operator are held alike
            if known is not None and wanted is not None and known != wanted:
                found.append(Crossing(tensor, op, wanted))
            held[tensor.name] = wanted or known
        held |= dict.fromkeys((tensor.name for tensor in op.outputs), wanted)
    return tuple(found)
