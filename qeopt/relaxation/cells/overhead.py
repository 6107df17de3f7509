"""Memory that an inference holds beside its tensors at every step: what operators hold for good, and shared scratch.

It adds up over the whole network, or is the largest of all operators, so no cell alone knows it. A range of it does separate: below
its lower end nothing needs to fit, above its upper end nothing is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from qeopt.hardware import Runtime
from qeopt.hardware.costs import persistent
from qeopt.memory.resources import scratch_by_op
from qeopt.network import Bits, Network


@dataclass(frozen=True, slots=True)
class Overhead:
    """The designs that hold so much beside their tensors, in the runtime's unit."""

    at_least: Annotated[int, Field(ge=0)] = 0
    at_most: int | None = None
    """None: any amount."""

    def split(self, at: int) -> tuple[Overhead, Overhead]:
        """Those that hold less than `at`, and the others."""
        return Overhead(self.at_least, at - 1), Overhead(at, self.at_most)


ANY = Overhead()
"""All designs."""


def has_overhead(runtime: Runtime) -> bool:
    """Whether anything is held beside the tensors at every step."""
    return bool(runtime.memory.persistent or runtime.shared_pools)


def overhead(network: Network, runtime: Runtime, bits: Bits) -> int:
    """What a network at some bits holds beside its tensors at every step, in the runtime's unit."""
    lasting = sum(int(persistent(runtime, op)) for op in network.ops)
    pools = zip(runtime.pools, scratch_by_op(network, runtime, bits), strict=True)
    return lasting + sum(max(needs.values(), default=0) for pool, needs in pools if pool.aggregate == "global_max")
