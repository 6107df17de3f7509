"""Parse an ONNX file without its large constants: their values stay in the file, as external data does, until they are wanted.

A message of protocol buffers is a row of fields: a key that holds number and wire type, and a value whose length the type or a
number before it tells (protobuf.dev/programming-guides/encoding). So a constant can be stepped over without being read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

LARGE = 1 << 16
"""Bytes of values from which they stay in the file."""
GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9
"""Numbers of the fields ModelProto.graph, GraphProto.initializer and TensorProto.raw_data."""
EXTERNAL = 1
"""TensorProto.DataLocation of values in a file."""
_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_FIXED = {_FIXED_64: 8, _FIXED_32: 4}
_MOST_BYTES_OF_A_NUMBER = 10


class _Field(NamedTuple):
    """Where a field lies in a file."""

    number: int
    wire: int
    first: int
    """Address of its key."""
    start: int
    """Address of its value."""
    end: int


def parse(onnx: Any, file: BinaryIO, name: str) -> Any:
    """The model in a file, each of its large constants as external data that lie in the file itself.

    Args:
        onnx: The package.
        file: Open for reading bytes.
        name: Of the file, where the data are said to lie.

    Raises:
        ValueError: the file is no row of fields.
        OSError: it cannot be read.
        Exception: what the parser raises, by version of the package.
    """
    model = onnx.ModelProto()
    for field in _fields(file, 0, file.seek(0, 2)):
        if field.number == GRAPH and field.wire == _LENGTH:
            _merge_graph(onnx, model.graph, file, field, name)
        else:
            model.MergeFromString(_content(file, field.first, field.end))
    return model


def _merge_graph(onnx: Any, graph: Any, file: BinaryIO, found: _Field, name: str) -> None:
    graph.SetInParent()
    start = found.start
    for field in _fields(file, found.start, found.end):
        if field.number != INITIALIZER or field.wire != _LENGTH or field.end - field.start < LARGE:
            continue
        graph.MergeFromString(_content(file, start, field.first))
        start = field.end
        _merge_tensor(onnx, graph.initializer.add(), file, field, name)
    graph.MergeFromString(_content(file, start, found.end))


def _merge_tensor(onnx: Any, tensor: Any, file: BinaryIO, found: _Field, name: str) -> None:
    values = None
    for field in _fields(file, found.start, found.end):
        if field.number == RAW_DATA and field.wire == _LENGTH:
            values = field
        else:
            tensor.MergeFromString(_content(file, field.first, field.end))
    if values is None:
        return
    if values.end - values.start < LARGE or tensor.data_location == EXTERNAL:
        tensor.MergeFromString(_content(file, values.first, values.end))
        return
    tensor.data_location = EXTERNAL
    told = {"location": name, "offset": str(values.start), "length": str(values.end - values.start)}
    tensor.external_data.extend(onnx.StringStringEntryProto(key=key, value=value) for key, value in told.items())


def _fields(file: BinaryIO, start: int, end: int) -> Iterator[_Field]:
    """Fields between two addresses."""
    at = start
    while at < end:
        file.seek(at)
        key, first = _number(file, at)
        number, wire = key >> 3, key & 7
        if wire == _LENGTH:
            length, value = _number(file, first)
            stop = value + length
        elif wire == _VARINT:
            value, stop = first, _number(file, first)[1]
        elif wire in _FIXED:
            value, stop = first, first + _FIXED[wire]
        else:
            raise ValueError(f"wire type {wire}")
        if not number or stop > end:
            raise ValueError("a field ends behind its message")
        yield _Field(number, wire, at, value, stop)
        at = stop


def _number(file: BinaryIO, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and the address behind it; the file stands where it begins."""
    content = file.read(_MOST_BYTES_OF_A_NUMBER)
    found = 0
    for place, byte in enumerate(content):
        found |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            file.seek(at + place + 1)
            return found, at + place + 1
    raise ValueError("a number without an end")


def _content(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
