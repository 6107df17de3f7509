"""The state of reading one ONNX graph: shapes, constants, and the draft that grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from qeopt.network.graph import OpKind
from qeopt.network.importers.draft import Draft, Piece, Shape
from qeopt.network.importers.model import ImportOptions, Parameters, refuse
from qeopt.network.importers.onnx.shapes import Dims
from qeopt.network.importers.onnx.values import Array, Constant, constant_of
from qeopt.network.importers.windows import channels_first
from qeopt.spec.errors import quote

MakeParameters = Callable[[], Parameters | None]


@dataclass
class Reader:
    """What is known of a graph while its nodes are read one by one."""

    path: Path
    draft: Draft
    options: ImportOptions
    dims: Mapping[str, Dims]
    constants: dict[str, Constant]
    graph: Any
    parameters: dict[str, MakeParameters] = field(default_factory=dict)
    bits: dict[str, int] = field(default_factory=dict)
    channels_last: set[str] = field(default_factory=set)
    """Values whose dimensions are (batch, height, width, channels)."""
    integers: set[str] = field(default_factory=set)
    """Values between a quantiser and its dequantiser."""
    cut: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    """Values behind a cut."""
    _uses: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._uses.update(value for node in self.graph.node for value in node.input)
        self._uses.update(value.name for value in self.graph.output)

    def name(self, node: Any) -> str:
        """What to call a node."""
        return str(node.name or node.output[0])

    def refuse(self, node: Any, message: str) -> Exception:
        """Say what is wrong with a node."""
        return refuse(self.path, message, self.name(node))

    def dims_of(self, value: str, node: Any) -> Dims:
        """Dimensions of a value.

        Raises:
            SpecError: they could not be inferred.
        """
        if value in self.constants:
            return self.constants[value].dims
        if value not in self.dims:
            raise self.refuse(node, f"the shape of {quote(value)} cannot be inferred")
        return self.dims[value]

    def canonical(self, value: str, node: Any = None) -> Shape:
        """Height, width and channels of a value."""
        dims = self.dims.get(value) if node is None else self.dims_of(value, node)
        if dims is None:
            raise refuse(self.path, f"the shape of {quote(value)} cannot be inferred")
        if value in self.channels_last:
            return prod(dims[:-2]), dims[-2], dims[-1]
        return channels_first(dims)

    def source(self, node: Any, index: int = 0) -> str:
        """The value an input stands for, in the shape this node sees."""
        value = node.input[index]
        return self.draft.read_as(value, self.canonical(value, node), self.name(node))

    def constant(self, node: Any, index: int) -> Constant | None:
        """The constant at an input; None where there is none."""
        if index >= len(node.input) or not node.input[index]:
            return None
        return self.constants.get(node.input[index])

    def attribute(self, node: Any, name: str, default: Any = None) -> Any:
        """An attribute as a plain value."""
        for attribute in node.attribute:
            if attribute.name == name:
                kinds = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints"}
                if attribute.type not in kinds:
                    raise self.refuse(node, f"attribute {name!r} has a type that was not expected")
                found = getattr(attribute, kinds[attribute.type])
                return (
                    tuple(found) if attribute.type in {6, 7} else found.decode("utf-8", "replace") if attribute.type == 3 else found
                )
        return default

    def numbers(self, node: Any, name: str, index: int | None, default: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
        """Integers that an attribute or, in later versions of the operator, an input gives.

        Raises:
            SpecError: the input is no constant.
        """
        given = self.attribute(node, name)
        if given is not None:
            return tuple(int(number) for number in (given if isinstance(given, tuple) else (given,)))
        if index is None or index >= len(node.input) or not node.input[index]:
            return default
        constant = self.constant(node, index)
        values = None if constant is None or constant.size > 1024 else constant.values()
        if values is None or not np.isfinite(np.asarray(values, dtype=np.float64)).all():
            raise self.refuse(node, f"input {quote(node.input[index])} is no constant of numbers")
        return tuple(int(number) for number in np.asarray(values).reshape(-1))

    def add(self, node: Any, kind: OpKind, reads: tuple[str, ...], shape: Shape, output: int = 0, **told: Any) -> None:
        """Append an operator under the node's name."""
        name = self.name(node) if output == 0 else f"{self.name(node)}:{output}"
        value = node.output[output]
        self.draft.add(Piece(name, kind, reads, value, **told), shape)

    def same(self, node: Any, index: int = 0) -> None:
        """Take a node's output for one of its inputs."""
        for output in node.output[:1]:
            self.draft.alias(output, node.input[index])
            source = node.input[index]
            if source in self.channels_last and len(self.dims.get(output, ())) == len(self.dims.get(source, ())):
                self.channels_last.add(output)

    def function(self, node: Any, function: str) -> None:
        """Append a function of each value."""
        self._follow_layout(node)
        self.add(node, OpKind.ACTIVATION, (self.source(node),), self.canonical(node.output[0], node), function=function)

    def affine(self, node: Any, index: int, scale: Callable[[], Array] | None, shift: Callable[[], Array] | None) -> None:
        """Multiply by and add a value per channel: into the weights before it where nothing else reads those sums."""
        value = node.input[index]
        made_by = self.draft.resolve(value)
        piece = self.draft.made.get(made_by)
        weighted = piece is not None and piece.kind in {OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE} and not piece.function
        if (
            piece is None
            or not weighted
            or self._uses[value] != 1
            or self.draft.shapes[made_by] != self.canonical(node.output[0], node)
        ):
            self._follow_layout(node)
            self.add(node, OpKind.ACTIVATION, (self.source(node, index),), self.canonical(node.output[0], node), function="affine")
            return
        make = self.parameters.get(piece.name)
        if make is not None:
            self.parameters[piece.name] = lambda: _folded(make(), scale, shift)
        self.same(node, index)

    def escape(self, node: Any, escape: str) -> None:
        """Take a node as the user says."""
        self.draft.notes.append(f"taken as {escape}, as declared: {node.op_type} {self.name(node)!r}")
        if escape == "identity":
            self.same(node, next(index for index, value in enumerate(node.input) if self.draft.knows(value)))
        elif escape == "activation":
            self.function(node, node.op_type.lower())
        else:
            self.add(node, OpKind.TRANSPOSE, (self.source(node),), self.canonical(node.output[0], node))

    def quantise(self, node: Any) -> None:
        """Take a QONNX quantiser of an activation for what it reads, and note its bits."""
        self.same(node)
        self.note_bits(node.input[0], self._quantiser_bits(node))

    def note_bits(self, value: str, bits: int | None) -> None:
        """Note the bits that the file gives to a tensor."""
        source = self.draft.resolve(value)
        piece = self.draft.made.get(source)
        name = piece.name if piece is not None else source
        if bits is not None:
            self.bits[f"{name} activations"] = bits

    def fold(self, node: Any) -> None:
        """Note what a node makes of constants; values only where weights pass through it."""
        first = self.constant(node, 0)
        output = node.output[0] if node.output else ""
        if node.op_type == "Constant":
            tensor = self.attribute(node, "value")
            if tensor is not None:
                self.constants[output] = constant_of(self.path, tensor)
            else:
                listed = self.attribute(node, "value_ints", self.attribute(node, "value_floats"))
                number = self.attribute(node, "value_int", self.attribute(node, "value_float"))
                values = np.asarray(listed if listed is not None else number)
                if listed is not None or number is not None:
                    self.constants[output] = Constant(values.shape, lambda: values)
        elif first is not None and node.op_type == "QuantizeLinear":
            zero = self.constant(node, 2)
            self.constants[output] = Constant(first.dims, None, 8 if zero is None else zero.bits)
        elif first is not None:
            folded = self._folded(node, first)
            if folded is not None:
                self.constants[output] = folded

    def _folded(self, node: Any, first: Constant) -> Constant | None:
        dims = self.dims.get(node.output[0], first.dims)
        match node.op_type:
            case "Reshape" | "Squeeze" | "Unsqueeze" | "Flatten" if prod(dims) == first.size:
                return first.then(dims, lambda values: values.reshape(dims))
            case "Transpose":
                perm = self.attribute(node, "perm", tuple(range(len(first.dims)))[::-1])
                return first.then(dims, lambda values: values.transpose(perm))
            case "DequantizeLinear":
                scale, zero, axis = self.constant(node, 1), self.constant(node, 2), self.attribute(node, "axis", 1)
                return first.then(first.dims, lambda values: _dequantised(values, scale, zero, axis))
            case "Clip":
                low, high = self.bounds(node)
                bits = None if low is None or high is None else bits_between(low, high)
                return first.then(first.dims, lambda values: np.clip(values, low, high), bits)
            case "Quant" | "IntQuant" | "BipolarQuant" | "Identity" | "Cast":
                return Constant(first.dims, first.load, self._quantiser_bits(node) or first.bits)
        return None

    def bounds(self, node: Any) -> tuple[float | None, float | None]:
        """What a clip keeps values between; None where it has no such bound."""
        found: list[float | None] = []
        for index, name in ((1, "min"), (2, "max")):
            constant = self.constant(node, index)
            values = None if constant is None or constant.size != 1 else constant.values()
            told = self.attribute(node, name) if values is None else float(np.asarray(values).reshape(-1)[0])
            found.append(told if told is not None and np.isfinite(told) else None)
        return found[0], found[1]

    def _quantiser_bits(self, node: Any) -> int | None:
        if node.op_type not in {"Quant", "IntQuant", "BipolarQuant"}:
            return None
        width = self.constant(node, 3)
        if node.op_type == "BipolarQuant":
            return 1
        values = None if width is None or width.size != 1 else width.values()
        return None if values is None or not 1 <= float(values.reshape(-1)[0]) <= 32 else round(float(values.reshape(-1)[0]))

    def _follow_layout(self, node: Any) -> None:
        if any(value in self.channels_last for value in node.input):
            self.channels_last.update(node.output)


def bits_between(low: float, high: float) -> int | None:
    """Bits that tell the whole numbers between two bounds apart."""
    steps = high - low + 1
    return int(np.ceil(np.log2(steps))) if 2 <= steps <= 1 << 32 else None


def _dequantised(values: Array, scale: Constant | None, zero: Constant | None, axis: int) -> Array:
    factor = None if scale is None else scale.values()
    offset = None if zero is None else zero.values()
    found = np.asarray(values, dtype=np.float32)

    def spread(given: Array) -> Array:
        given = np.asarray(given, dtype=np.float32)
        if given.size == 1:
            return given.reshape(())
        sides = [1] * found.ndim
        sides[axis % found.ndim] = -1
        return given.reshape(sides)

    if offset is not None:
        found = found - spread(offset)
    return found if factor is None else found * spread(factor)


def _folded(given: Parameters | None, scale: Callable[[], Array] | None, shift: Callable[[], Array] | None) -> Parameters | None:
    if given is None:
        return None
    return given.folded(None if scale is None else scale(), None if shift is None else shift())
