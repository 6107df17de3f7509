"""Write FlatBuffers front to back: each table before what it points to, every number where its size divides its address.

The format: https://flatbuffers.dev/internals. A table points back to a vtable of field offsets; vectors are a length and elements.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DATA_ALIGNMENT = 16
"""Addresses of arrays: whoever maps the file reads them in place."""
_SLOT = 8


@dataclass(frozen=True, slots=True)
class Number:
    """A scalar; `kind` is its letter in `struct`."""

    kind: str
    value: float


Table = Mapping[int, "Field"]
"""Fields by their number in the schema; those left out have the schema's default."""
Field = Number | Table | Sequence[Table] | NDArray[np.generic] | str


def written(root: Table, identifier: bytes) -> bytes:
    """Lay out a table and everything it points to.

    Args:
        root: The table that the buffer begins with.
        identifier: Four bytes that say what kind of file this is.
    """
    out = bytearray(4) + identifier
    start = _table(out, root)
    struct.pack_into("<I", out, 0, start)
    return bytes(out)


def _table(out: bytearray, fields: Table) -> int:
    count = max(fields, default=-1) + 1
    _fill(out, _SLOT)
    vtable, size = len(out), 4 + 2 * count
    out += bytes(size)
    _fill(out, _SLOT)
    start = len(out)
    out += struct.pack("<i", start - vtable) + bytes(4 + _SLOT * count)
    struct.pack_into("<HH", out, vtable, size, _SLOT * count + 8)
    for number, field in fields.items():
        at = start + 8 + _SLOT * number
        struct.pack_into("<H", out, vtable + 4 + 2 * number, at - start)
        if isinstance(field, Number):
            struct.pack_into(f"<{field.kind}", out, at, field.value)
        else:
            struct.pack_into("<I", out, at, _child(out, field) - at)
    return start


def _child(out: bytearray, field: Table | Sequence[Table] | NDArray[np.generic] | str) -> int:
    if isinstance(field, str):
        text = field.encode()
        _fill(out, 4)
        start = len(out)
        out += struct.pack("<I", len(text)) + text + b"\0"
        return start
    if isinstance(field, np.ndarray):
        while (len(out) + 4) % DATA_ALIGNMENT:
            out.append(0)
        start = len(out)
        out += struct.pack("<I", field.size) + np.ascontiguousarray(field, field.dtype.newbyteorder("<")).tobytes()
        return start
    if isinstance(field, Mapping):
        return _table(out, field)
    _fill(out, 4)
    start = len(out)
    out += struct.pack("<I", len(field)) + bytes(4 * len(field))
    for index, table in enumerate(field):
        at = start + 4 + 4 * index
        struct.pack_into("<I", out, at, _table(out, table) - at)
    return start


def _fill(out: bytearray, alignment: int) -> None:
    out += bytes(-len(out) % alignment)
