"""A design with numbers as steps of kernels: what the generated tables hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from qeopt.design import Design
from qeopt.export.c.packing import WIDTHS, group_of, laid_out, packed, run_order
from qeopt.export.c.scaling import fixed, together
from qeopt.export.errors import ExportError
from qeopt.export.geometry import shape_of, window
from qeopt.export.quantised import Grid, Integers, QuantisedNetwork, Weights
from qeopt.network import Op, OpKind, Tensor

FAST_SUM = 2**31 - 1
"""Kernels hold sums in 32 bits, of values and weights that stand in the high bits of a byte."""


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
    ends_layer: bool = True
    """Whether the output of its operator is complete behind it."""


@dataclass(frozen=True)
class Program:
    """All steps of a network."""

    steps: tuple[Step, ...]
    kernels: tuple[str, ...] = field(init=False)
    """Kernels in use, sorted by name."""
    inners: tuple[str, ...] = field(init=False)
    """What multiplies in them."""

    def __post_init__(self) -> None:
        """Collect the kernels."""
        object.__setattr__(self, "kernels", tuple(sorted({step.kernel for step in self.steps})))
        object.__setattr__(self, "inners", tuple(sorted({step.inner for step in self.steps} - {""})))


def program(design: Design, model: QuantisedNetwork) -> Program:
    """Turn a design with numbers into steps.

    Raises:
        ExportError: when an operator, width or size is one that the kernels do not know, or a sum could leave 32 bits.
    """
    return Program(tuple(step for op in model.network.ops for step in _Steps(design, model).of(op)))


@dataclass(frozen=True)
class _Steps:
    design: Design
    model: QuantisedNetwork

    def of(self, op: Op) -> Iterator[Step]:
        """Steps of one operator."""
        for tensor in (*op.inputs, op.output):
            if self.model.grids[tensor.name].bits not in WIDTHS:
                raise ExportError(f"{tensor.name!r} has {self.model.grids[tensor.name].bits} bits; the kernels know 2, 4 and 8")
        match op.kind:
            case OpKind.CONV | OpKind.DEPTHWISE | OpKind.DENSE:
                yield self._weighted(op)
            case OpKind.ADD | OpKind.MUL:
                yield self._of_two(op)
            case OpKind.POOL:
                yield self._pool(op)
            case OpKind.MAX_POOL | OpKind.ACTIVATION:
                multiplier, shift = fixed(self._ratio(op), op.name)
                yield self._step(op, f"qc_{op.kind.value}", scales=(multiplier,), shifts=(shift,))
            case OpKind.CONCAT:
                yield from self._concat(op)
            case _:
                raise ExportError(f"{op.name!r} is of the kind {op.kind}, for which there is no kernel")

    def _weighted(self, op: Op) -> Step:
        weights = self.model.weights[op.name]
        if weights.bits not in WIDTHS:
            raise ExportError(f"the weights of {op.name!r} have {weights.bits} bits; the kernels know 2, 4 and 8")
        grid, out = self.model.grids[op.inputs[0].name], self.model.grids[op.output.name]
        pairs = [fixed(scale * grid.scale / out.scale, op.name) for scale in weights.scales.tolist()]
        is_fast = _is_fast(op, grid, weights)
        runs = laid_out(op.kind, weights.values, shape_of(op.inputs[0]))
        if is_fast and op.kind is not OpKind.DEPTHWISE:
            runs = runs[:, run_order(runs.shape[1], grid.bits, weights.bits)]
        return self._step(
            op,
            "qc_depthwise" if op.kind is OpKind.DEPTHWISE else "qc_conv",
            {"weight_bits": weights.bits, "is_joined": int(_is_joined(op, grid, weights, is_fast))},
            packed(runs, weights.bits),
            (*weights.bias.tolist(), *(multiplier for multiplier, _ in pairs)),
            tuple(shift for _, shift in pairs),
            inner=f"qc_{'fours' if op.kind is OpKind.DEPTHWISE else 'dots'}_{grid.bits}_{weights.bits}" if is_fast else "",
        )

    def _of_two(self, op: Op) -> Step:
        one, two = (self.model.grids[tensor.name].scale for tensor in op.inputs)
        out = self.model.grids[op.output.name].scale
        if op.kind is OpKind.ADD:
            scales, shift = together([one / out, two / out], op.name)
            return self._step(op, "qc_add", scales=tuple(scales), shifts=(shift,))
        multiplier, shift = fixed(one * two / out, op.name)
        inputs = op.inputs
        if shape_of(inputs[0]) != shape_of(op.output):
            inputs = (inputs[1], inputs[0])
        is_by_channel = shape_of(inputs[1]) != shape_of(op.output)
        return self._step(
            op, "qc_mul", {"is_joined": int(is_by_channel)}, scales=(multiplier,), shifts=(shift,), inputs=inputs
        )

    def _pool(self, op: Op) -> Step:
        found = window(op)
        pairs = [fixed(self._ratio(op) / count, op.name) for count in range(1, found.height * found.width + 1)]
        return self._step(op, "qc_pool", scales=tuple(pair[0] for pair in pairs), shifts=tuple(pair[1] for pair in pairs))

    def _concat(self, op: Op) -> Iterator[Step]:
        first = 0
        for number, tensor in enumerate(op.inputs, start=1):
            multiplier, shift = fixed(self.model.grids[tensor.name].scale / self.model.grids[op.output.name].scale, op.name)
            yield self._step(
                op,
                "qc_concat",
                {"first_channel": first},
                scales=(multiplier,),
                shifts=(shift,),
                inputs=(tensor,),
                ends_layer=number == len(op.inputs),
            )
            first += int(tensor.channels)

    def _ratio(self, op: Op) -> float:
        return self.model.grids[op.inputs[0].name].scale / self.model.grids[op.output.name].scale

    def _step(
        self,
        op: Op,
        kernel: str,
        fields: Mapping[str, int] | None = None,
        weights: bytes = b"",
        scales: tuple[int, ...] = (),
        shifts: tuple[int, ...] = (),
        *,
        inner: str = "",
        inputs: Sequence[Tensor] = (),
        ends_layer: bool = True,
    ) -> Step:
        sources = tuple(inputs or op.inputs)
        places = [self._place(tensor) for tensor in sources[:2]]
        second = places[1] if len(places) > 1 else Place()
        found = _geometry(op, sources[0]) | self._range(op) | dict(fields or {})
        for name, value in found.items():
            if not (-(2**15) <= value < 2**15 if name in {"low", "high"} else value < _LIMITS.get(name, 2**16)):
                raise ExportError(f"{op.name!r}: {name.replace('_', ' ')} of {value} is more than the kernels know")
        ends = (places[0], second, self._place(op.output))
        return Step(op.name, kernel, inner, ends, found, weights, scales, shifts, ends_layer)

    def _place(self, tensor: Tensor) -> Place:
        arena, grid = self.design.arena, self.model.grids[tensor.name]
        if arena is None:
            raise ExportError("the runtime counts memory without laying it out, so there are no addresses")
        buffer, names = arena.buffers[tensor.name], [region.name for region in arena.regions]
        return Place(buffer.offset, names.index(buffer.region) if buffer.region else 0, grid.bits, grid.is_signed)

    def _range(self, op: Op) -> dict[str, int]:
        """What the output may hold, and what its function leaves of that."""
        grid, function = self.model.grids[op.output.name], self.model.functions[op.name]
        low, high = grid.low, grid.high
        if function.startswith("relu"):
            low = max(low, 0)
        if function == "relu6":
            high = min(high, int(np.rint(6 / grid.scale)))
        return {"low": low, "high": high}


_LIMITS = {"channels_in": 2**32, "weight_bits": 9, "is_joined": 2} | dict.fromkeys(
    ("stride_height", "stride_width", "top", "left", "dilation_height", "dilation_width"), 2**8
)


def _geometry(op: Op, source: Tensor) -> dict[str, int]:
    found, (channels, height, width) = window(op), shape_of(source)
    if op.kind is OpKind.DENSE:
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


def _is_fast(op: Op, grid: Grid, weights: Weights) -> bool:
    """Whether all runs begin at a byte, and sums of values and weights in the high bits of their bytes stay within 32 bits."""
    channels, inputs = int(op.inputs[0].channels), weights.values.shape[1]
    match op.kind:
        case OpKind.DENSE:
            runs = [inputs * weights.bits]
        case OpKind.DEPTHWISE:
            if channels != len(weights.values):
                return False
            runs = [channels * grid.bits, channels * weights.bits]
        case _:
            runs = [channels * grid.bits, inputs * grid.bits, inputs * weights.bits]
    times = 2 ** (16 - grid.bits - weights.bits)
    return all(run % 8 == 0 for run in runs) and int(_most(weights.values, grid).max()) * times <= FAST_SUM


def _most(values: Integers, grid: Grid) -> Integers:
    """The largest that a sum of products can be, by output channel."""
    return np.asarray(np.abs(values.reshape(len(values), -1)).sum(axis=1) * max(grid.high, -grid.low))


def _is_joined(op: Op, grid: Grid, weights: Weights, is_fast: bool) -> bool:
    """Whether the values and weights of a row of the window follow each other."""
    if op.kind is OpKind.DEPTHWISE or op.groups != 1 or op.dilation[1] != 1:
        return False
    group = group_of(grid.bits, weights.bits)
    return not is_fast or group == 4 or weights.values.shape[1] % group == 0
