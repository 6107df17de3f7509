"""What CMSIS-NN computes, in integers. Sums are those of the reference; what comes after them is rounded as the library rounds.

Values of 8 bits are held as the library holds them, from -128 to 127: a tensor without signs has its zero at -128. Averages and
maxima cannot rescale, so what they read and write shares a scale (see `ties`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from qeopt.export.arithmetic import sums
from qeopt.export.arithmetic.contract import Rescaling, rescaling
from qeopt.export.arithmetic.geometry import window
from qeopt.export.arithmetic.quantised import Grid, Integers, QuantisedNetwork
from qeopt.export.arithmetic.reals import joined_axis
from qeopt.export.arithmetic.rounding import MULTIPLIER_BITS, RESCALINGS, Factors, factors
from qeopt.export.arithmetic.softmax import SOFTMAX
from qeopt.export.arithmetic.ties import Ties
from qeopt.export.errors import ExportError
from qeopt.export.tflite.softmax import GRID, softmax
from qeopt.network import Op, OpKind

ADD_SHIFT = 20
"""Bits by which values are shifted up before they are added, as TensorFlow Lite Micro does with 8-bit values."""
TIED = frozenset({OpKind.POOL, OpKind.MAX_POOL, OpKind.CONCAT})
"""Kinds that cannot rescale."""
Rounding = Literal["single", "double"]


def ties(*, per_channel_dense: bool) -> Ties:
    """What the library asks of scales: `arm_fully_connected_s8` and `_s4` have one multiplier."""
    return Ties(TIED, frozenset() if per_channel_dense else frozenset({OpKind.DENSE}))


def zero(grid: Grid) -> int:
    """The stored integer that stands for zero."""
    return 0 if grid.is_signed else -128


def is_softmax(model: QuantisedNetwork, op: Op) -> bool:
    """Whether an operator is a softmax, which `arm_softmax_s8` computes as TensorFlow Lite Micro does.

    Raises:
        ExportError: it runs over rows or columns, or something else sets its step.
    """
    if op.kind is not OpKind.ACTIVATION or model.functions[op.name] != SOFTMAX:
        return False
    written = model.grids[op.output.name]
    if op.terms:
        raise ExportError(f"{op.name!r} is a softmax over rows or columns, and that of CMSIS-NN is over channels")
    if written != GRID:
        raise ExportError(
            f"{op.name!r} is a softmax that writes steps of {written.scale:g}, and the kernel of CMSIS-NN writes 1/256: "
            "nothing else may set the scale of what it writes"
        )
    return True


class Addition(NamedTuple):
    """Multipliers of an addition: of both inputs, shifted up by `ADD_SHIFT`, and of their sum."""

    inputs: Factors
    output: Factors


def addition(model: QuantisedNetwork, op: Op) -> Addition:
    """Return the multipliers by which `arm_elementwise_add_s8` adds."""
    one, two = (model.grids[tensor.name].scale for tensor in op.inputs)
    common = 2 * max(one, two)
    inputs = factors([one / common, two / common], op.name)
    return Addition(inputs, factors([common / (2**ADD_SHIFT * model.grids[op.output.name].scale)], op.name))


@dataclass(frozen=True)
class Arithmetic:
    """The library, built with one rounding or with two."""

    rounding: Rounding = "double"

    def compute(self, model: QuantisedNetwork, op: Op, held: Mapping[str, Integers]) -> Integers:
        """Compute one operator; see `qeopt.export.reference.compute`.

        Raises:
            ExportError: when the library has no kernel for it, or a sum could leave 32 bits.
        """
        inputs = [held[tensor.name] for tensor in op.inputs]
        if is_softmax(model, op):
            return softmax(inputs[0], model.grids[op.inputs[0].name].scale)
        ends = rescaling(model, op)
        if ends.table is not None:
            raise ExportError(f"{op.name!r} ends in {model.functions[op.name]!r}, for which CMSIS-NN has no kernel of 8 bits")
        return np.clip(self._rounded(model, op, ends, inputs), ends.low, ends.high)

    def _rounded(self, model: QuantisedNetwork, op: Op, ends: Rescaling, inputs: list[Integers]) -> Integers:
        multipliers, shifts = ends.factors
        match op.kind:
            case OpKind.CONV | OpKind.DEPTHWISE | OpKind.DENSE:
                self._check_left_shifts(op, ends)
                found = sums.weighted(op, model.weights[op.name], inputs[0])
                return self._rescale(found, multipliers[:, None, None], shifts[:, None, None])
            case OpKind.POOL:
                return _average(model, op, inputs[0])
            case OpKind.MAX_POOL:
                return sums.pooled(op, inputs[0])
            case OpKind.ADD:
                return self._sum(addition(model, op), inputs)
            case OpKind.MUL:
                return self._rescale(inputs[0] * inputs[1], multipliers, shifts)
            case OpKind.CONCAT:
                return np.concatenate(inputs, axis=joined_axis(op))
            case _:
                raise ExportError(f"{op.name!r} is of the kind {op.kind}, for which there is no call of CMSIS-NN here")

    def _rescale(self, found: Integers, multipliers: Integers, shifts: Integers) -> Integers:
        return RESCALINGS[f"cmsis_{self.rounding}"](found, multipliers, shifts)

    def _sum(self, by: Addition, inputs: list[Integers]) -> Integers:
        pairs = zip(inputs, by.inputs.multipliers, by.inputs.shifts, strict=True)
        one, two = (self._rescale(values << ADD_SHIFT, multiplier, shift) for values, multiplier, shift in pairs)
        return self._rescale(one + two, *by.output)

    def _check_left_shifts(self, op: Op, ends: Rescaling) -> None:
        """With two roundings a factor of 1 or more shifts the sum up in 32 bits first."""
        if self.rounding == "double" and int(ends.factors.shifts.min()) < MULTIPLIER_BITS:
            raise ExportError(
                f"{op.name!r} has a factor of 1 or more, for which CMSIS-NN shifts sums up in 32 bits; "
                "set rounding=single, or scales further apart"
            )


def _average(model: QuantisedNetwork, op: Op, values: Integers) -> Integers:
    """`arm_avgpool_s8`: stored integers are summed and divided, halves away from zero."""
    if op.counts_padding and any(window(op).pads):
        raise ExportError(f"{op.name!r} counts its padding, and averages of CMSIS-NN do not")
    counts, offset = sums.counts(op), zero(model.grids[op.inputs[0].name])
    stored = sums.pooled(op, values) + offset * counts
    halves = np.where(stored > 0, counts // 2, -(counts // 2))
    return np.asarray(np.sign(stored + halves) * (np.abs(stored + halves) // counts) - offset)
