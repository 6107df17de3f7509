"""A design with numbers as calls of CMSIS-NN: what the generated program does, step by step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from qeopt.design.arena import Arena
from qeopt.export.arithmetic.contract import Rescaling, rescaling
from qeopt.export.arithmetic.geometry import check_shapes, seen_from, shape_of, window
from qeopt.export.arithmetic.quantised import QuantisedNetwork
from qeopt.export.arithmetic.rounding import MULTIPLIER_BITS, Factors
from qeopt.export.c.cmsis.arithmetic import ADD_SHIFT, addition, is_softmax, zero
from qeopt.export.c.packing import laid_out, packed
from qeopt.export.errors import ExportError, all_of
from qeopt.export.onnx.operators import side_of
from qeopt.export.tflite.softmax import constants
from qeopt.network import Op, OpKind, Tensor

WEIGHT_WIDTHS = (4, 8)
SOFTMAX = "arm_softmax_s8"
"""The only function that returns nothing."""


@dataclass(frozen=True)
class Numbers:
    """What a step adds to the arrays of the program."""

    weights: bytes = b""
    bias: tuple[int, ...] = ()
    multipliers: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()


ARRAYS = tuple(field.name for field in fields(Numbers))


@dataclass(frozen=True)
class Call:
    """One step: which function, and the constants that it is called with."""

    op: str
    function: str
    lines: tuple[str, ...]
    """Declarations before the call."""
    arguments: tuple[str, ...]
    numbers: Numbers = Numbers()
    positions: int = 0
    """Where it is done for one position after the other: how many."""


def calls_of(arena: Arena, model: QuantisedNetwork, *, per_channel_dense: bool) -> tuple[Call, ...]:
    """All steps of a design.

    Raises:
        ExportError: naming every operator and width that the library has no kernel for.
    """
    return all_of(model.network.ops, _Caller(_Memory(arena), model, per_channel_dense).call)


@dataclass(frozen=True)
class _Memory:
    """Spells the addresses of buffers."""

    arena: Arena

    def at(self, tensor: Tensor) -> str:
        """Where a tensor begins."""
        return f"(int8_t *){self._address(tensor.name)}"

    def context(self, op: Op) -> str:
        """The declaration of an operator's working memory."""
        name = self._scratch.get(op.name)
        address, size = ("0", 0) if name is None else (self._address(name), self.arena.buffers[name].bytes)
        return f"const cmsis_nn_context context = {{{address}, {size}}};"

    def _address(self, name: str) -> str:
        buffer, names = self.arena.buffers[name], [region.name for region in self.arena.regions]
        region = f"[{names.index(buffer.region) if buffer.region else 0}]" if len(names) > 1 else ""
        return f"({'memory' + region if region else 'arena'} + {buffer.offset})"

    @cached_property
    def _scratch(self) -> Mapping[str, str]:
        """Buffers of working memory by operator."""
        return {buffer.op: name for name, buffer in self.arena.buffers.items() if buffer.kind == "scratch"}


@dataclass(frozen=True)
class _Caller:
    """Spells the calls of one design. In its text `{weights}`, `{bias}`, `{multipliers}` and `{shifts}` stand for the arrays."""

    memory: _Memory
    model: QuantisedNetwork
    per_channel_dense: bool

    def call(self, op: Op) -> Call:
        """The call of one operator."""
        for tensor in (*op.inputs, op.output):
            if self.model.grids[tensor.name].bits != 8:
                raise ExportError(f"{tensor.name!r} has {self.model.grids[tensor.name].bits} bits; CMSIS-NN reads and writes 8")
        check_shapes(op)
        return self._softmax(op) if is_softmax(self.model, op) else self._rescaled(op, rescaling(self.model, op))

    def _rescaled(self, op: Op, ends: Rescaling) -> Call:
        """The call of an operator that ends in a change of scale."""
        match op.kind:
            case OpKind.CONV | OpKind.DEPTHWISE:
                return self._convolution(op, ends)
            case OpKind.DENSE:
                return self._dense(op, ends)
            case OpKind.POOL | OpKind.MAX_POOL:
                return self._pool(op, ends)
            case OpKind.ADD:
                return self._add(op, ends)
            case OpKind.MUL:
                return self._product(op, ends)
            case OpKind.CONCAT:
                return self._concat(op)
            case _:
                raise ExportError(f"{op.name!r} is of the kind {op.kind}, for which there is no call of CMSIS-NN here")

    def _convolution(self, op: Op, ends: Rescaling) -> Call:
        source, found, is_depthwise = op.inputs[0], window(op), op.kind is OpKind.DEPTHWISE
        width, channels = self._weight_bits(op), int(op.output.channels)
        offsets = (-self._zero(source), self._zero(op.output))
        multiple = (channels // int(source.channels),) if is_depthwise else ()
        sides = (found.strides[::-1], found.pads[1::-1], found.dilation[::-1], self._range(op, ends))
        kind = "dw_conv" if is_depthwise else "conv"
        filter_dims = (1 if is_depthwise else channels, found.height, found.width, int(source.channels) // op.groups)
        if is_depthwise:
            filter_dims = (*filter_dims[:3], channels)
        params = _braced((*offsets, *multiple, *map(_braced, sides)))
        return Call(
            op.name,
            f"arm_{'depthwise_conv' if is_depthwise else 'convolve'}_wrapper_s{width}",
            (
                self.memory.context(op),
                f"const cmsis_nn_{kind}_params params = {params};",
                "const cmsis_nn_per_channel_quant_params quant = {(int32_t *)({multipliers}), (int32_t *)({shifts})};",
                _dims("in", source),
                f"const cmsis_nn_dims filter = {_braced(filter_dims)}, bias = {{1, 1, 1, {channels}}};",
                _dims("out", op.output),
            ),
            _with_weights(self.memory.at(source), self.memory.at(op.output)),
            self._numbers(op, ends.factors),
        )

    def _dense(self, op: Op, ends: Rescaling) -> Call:
        source, channels, width = op.inputs[0], int(op.output.channels), self._weight_bits(op)
        by_channel, values = self.per_channel_dense and width == 8, int(source.elements)
        name = "arm_fully_connected_per_channel_s8" if by_channel else f"arm_fully_connected_s{width}"
        quant = (
            "const cmsis_nn_per_channel_quant_params quant = {(int32_t *)({multipliers}), (int32_t *)({shifts})};"
            if by_channel
            else f"const cmsis_nn_per_tensor_quant_params quant = {_braced(_pair(ends.factors, 0))};"
        )
        params = _braced((-self._zero(source), 0, self._zero(op.output), _braced(self._range(op, ends))))
        return Call(
            op.name,
            name,
            (
                self.memory.context(op),
                f"const cmsis_nn_fc_params params = {params};",
                quant,
                f"const cmsis_nn_dims in = {{1, 1, 1, {values}}}, filter = {{{values}, 1, 1, {channels}}};",
                f"const cmsis_nn_dims bias = {{1, 1, 1, {channels}}}, out = {{1, 1, 1, {channels}}};",
            ),
            _with_weights(self.memory.at(source), self.memory.at(op.output)),
            self._numbers(op, ends.factors if by_channel else None),
        )

    def _pool(self, op: Op, ends: Rescaling) -> Call:
        found = window(op)
        name = "arm_avgpool_s8" if op.kind is OpKind.POOL else "arm_max_pool_s8"
        params = _braced(map(_braced, (found.strides[::-1], found.pads[1::-1], self._range(op, ends))))
        return Call(
            op.name,
            name,
            (
                self.memory.context(op),
                f"const cmsis_nn_pool_params params = {params};",
                _dims("in", op.inputs[0]),
                f"const cmsis_nn_dims filter = {{1, {found.height}, {found.width}, 1}};",
                _dims("out", op.output),
            ),
            ("&context", "&params", "&in", self.memory.at(op.inputs[0]), "&filter", "&out", self.memory.at(op.output)),
        )

    def _add(self, op: Op, ends: Rescaling) -> Call:
        by = addition(self.model, op)
        inputs = (part for number, tensor in enumerate(op.inputs) for part in (-self._zero(tensor), *_pair(by.inputs, number)))
        ending = (self._zero(op.output), *_pair(by.output, 0), *self._range(op, ends), int(op.output.elements))
        one, two = (self.memory.at(tensor) for tensor in op.inputs)
        arguments = (one, two, *map(str, inputs), str(ADD_SHIFT), self.memory.at(op.output), *map(str, ending))
        return Call(op.name, "arm_elementwise_add_s8", (), arguments)

    def _softmax(self, op: Op) -> Call:
        """A row for each position."""
        channels, height, width = shape_of(op.output)
        by = constants(self.model.grids[op.inputs[0].name].scale)
        rows = (height * width, channels, by.multiplier, by.left, by.least)
        arguments = (self.memory.at(op.inputs[0]), *map(str, rows), self.memory.at(op.output))
        return Call(op.name, SOFTMAX, (), arguments)

    def _product(self, op: Op, ends: Rescaling) -> Call:
        """A product by channel is one product for each position."""
        inputs = op.inputs if shape_of(op.inputs[0]) == shape_of(op.output) else op.inputs[::-1]
        by_channel = shape_of(inputs[1]) != shape_of(op.output)
        block = int(op.output.channels) if by_channel else int(op.output.elements)
        offsets = (str(-self._zero(tensor)) for tensor in inputs)
        one, two, out = (self.memory.at(tensor) for tensor in (*inputs, op.output))
        step = f" + position * {block}" if by_channel else ""
        ending = (self._zero(op.output), *_pair(ends.factors, 0), *self._range(op, ends), block)
        arguments = (one + step, two, *offsets, out + step, *map(str, ending))
        positions = int(op.output.elements) // block if by_channel else 0
        return Call(op.name, "arm_elementwise_mul_s8", (), arguments, positions=positions)

    def _concat(self, op: Op) -> Call:
        """Channels side by side are copied row by row of channels; rows and columns as channels of fewer positions."""
        side = side_of(op)
        whole, channels = seen_from(op.output, side), [int(seen_from(tensor, side).channels) for tensor in op.inputs]
        total, positions = sum(channels), int(whole.height) * int(whole.width)
        starts = np.cumsum([0, *channels[:-1]]).tolist()
        out = self.memory.at(op.output)
        lines = tuple(
            f"memcpy({out} + position * {total} + {start}, {self.memory.at(tensor)} + position * {count}, {count});"
            for tensor, count, start in zip(op.inputs, channels, starts, strict=True)
        )
        return Call(op.name, "", lines, (), positions=positions)

    def _weight_bits(self, op: Op) -> int:
        width = self.model.weights[op.name].bits
        if width not in WEIGHT_WIDTHS:
            raise ExportError(f"the weights of {op.name!r} have {width} bits; CMSIS-NN has kernels for 4 and 8")
        return width

    def _numbers(self, op: Op, by: Factors | None) -> Numbers:
        weights = self.model.weights[op.name]
        found = packed(laid_out(op.kind, weights.values, shape_of(op.inputs[0])), weights.bits), tuple(weights.bias.tolist())
        if by is None:
            return Numbers(*found)
        return Numbers(*found, tuple(by.multipliers.tolist()), tuple((MULTIPLIER_BITS - by.shifts).tolist()))

    def _zero(self, tensor: Tensor) -> int:
        return zero(self.model.grids[tensor.name])

    def _range(self, op: Op, ends: Rescaling) -> tuple[int, int]:
        """Least and greatest value that is written."""
        return ends.low + self._zero(op.output), ends.high + self._zero(op.output)


def _with_weights(source: str, out: str) -> tuple[str, ...]:
    return ("&context", "&params", "&quant", "&in", source, "&filter", "{weights}", "&bias", "{bias}", "&out", out)


def _dims(name: str, tensor: Tensor) -> str:
    channels, height, width = shape_of(tensor)
    return f"const cmsis_nn_dims {name} = {{1, {height}, {width}, {channels}}};"


def _braced(values: Iterable[int | str]) -> str:
    return "{" + ", ".join(map(str, values)) + "}"


def _pair(by: Factors, number: int) -> tuple[int, int]:
    """A multiplier, and the shift that the library takes: upwards where it is positive."""
    return int(by.multipliers[number]), MULTIPLIER_BITS - int(by.shifts[number])


def texts(calls: tuple[Call, ...], prefix: str) -> Iterator[tuple[Call, list[str]]]:
    """Spell the body of every step, with the arrays at their offsets."""
    at = dict.fromkeys(ARRAYS, 0)
    for call in calls:
        names = {name: f"{prefix}_{name} + {offset}" for name, offset in at.items()}
        body = [_filled(line, names) for line in call.lines]
        for name in at:
            at[name] += len(getattr(call.numbers, name))
        if call.function:
            arguments = ", ".join(_filled(text, names) for text in call.arguments)
            body.append(f"{'' if call.function == SOFTMAX else 'status = '}{call.function}({arguments});")
        if call.positions:
            body = [f"for (position = 0; position < {call.positions}; position++) {{", *(f"  {line}" for line in body), "}"]
        yield call, body


def _filled(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\{(weights|bias|multipliers|shifts)\}", lambda match: names[match[1]], text)
