"""Tensors of one TFLite subgraph, and the values that the file stores for constants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.network.importers.constant import Constant
from qeopt.network.importers.tflite.flatbuffer import DamagedError, Table
from qeopt.network.importers.tflite.schema import TYPES, TensorEntry
from qeopt.spec.errors import quote


@dataclass
class Tensors:
    """Tensors by their index."""

    entries: list[TensorEntry]
    buffers: list[Table]
    _holders: dict[int, int] = field(default_factory=dict)
    """By a constant that is made of another: the one that holds its values."""

    def __iter__(self) -> Iterator[TensorEntry]:
        return iter(self.entries)

    def __getitem__(self, index: int) -> TensorEntry:
        if not 0 <= index < len(self.entries):
            raise DamagedError(f"tensor {index} of {len(self.entries)}")
        return self.entries[index]

    def keep(self, index: int, source: int) -> None:
        """Say that a constant holds the values of another."""
        self._holders[index] = self._holders.get(source, source)

    def constant(self, index: int) -> Constant:
        """A constant's real values, read when they are asked for."""
        tensor = self[index]
        stored = self[self._holders.get(index, index)]
        if self._is_empty(stored):
            return Constant(tensor.dims, None, stored.bits)
        key = f"buffer {stored.buffer}" if stored.buffer else ""

        def load() -> NDArray[Any]:
            found = self._real(stored)
            if found is None:
                raise ValueError(f"{quote(stored.name)} holds none")
            return found.reshape(tensor.dims)

        return Constant(tensor.dims, load, stored.bits, key)

    def integers(self, index: int) -> tuple[int, ...] | None:
        """A short constant of integers.

        Raises:
            DamagedError: when it is one of other numbers.
        """
        tensor = self[index]
        found = None if prod(tensor.dims) > 64 else self._data(tensor)
        if found is not None and found.dtype.kind not in "iub":
            raise DamagedError(f"numbers of the type {found.dtype} in {quote(tensor.name)}, where integers were expected")
        return None if found is None else tuple(int(number) for number in found.reshape(-1))

    def _is_empty(self, tensor: TensorEntry) -> bool:
        return tensor.type not in TYPES or not 0 < tensor.buffer < len(self.buffers) or self._length(tensor) == 0

    def _length(self, tensor: TensorEntry) -> int:
        return len(self.buffers[tensor.buffer].numbers(0, "u1"))

    def _real(self, tensor: TensorEntry) -> NDArray[Any] | None:
        stored = self._data(tensor)
        if stored is None or not len(tensor.scales):
            return stored
        sides = [1] * stored.ndim
        if len(tensor.scales) > 1:
            if not 0 <= tensor.axis < stored.ndim or stored.shape[tensor.axis] != len(tensor.scales):
                raise DamagedError(f"{len(tensor.scales)} scales for {quote(tensor.name)}")
            sides[tensor.axis] = -1
        zeros = tensor.zero_points if len(tensor.zero_points) == len(tensor.scales) else np.zeros(len(tensor.scales))
        with np.errstate(all="ignore"):
            real = (stored.astype(np.float64) - zeros.reshape(sides)) * tensor.scales.reshape(sides)
            return np.asarray(real, dtype=np.float32)

    def _data(self, tensor: TensorEntry) -> NDArray[Any] | None:
        """A constant's values as they are stored; None where the file holds none, or their type is not known.

        Raises:
            DamagedError: there are more or fewer than its dimensions say.
        """
        known = TYPES.get(tensor.type)
        if known is None or not 0 < tensor.buffer < len(self.buffers):
            return None
        stored = self.buffers[tensor.buffer].numbers(0, "u1")
        count = prod(tensor.dims)
        kind, bits = known
        if not len(stored):
            return None
        if len(stored) != -(-count * bits // 8):
            raise DamagedError(f"{len(stored):,} bytes for {count:,} values of {quote(tensor.name)}")
        if bits < 8:
            parts = [(stored >> shift) & (2**bits - 1) for shift in range(0, 8, bits)]
            unpacked = np.stack(parts, axis=-1).reshape(-1)[:count].astype(np.int16)
            return np.where(unpacked >= 2 ** (bits - 1), unpacked - 2**bits, unpacked).reshape(tensor.dims)
        return np.frombuffer(stored.tobytes(), dtype=np.dtype(kind).newbyteorder("<")).reshape(tensor.dims)
