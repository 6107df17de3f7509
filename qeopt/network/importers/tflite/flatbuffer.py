"""Read FlatBuffers that nobody vouches for. Every offset is checked before it is followed, and no claim is believed.

The format: https://flatbuffers.dev/internals. A table points to a vtable of field offsets; vectors are a length and their elements.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ITEMS = 200_000
"""Tables in one vector that are looked at."""


class DamagedError(ValueError):
    """An offset or length leads out of the file."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a buffer."""

    buffer: memoryview
    position: int

    @classmethod
    def root(cls, content: bytes) -> Table:
        """The table that a buffer begins with."""
        buffer = memoryview(content)
        return cls(buffer, _unpack(buffer, "<I", 0))

    def number(self, field: int, kind: str, default: Any = 0) -> Any:
        """A scalar; `kind` is its letter in `struct`."""
        at = self._at(field)
        return default if at is None else _unpack(self.buffer, f"<{kind}", at)

    def table(self, field: int) -> Table | None:
        """A table inside."""
        at = self._at(field)
        return None if at is None else Table(self.buffer, at + _unpack(self.buffer, "<I", at))

    def tables(self, field: int) -> Iterator[Table]:
        """A vector of tables."""
        start, length = self._vector(field, 4)
        if length > MAX_ITEMS:
            raise DamagedError(f"a list of {length:,} items")
        for index in range(length):
            at = start + 4 * index
            yield Table(self.buffer, at + _unpack(self.buffer, "<I", at))

    def numbers(self, field: int, dtype: str) -> NDArray[Any]:
        """A vector of scalars; empty where there is none."""
        kind = np.dtype(dtype).newbyteorder("<")
        start, length = self._vector(field, kind.itemsize)
        return np.frombuffer(self.buffer, dtype=kind, count=length, offset=start) if length else np.zeros(0, dtype=kind)

    def text(self, field: int) -> str:
        """A string; empty where there is none."""
        start, length = self._vector(field, 1)
        return bytes(self.buffer[start : start + min(length, 4096)]).decode("utf-8", "replace")

    def _at(self, field: int) -> int | None:
        """Where a field of this table lies."""
        table = self.position - int(_unpack(self.buffer, "<i", self.position))
        size = _unpack(self.buffer, "<H", table)
        slot = 4 + 2 * field
        if slot + 2 > size:
            return None
        offset = _unpack(self.buffer, "<H", table + slot)
        return self.position + int(offset) if offset else None

    def _vector(self, field: int, item: int) -> tuple[int, int]:
        """Where the elements of a vector begin, and how many there are."""
        at = self._at(field)
        if at is None:
            return 0, 0
        begin = at + int(_unpack(self.buffer, "<I", at))
        length = int(_unpack(self.buffer, "<I", begin))
        if begin + 4 + length * item > len(self.buffer):
            raise DamagedError(f"a list of {length:,} items that leads out of the file")
        return begin + 4, length


def _unpack(buffer: memoryview, kind: str, at: int) -> Any:
    if at < 0 or at + struct.calcsize(kind) > len(buffer):
        raise DamagedError("an offset that leads out of the file")
    return struct.unpack_from(kind, buffer, at)[0]
