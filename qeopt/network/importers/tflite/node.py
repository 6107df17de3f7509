"""One TFLite operator while it is read: what its handler asks of it, and how it writes into the draft."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from qeopt.network.functions import clip
from qeopt.network.graph import Move, OpKind
from qeopt.network.importers.constant import Array, Constant
from qeopt.network.importers.draft import Piece, Shape
from qeopt.network.importers.model import refuse
from qeopt.network.importers.tflite.flatbuffer import DamagedError
from qeopt.network.importers.tflite.schema import ACTIVATIONS, OperatorEntry
from qeopt.network.importers.tflite.state import Reader

Terms = tuple[float | None, ...]


class Node:
    """One operator, with what its handler asks."""

    def __init__(self, reader: Reader, number: int, op: OperatorEntry) -> None:
        self.reader, self.op, self.number = reader, op, number
        self.name = reader.tensors[op.outputs[0]].name if op.outputs else f"operator {number}"

    def refuse(self, message: str) -> Exception:
        """Say what is wrong with it."""
        return refuse(self.reader.path, message, self.name)

    def option(self, field: int, kind: str = "i", default: float = 0) -> Any:
        """A number of its options."""
        return default if self.op.options is None else self.op.options.number(field, kind, default)

    def fused(self, field: int) -> tuple[str, Terms]:
        """The function that it ends in."""
        code = int(self.option(field, "b"))
        if code not in ACTIVATIONS:
            raise self.refuse(f"ends in a function of the number {code}, which is not known")
        name = ACTIVATIONS[code]
        return clip(-1.0, 1.0) if name == "clip" else (name, ())

    def needs(self, count: int) -> None:
        """Refuse fewer inputs than `count`."""
        if len(self.op.inputs) < count or not self.op.outputs:
            raise DamagedError(f"operator {self.number} ({self.op.kind}) of {len(self.op.inputs)} inputs")

    def knows(self, index: int = 0) -> bool:
        """Whether an input depends on the image."""
        return index < len(self.op.inputs) and self.reader.draft.knows(str(self.op.inputs[index]))

    def dims(self, index: int = 0) -> tuple[int, ...]:
        """Dimensions of an input."""
        return self.reader.tensors[self.op.inputs[index]].dims

    def shape(self, index: int = 0) -> Shape:
        """Height, width and channels of an output."""
        return self.reader.shape(self.op.outputs[index])

    def read(self, index: int = 0) -> Shape:
        """Height, width and channels of an input."""
        return self.reader.shape(self.op.inputs[index])

    def source(self, index: int = 0) -> str:
        """The value that an input stands for."""
        value = str(self.op.inputs[index])
        if not self.reader.draft.knows(value):
            raise self.refuse(f"input {index} is a constant; a tensor that depends on the image was expected")
        found = self.reader.draft.resolve(value)
        if self.reader.draft.shapes[found] != self.read(index):
            return self.reshaped(found, self.read(index), f"{self.name} (reshaped)")
        return found

    def reshaped(self, source: str, shape: Shape, name: str) -> str:
        """Append a reshape of a value to another shape."""
        draft = self.reader.draft
        have = draft.shapes[source]
        if prod(have) != prod(shape):
            raise self.refuse(f"reads {prod(shape)} values where {prod(have)} are held")
        value = f"{source} as {shape}"
        if value not in draft.shapes:
            draft.add(Piece(name, OpKind.RESHAPE, (source,), value, moves=in_order(have, shape)), shape)
        return value

    def constant(self, index: int, what: str = "is no constant") -> Constant:
        """A constant input as real numbers, in its dimensions."""
        if index >= len(self.op.inputs) or not self.reader.is_constant(self.op.inputs[index]):
            raise self.refuse(what)
        maker = self.reader.computed.get(self.op.inputs[index])
        if maker is not None:
            raise self.refuse(f"input {index} is computed of constants by {maker}, which is not done here; fold it in the file")
        return self.reader.tensors.constant(self.op.inputs[index])

    def integers(self, index: int) -> tuple[int, ...] | None:
        """A short constant of integers."""
        if index >= len(self.op.inputs) or not self.reader.is_constant(self.op.inputs[index]):
            return None
        return self.reader.tensors.integers(self.op.inputs[index])

    def add(self, kind: OpKind, reads: Sequence[str], **told: Any) -> str:
        """Append an operator that writes all outputs."""
        draft = self.reader.draft
        outputs = [self.reader.joined.get(index, index) for index in self.op.outputs]
        for index in outputs:
            if draft.knows(str(index)):
                raise DamagedError(f"tensor {index} written twice")
        piece = Piece(self.name, kind, tuple(reads), str(outputs[0]), others=tuple(str(index) for index in outputs[1:]), **told)
        draft.add(piece, *(self.reader.shape(index) for index in outputs))
        made = draft.pieces[-1].name
        bits = self.reader.tensors[outputs[0]].bits
        if bits is not None:
            self.reader.bits[f"{made} activations"] = bits
        return made

    def then(self, function: str, terms: Terms = ()) -> None:
        """Let the operator just appended end in a function."""
        draft = self.reader.draft
        if function:
            piece = replace(draft.pieces[-1], function=function, terms=terms)
            draft.pieces[-1] = piece
            for value in piece.written:
                draft.made[value] = piece

    def needs_one_image(self, what: str) -> None:
        """Refuse several images at once, as a reshape makes them of one: their rows would run into each other."""
        dims = self.dims()
        if len(dims) > 3 and prod(dims[:-3]) != 1:
            raise self.refuse(f"{what} of {prod(dims[:-3])} images at once, as a reshape before it makes; one was expected")

    def needs_side(self, axis: int, dims: tuple[int, ...]) -> None:
        """Refuse an axis that is neither a row, a column nor a channel of one image."""
        axis %= max(len(dims), 1)
        if axis < len(dims) - 2 and prod(dims[:axis]) != 1:
            raise self.refuse(f"the axis {axis} of {list(dims)} is neither a row, a column nor a channel")

    def same(self, index: int = 0) -> None:
        """Let the output be another name for an input."""
        self.reader.draft.alias(str(self.op.outputs[0]), str(self.op.inputs[index]))

    def side(self, axis: int) -> int | None:
        """Which side (0 rows, 1 columns, 2 channels) a dimension of the first input is; None for the batch."""
        rank = len(self.dims())
        if not rank:
            return None
        place = axis % rank - (rank - 3)
        return place if place >= 0 and not (rank <= 3 and axis % rank == 0) else None


Handler = Callable[[Node], None]


def in_order(source: Shape, written: Shape) -> tuple[Move, ...]:
    """How values of a tensor come in the order of memory, channels last, and go into another shape in that order."""
    if source[:2] == written[:2] or (prod(source[:2]) == 1 and prod(written[:2]) == 1):
        return ()
    height, width, channels = source
    return (((channels, height, width), (1, 2, 0)), (written, (2, 0, 1)))


def permuted(source: Shape, dims: tuple[int, ...], order: tuple[int, ...], written: Shape) -> tuple[Move, ...]:
    """How values seen in some dimensions, channels last, are taken in another order of these."""
    height, width, channels = source
    return (((channels, height, width), (1, 2, 0)), (dims, order), (written, (2, 0, 1)))


def by_channel(constant: Constant) -> Constant:
    """A constant of up to four dimensions, channels last, by channels, rows and columns."""
    dims = (1, 1, 1, *constant.dims)[-3:]

    def turned(values: Array) -> Array:
        return np.asarray(values).reshape(dims).transpose(2, 0, 1)

    return constant.then((dims[2], dims[0], dims[1]), turned, key="channels first")
