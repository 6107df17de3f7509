"""The state of reading one ONNX graph: constants, values as views of tensors, and the draft that grows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qeopt.network.graph import OpKind
from qeopt.network.importers.constant import Array, Constant
from qeopt.network.importers.draft import Draft, Piece, Shape
from qeopt.network.importers.model import ImportOptions, refuse
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.infer import Dims, Inference
from qeopt.network.importers.onnx.values import Given
from qeopt.network.importers.patterns import number
from qeopt.network.importers.views import View, stays_in_memory
from qeopt.spec.errors import quote

_ATTRIBUTES = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints"}


class Step(NamedTuple):
    """What integers stand for: a real value is (integer - zero) times scale."""

    scale: Constant | None
    zero: Constant | None

    def numbers(self) -> tuple[float | None, float | None]:
        """Scale and zero, each where it is one number."""
        return number(self.scale), 0.0 if self.zero is None else number(self.zero)

    def means(self, other: Step) -> bool:
        """Whether integers stand for the same values in both."""
        return all(_equal(one, two) for one, two in zip(self, other, strict=True))


@dataclass
class Reader:
    """What is known of a graph while its nodes are read one by one."""

    path: Path
    draft: Draft
    options: ImportOptions
    inference: Inference
    given: dict[str, Given]
    outputs: frozenset[str]
    views: dict[str, View] = field(default_factory=dict)
    """Values that depend on the image."""
    bits: dict[str, int] = field(default_factory=dict)
    integers: dict[str, Step] = field(default_factory=dict)
    """Values between a quantiser and its dequantiser, and what their integers stand for: their views are of the real values."""
    repeated: dict[str, tuple[str, Piece]] = field(default_factory=dict)
    """Values that repeat others, with what these are and the operator that would repeat them: it is not there yet."""
    never_negative: set[str] = field(default_factory=set)
    """Tensors that are known to hold nothing below zero."""
    cut: list[str] = field(default_factory=list)
    _settled: dict[tuple[View, Shape], str] = field(default_factory=dict)

    @staticmethod
    def name(node: Any) -> str:
        """What to call a node."""
        return str(node.name or next((output for output in node.output if output), node.op_type))

    def refuse(self, node: Any, message: str) -> Exception:
        """Say what is wrong with a node."""
        return refuse(self.path, message, self.name(node))

    def give(self, value: str, found: Given) -> None:
        """Note a constant."""
        self.given[value] = found
        self.inference.state(value, found.constant.dims, found.kind)

    def knows(self, value: str) -> bool:
        """Whether a value depends on the image."""
        return value in self.views

    def dims_of(self, value: str, node: Any) -> Dims:
        """Dimensions of a value.

        Raises:
            SpecError: they could not be inferred.
        """
        if value in self.given:
            return self.given[value].constant.dims
        dims = self.inference.dims(value)
        if dims is None:
            raise self.refuse(node, f"the shape of {quote(value)} cannot be inferred")
        if any(side < 1 for side in dims):
            raise self.refuse(node, f"{quote(value)} is empty: {' x '.join(map(str, dims))} values")
        return dims

    def view(self, node: Any, index: int = 0) -> View:
        """What an input is a view of.

        Raises:
            SpecError: it is a constant, or not there.
        """
        value = node.input[index] if index < len(node.input) else ""
        if value not in self.views:
            raise self.refuse(node, f"input {quote(value)} is a constant; a value that depends on the image was expected")
        return self.views[value]

    def shape(self, view: View) -> Shape:
        """Height, width and channels of the tensor behind a view."""
        return self.draft.shapes[view.source]

    def settle(self, node: Any, view: View, shape: Shape) -> str:
        """The tensor of a given shape that holds the values of a view in their order; one is made where there is none.

        Raises:
            SpecError: the shape holds another number of values.
        """
        have = self.shape(view)
        if view.is_plain and have == shape:
            return view.source
        if prod(have) != prod(shape):
            raise self.refuse(node, f"reads {prod(shape)} values where {prod(have)} are")
        key = (replace(view, dims=tuple(d for d in view.dims if d > 1), strides=_wide(view)), shape)
        if key not in self._settled:
            kind = OpKind.RESHAPE if stays_in_memory(view, have, shape) else OpKind.TRANSPOSE
            value = f"{self.name(node)} (reads {len(self._settled)})"
            self.draft.add(Piece(f"{self.name(node)} (reshaped)", kind, (view.source,), value, moves=view.moves()), shape)
            self._settled[key] = value
        return self._settled[key]

    def plain(self, node: Any, index: int = 0) -> str:
        """The tensor behind an input of (batch, channels, ...), its channels first."""
        view = self.view(node, index)
        return self.settle(node, view, canonical(view.dims))

    def constant(self, node: Any, index: int) -> Constant | None:
        """The constant at an input; None where there is none."""
        if index >= len(node.input) or not node.input[index] or node.input[index] not in self.given:
            return None
        return self.given[node.input[index]].constant

    def array(self, node: Any, index: int) -> Array | None:
        """The values of a short constant; None where there is none.

        Raises:
            SpecError: it is no constant, or a long one.
        """
        if index >= len(node.input) or not node.input[index]:
            return None
        constant = self.constant(node, index)
        values = None if constant is None or constant.size > 4096 else constant.values()
        if values is None:
            raise self.refuse(node, f"input {quote(node.input[index])} is no constant of numbers")
        return np.asarray(values).reshape(-1)

    def attribute(self, node: Any, name: str, default: Any = None) -> Any:
        """An attribute as a plain value."""
        for attribute in node.attribute:
            if attribute.name == name:
                if attribute.type not in _ATTRIBUTES:
                    raise self.refuse(node, f"attribute {name!r} has a type that was not expected")
                found = getattr(attribute, _ATTRIBUTES[attribute.type])
                if attribute.type in {6, 7}:
                    return tuple(found)
                return found.decode("utf-8", "replace") if attribute.type == 3 else found
        return default

    def numbers(self, node: Any, name: str, index: int | None, default: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
        """Integers that an attribute or, in later versions of the operator, an input gives.

        Raises:
            SpecError: the input is no constant.
        """
        given = self.attribute(node, name)
        if given is not None:
            return tuple(int(number) for number in (given if isinstance(given, tuple) else (given,)))
        values = None if index is None else self.array(node, index)
        if values is None:
            return default
        if not np.isfinite(np.asarray(values, dtype=np.float64)).all():
            raise self.refuse(node, f"input {quote(node.input[index or 0])} is no constant of numbers")
        return tuple(int(number) for number in values)

    def add(self, node: Any, kind: OpKind, reads: tuple[str, ...], shape: Shape, *, output: int = 0, **told: Any) -> str:
        """Append an operator under the node's name; returns the value that it writes."""
        value = node.output[output]
        self.draft.add(Piece(self.name(node), kind, reads, value, **told), shape)
        return str(value)

    def write(self, node: Any, view: View, output: int = 0) -> None:
        """Say what an output is a view of.

        Raises:
            SpecError: it is not of the dimensions that were inferred.
        """
        value = node.output[output]
        known = self.inference.dims(value)
        if known is not None and known != view.dims:
            raise self.refuse(node, f"writes {' x '.join(map(str, known))} values; {' x '.join(map(str, view.dims))} were expected")
        if known is None:
            self.inference.state(value, view.dims)
        self.views[value] = view

    def write_plain(self, node: Any, kind: OpKind, reads: tuple[str, ...], shape: Shape, **told: Any) -> None:
        """Append an operator whose output has its channels first."""
        dims = self.dims_of(node.output[0], node)
        if prod(dims) != prod(shape):
            raise self.refuse(node, f"writes {prod(dims)} values; {prod(shape)} were expected")
        self.write(node, View.plain(self.add(node, kind, reads, shape, **told), dims))

    def elementwise(self, node: Any, kind: OpKind, view: View, **told: Any) -> None:
        """Append an operator that makes every value of one value of a view."""
        self.write(node, view.of(self.add(node, kind, (view.source,), self.shape(view), **told)))

    def function(self, node: Any, function: str, terms: tuple[float | None, ...] = ()) -> None:
        """Append a function of each value."""
        self.elementwise(node, OpKind.ACTIVATION, self.view(node), function=function, terms=terms)

    def same(self, node: Any, index: int = 0) -> None:
        """Take a node's output for one of its inputs."""
        view = self.view(node, index)
        dims = self.dims_of(node.output[0], node)
        if prod(dims) != prod(view.dims):
            raise self.refuse(node, f"writes {prod(dims)} values and reads {prod(view.dims)}")
        seen = view.reshaped(dims)
        if seen is None:
            seen = View.plain(self.settle(node, view, canonical(dims)), dims)
        self.write(node, seen)

    def note_bits(self, value: str, bits: int | None) -> None:
        """Note the bits that the file gives to a tensor."""
        if bits is None or value not in self.views:
            return
        source = self.views[value].source
        piece = self.draft.made.get(source)
        self.bits[f"{source if piece is None else piece.name} activations"] = bits


def _equal(one: Constant | None, two: Constant | None) -> bool:
    """Whether two constants hold the same values; nothing is zeros."""
    if one is two:
        return True
    first, second = (np.zeros(1) if constant is None else constant.values() for constant in (one, two))
    if first is None or second is None:
        return True  # not at hand, as nothing is computed of them either
    return 1 in {first.size, second.size, int(first.size == second.size)} and bool((first.reshape(-1) == second.reshape(-1)).all())


def _wide(view: View) -> tuple[int, ...]:
    return tuple(stride for side, stride in zip(view.dims, view.strides, strict=True) if side > 1)
