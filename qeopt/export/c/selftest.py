"""What a program has to make of one image, byte by byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from qeopt.export.arithmetic.quantised import Integers, QuantisedNetwork, Reals
from qeopt.export.c.packing import packed
from qeopt.export.reference import run
from qeopt.network import Tensor


@dataclass(frozen=True)
class SelfTest:
    """An image, and what the reference makes of it, as the kernels store it."""

    model: QuantisedNetwork
    image: Reals
    """Shape (1, channels, height, width)."""

    def stored(self, tensor: Tensor) -> bytes:
        """A tensor in memory."""
        return self._bytes(self._integers[tensor.name], tensor)

    @cached_property
    def hashes(self) -> tuple[int, ...]:
        """Of what every layer has to write."""
        return tuple(fnv(self.stored(op.output)) for op in self.model.network.ops)

    @property
    def output(self) -> tuple[int, ...]:
        """What the network has to make of the image."""
        return tuple(self._integers[self.model.network.outputs[0].name].ravel().tolist())

    @cached_property
    def _integers(self) -> Mapping[str, Integers]:
        return run(self.model, self.image)

    def _bytes(self, values: Integers, tensor: Tensor) -> bytes:
        return packed(values[0].transpose(1, 2, 0), self.model.grids[tensor.name].bits)


def fnv(found: bytes) -> int:
    """FNV-1a of 32 bits."""
    hashed = 2166136261
    for byte in found:
        hashed = (hashed ^ byte) * 16777619 & 0xFFFFFFFF
    return hashed
