"""A design with numbers as steps of kernels: what the generated tables hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from qeopt.design.arena import Arena
from qeopt.export.arithmetic.contract import Rescaling, rescaling
from qeopt.export.arithmetic.geometry import check_shapes, seen_from, shape_of, window
from qeopt.export.arithmetic.quantised import Grid, Integers, QuantisedNetwork, Weights
from qeopt.export.arithmetic.reals import filler
from qeopt.export.arithmetic.rounding import MOST_SHIFT, SUM_HIGH, Factors
from qeopt.export.c.movement import loops_of, shares_of, tables_of
from qeopt.export.c.packing import WIDTHS, by_fours, group_of, laid_out, packed, run_order
from qeopt.export.errors import ExportError, all_of
from qeopt.export.moves import only_moves
from qeopt.export.onnx.operators import side_of
from qeopt.network import Network, Op, OpKind, Tensor

_NO_FACTORS = Factors(np.zeros(0, np.int64), np.zeros(0, np.int64))
_BITS = {"channels_in": 31, "low": 15, "high": 15} | dict.fromkeys(
    ("stride_height", "stride_width", "top", "left", "dilation_height", "dilation_width", "weight_bits", "is_joined"), 8
)
"""How many bits a field has, if not 16."""
_KERNELS = {
    OpKind.ADD: "qc_add",
    OpKind.SUB: "qc_add",
    OpKind.MAXIMUM: "qc_extreme",
    OpKind.MINIMUM: "qc_extreme",
    OpKind.POOL: "qc_pool",
    OpKind.MAX_POOL: "qc_max_pool",
    OpKind.ACTIVATION: "qc_activation",
}
"""Kernels of what needs nothing but its multipliers."""


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor in memory."""

    offset: int = 0
    region: int = 0
    bits: int = 0
    is_signed: bool = False


@dataclass(frozen=True)
class Step:
    """One call of a kernel, with the fields of `qc_layer`."""

    op: str
    kernel: str
    inner: str
    """What multiplies in it; empty for none."""
    places: tuple[Place, Place, Place]
    """Input, second input, output."""
    fields: Mapping[str, int]
    weights: bytes = b""
    scales: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Program:
    """All steps of a network."""

    steps: tuple[Step, ...]

    @cached_property
    def kernels(self) -> tuple[str, ...]:
        """Kernels in use, sorted."""
        return tuple(sorted({step.kernel for step in self.steps}))

    @cached_property
    def inners(self) -> tuple[str, ...]:
        """What multiplies in them, sorted."""
        return tuple(sorted({step.inner for step in self.steps} - {""}))


def place_of(arena: Arena, network: Network, tensor: Tensor, grid: Grid) -> Place:
    """Where a tensor lies, in the memory of another where that is said."""
    buffer, names = arena.buffers[network.home(tensor).name], [region.name for region in arena.regions]
    return Place(buffer.offset, names.index(buffer.region) if buffer.region else 0, grid.bits, grid.is_signed)


def program(arena: Arena, model: QuantisedNetwork) -> Program:
    """Turn a network with numbers into steps.

    Raises:
        ExportError: naming every operator, width and size that the kernels do not know, and every sum that could leave 32 bits.
    """
    maker = _Steps(arena, model)
    return Program(tuple(step for steps in all_of(model.network.ops, lambda op: list(maker.of(op))) for step in steps))


@dataclass(frozen=True)
class _Steps:
    arena: Arena
    model: QuantisedNetwork

    def of(self, op: Op) -> Iterator[Step]:
        """Steps of one operator."""
        names = [tensor.name for tensor in (*op.inputs, *op.outputs)]
        all_of(names, lambda name: _known_width(self.model.grids[name].bits, f"{name!r} has"))
        if op.kind is OpKind.RESHAPE and op.output.lies_in is not None and not op.inputs[0].is_image:
            if self.model.grids[op.output.name] != self.model.grids[op.inputs[0].name]:
                raise ExportError(f"{op.name!r} writes where it reads, and what it reads has another scale")
            return
        check_shapes(op)
        if op.others:
            yield from self._parts(op)
            return
        ends = rescaling(self.model, op)
        if ends.table is not None:
            limits, by_channel = Rescaling(_NO_FACTORS, ends.low, ends.high), {"is_joined": int(ends.table.ndim > 1)}
            yield self._step(op, "qc_lookup", limits, by_channel, weights=packed(ends.table.ravel(), 8))
            return
        match op.kind:
            case OpKind.TRANSPOSED_CONV:
                yield self._spread(op, ends)
            case OpKind.CONV | OpKind.DEPTHWISE | OpKind.DENSE:
                yield self._weighted(op, ends)
            case OpKind.MUL:
                yield self._product(op, ends)
            case OpKind.CONCAT:
                yield from self._concat(op, ends)
            case _ if op.kind is OpKind.RESIZE or only_moves(op):
                yield self._moved(op, ends)
            case _ if op.kind in _KERNELS:
                is_joined = op.kind is OpKind.MAXIMUM or op.counts_padding
                yield self._step(op, _KERNELS[op.kind], ends, {"is_joined": int(is_joined)})
            case _:
                raise ExportError(f"{op.name!r} is of the kind {op.kind}, for which there is no kernel")

    def _weighted(self, op: Op, ends: Rescaling) -> Step:
        weights, grid = self.model.weights[op.name], self.model.grids[op.inputs[0].name]
        _known_width(weights.bits, f"the weights of {op.name!r} have")
        is_depthwise, is_fast = op.kind is OpKind.DEPTHWISE, _is_fast(op, grid, weights, ends.factors)
        runs, bias = laid_out(op.kind, weights.values, shape_of(op.inputs[0])), weights.bias
        if is_fast:
            less = _less(grid, weights)
            bias = bias << less
            ends = replace(ends, factors=ends.factors._replace(shifts=ends.factors.shifts + less))
        if is_fast and not is_depthwise:
            runs = runs[:, run_order(runs.shape[1], grid.bits, weights.bits)]
        elif not is_depthwise:
            runs = by_fours(runs.reshape(len(weights.values), -1), op.groups)
        return self._step(
            op,
            "qc_depthwise" if is_depthwise else "qc_conv",
            ends,
            {"weight_bits": weights.bits, "is_joined": int(_is_joined(op, grid, weights, is_fast=is_fast))},
            inner=f"qc_{'fours' if is_depthwise else 'dots'}_{grid.bits}_{weights.bits}" if is_fast else "",
            weights=packed(runs, weights.bits),
            bias=tuple(bias.tolist()),
        )

    def _spread(self, op: Op, ends: Rescaling) -> Step:
        weights = self.model.weights[op.name]
        _known_width(weights.bits, f"the weights of {op.name!r} have")
        runs = laid_out(op.kind, weights.values, shape_of(op.inputs[0]))
        bias = tuple(weights.bias.tolist())
        return self._step(op, "qc_spread", ends, {"weight_bits": weights.bits}, weights=packed(runs, weights.bits), bias=bias)

    def _moved(self, op: Op, ends: Rescaling) -> Step:
        if op.kind is OpKind.RESIZE:
            return self._step(op, "qc_resize", ends, places=shares_of(op))
        if op.kind is OpKind.PAD:
            between = filler(op, self.model.grids[op.inputs[0].name])
            return self._step(op, "qc_pick", ends, places=(between, *tables_of(op)))
        return self._step(op, "qc_move", ends, places=loops_of(op, 0))

    def _parts(self, op: Op) -> Iterator[Step]:
        """A step for everything that an operator writes at once."""
        for number, tensor in enumerate(op.outputs):
            part = replace(op, output=tensor, others=())
            yield self._step(part, "qc_move", rescaling(self.model, part), places=loops_of(op, number))

    def _product(self, op: Op, ends: Rescaling) -> Step:
        inputs = op.inputs if shape_of(op.inputs[0]) == shape_of(op.output) else op.inputs[::-1]
        is_by_channel = shape_of(inputs[1]) != shape_of(op.output)
        return self._step(op, "qc_mul", ends, {"is_joined": int(is_by_channel)}, inputs=inputs)

    def _concat(self, op: Op, ends: Rescaling) -> Iterator[Step]:
        """Tensors side by side; rows and columns lie in memory as channels of fewer positions do."""
        first, side = 0, side_of(op)
        whole = replace(op, output=seen_from(op.output, side))
        for number, tensor in enumerate(op.inputs):
            part = Factors(*(values[number : number + 1] for values in ends.factors))
            seen = seen_from(tensor, side)
            yield self._step(whole, "qc_concat", Rescaling(part, ends.low, ends.high), {"first_channel": first}, inputs=(seen,))
            first += int(seen.channels)

    def _step(
        self,
        op: Op,
        kernel: str,
        ends: Rescaling,
        fields: Mapping[str, int] | None = None,
        *,
        inner: str = "",
        weights: bytes = b"",
        bias: tuple[int, ...] = (),
        places: tuple[int, ...] = (),
        inputs: Sequence[Tensor] = (),
    ) -> Step:
        sources = tuple(inputs or op.inputs)
        tensors = [
            place_of(self.arena, self.model.network, tensor, self.model.grids[tensor.name]) for tensor in (*sources[:2], op.output)
        ]
        if len(sources) == 1:
            tensors.insert(1, Place())
        found = {**_geometry(op, sources[0]), "low": ends.low, "high": ends.high, **(fields or {})}
        for name, value in found.items():
            if not -(2**15) <= value < 2 ** _BITS.get(name, 16):
                raise ExportError(f"{op.name!r}: {name.replace('_', ' ')} of {value} is more than the kernels know")
        scales = (*bias, *ends.factors.multipliers.tolist(), *places)
        where = (tensors[0], tensors[1], tensors[2])
        return Step(op.name, kernel, inner, where, found, weights, scales, tuple(ends.factors.shifts.tolist()))


def _known_width(bits: int, what: str) -> None:
    if bits not in WIDTHS:
        raise ExportError(f"{what} {bits} bits; the kernels know {', '.join(map(str, WIDTHS))}")


def _geometry(op: Op, source: Tensor) -> dict[str, int]:
    found, (channels, height, width) = window(op), shape_of(source)
    if op.kind is OpKind.DENSE:  # a convolution of one position
        channels, height, width = channels * height * width, 1, 1
    return {
        "channels_in": channels,
        "height_in": height,
        "width_in": width,
        "height": int(op.output.height),
        "width": int(op.output.width),
        "channels": int(op.output.channels),
        "kernel_height": found.height,
        "kernel_width": found.width,
        "groups": op.groups,
        "first_channel": 0,
        "stride_height": found.strides[0],
        "stride_width": found.strides[1],
        "top": found.pads[0],
        "left": found.pads[1],
        "dilation_height": found.dilation[0],
        "dilation_width": found.dilation[1],
        "weight_bits": 0,
        "is_joined": 0,
    }


def _less(grid: Grid, weights: Weights) -> int:
    """By which power of two sums are too large, of values and weights in the high bits of their bytes."""
    return 16 - grid.bits - weights.bits


def _is_fast(op: Op, grid: Grid, weights: Weights, factors: Factors) -> bool:
    """Whether all runs begin at a byte and none is short, and 32 bits hold sums of values and weights in the high bits of bytes."""
    channels, inputs, less = int(op.inputs[0].channels), weights.values.shape[1], _less(grid, weights)
    if op.kind is not OpKind.DEPTHWISE and group_of(grid.bits, weights.bits) > 4 and (inputs % 4 or inputs < 8):
        return False
    match op.kind:
        case OpKind.DENSE:
            runs = [inputs * weights.bits]
        case OpKind.DEPTHWISE:
            if channels != len(weights.values):
                return False
            runs = [channels * grid.bits, channels * weights.bits]
        case _:
            runs = [channels * grid.bits, inputs * grid.bits, inputs * weights.bits]
    most = int((_most(weights.values, grid) + np.abs(weights.bias)).max()) << less
    return all(run % 8 == 0 for run in runs) and most <= SUM_HIGH and int(factors.shifts.max()) + less <= MOST_SHIFT


def _most(values: Integers, grid: Grid) -> Integers:
    """The largest that a sum of products can be, by output channel."""
    return np.asarray(np.abs(values.reshape(len(values), -1)).sum(axis=1) * max(grid.high, -grid.low))


def _is_joined(op: Op, grid: Grid, weights: Weights, *, is_fast: bool) -> bool:
    """Whether the values and weights of a row of the window follow each other."""
    if op.kind is OpKind.DEPTHWISE or op.groups != 1 or op.dilation[1] != 1:
        return False
    group = group_of(grid.bits, weights.bits)
    return not is_fast or group == 4 or weights.values.shape[1] % group == 0
