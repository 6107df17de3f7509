"""Fill a design with numbers: integer weights, and a scale for every tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from qeopt.design import Design
from qeopt.export.errors import ExportError
from qeopt.export.functions import functions, unsigned_tensors
from qeopt.export.geometry import image_of, shape_of
from qeopt.export.numbers import Arrays, Numbers, random_stream, read_weights, weight_shape
from qeopt.export.quantised import Grid, Integers, QuantisedNetwork, Reals, Weights, weight_range
from qeopt.export.reals import step
from qeopt.export.ties import FREE, Ties, tied_grids
from qeopt.network import Bits, Network, Op, OpKind, Tensor, fan_in

CALIBRATION_IMAGES = 2
MOST_BIAS = 2.0**30
"""Half of what a sum may be."""
_SHARES = np.linspace(0.2, 1.0, 33)
"""Shares of the largest value that are tried as the end of a range."""


def quantised(design: Design, numbers: Numbers | None = None, ties: Ties = FREE) -> QuantisedNetwork:
    """Fill a design with numbers. Scales that no file gives are fitted while images run through the network.

    Args:
        design: The design.
        numbers: Where numbers come from.
        ties: Scales that kernels want to be the same.

    Raises:
        ExportError: when the file of weights does not fit, or the network has operators that cannot be computed here.
    """
    numbers = numbers or Numbers()
    network, bits = design.network(), design.bit_widths()
    arrays = {} if numbers.weights is None else read_weights(numbers.weights, network)
    ends = functions(design, network)
    filler = _Filler(
        arrays,
        bits,
        unsigned_tensors(network, ends),
        f"{design.study_name}/{design.provenance.seed}",
        numbers.power_of_two,
        ties.per_tensor,
    )
    found = _filled(network, ends, filler)
    given = frozenset(tensor.name for tensor in network.tensors if f"{tensor.name}.scale" in arrays)
    tied = tied_grids(network, found.grids, ties.kinds, given)
    return _filled(network, ends, replace(filler, tied=tied)) if tied else found


def _filled(network: Network, ends: Mapping[str, str], filler: _Filler) -> QuantisedNetwork:
    """Run images through the network, and settle every scale as its tensor comes by."""
    image = image_of(network)
    grids: dict[str, Grid] = {}
    weights: dict[str, Weights] = {}
    held: dict[str, Integers] = {}

    def settle(tensor: Tensor, values: Reals) -> None:
        grids[tensor.name] = filler.grid(tensor, values)
        held[tensor.name] = grids[tensor.name].quantise(values)

    settle(image, filler.images(image))
    for op in network.ops:
        if op.has_weights:
            weights[op.name] = filler.weights(op, grids[op.inputs[0].name].scale)
        settle(op.output, step(op, [held[tensor.name] for tensor in op.inputs], grids, weights.get(op.name), ends[op.name]))
    return QuantisedNetwork(network, ends, grids, weights)


def fitting_scale(values: Reals, low: int, high: int) -> Reals:
    """Return the scale by row with the least squared error, among shares of that which covers the largest value.

    Args:
        values: Shape (rows, values).
        low: Least integer.
        high: Greatest integer.
    """
    largest = np.abs(values).max(axis=1)
    tried = np.where(largest > 0, largest, 1.0) / max(high, -low) * _SHARES[:, None]
    errors = [((np.clip(np.rint(values / row), low, high) * row - values) ** 2).sum(axis=1) for row in tried[:, :, None]]
    return np.asarray(tried[np.argmin(errors, axis=0), np.arange(len(values))])


@dataclass(frozen=True)
class _Filler:
    arrays: Arrays
    bits: Bits
    unsigned: frozenset[str]
    seed: str
    power_of_two: bool
    per_tensor: frozenset[OpKind] = frozenset()
    """Kinds whose weights have one scale."""
    tied: Mapping[str, Grid] = field(default_factory=dict)
    """Grids that are not to be fitted."""

    def images(self, image: Tensor) -> Reals:
        """Images to fit scales by: those of the file, or random ones."""
        if image.name in self.arrays:
            return self.arrays[image.name].astype(np.float64)
        return random_stream(f"{self.seed}/{image.name}").random((CALIBRATION_IMAGES, *shape_of(image)))

    def grid(self, tensor: Tensor, values: Reals) -> Grid:
        """The grid of a tensor, by what it holds."""
        if tensor.name in self.tied:
            known = self.tied[tensor.name]
            return replace(known, scale=float(self._stored(np.array([known.scale]))[0]))
        grid = Grid(self.bits.activations[tensor.name], tensor.name not in self.unsigned, 1.0)
        given = self.arrays.get(f"{tensor.name}.scale")
        if given is not None:
            fitted = given.reshape(1).astype(np.float64)
        elif tensor.is_image:  # one value a code: images between 0 and 1 are bytes
            fitted = np.array([1 / grid.high])
        else:
            fitted = fitting_scale(values.reshape(1, -1), grid.low, grid.high)
        return Grid(grid.bits, grid.is_signed, float(self._stored(fitted)[0]))

    def weights(self, op: Op, input_scale: float) -> Weights:
        """Integer weights of an operator: those of the file, or random ones (He et al., ICCV 2015)."""
        shape, random = weight_shape(op), random_stream(f"{self.seed}/{op.name}")
        real = random.normal(0.0, np.sqrt(2 / int(fan_in(op))), shape)
        bias = random.normal(0.0, 0.1, shape[0])
        if op.name in self.arrays:
            real = self.arrays[op.name].astype(np.float64)
            bias = self.arrays.get(f"{op.name}.bias", np.zeros(shape[0])).astype(np.float64)
        bits = self.bits.weights[op.name]
        low, high = weight_range(bits)
        given = self.arrays.get(f"{op.name}.weight_scale")
        if given is None:  # no smaller than the bias needs, or a channel of next to no weights would lose it
            fitted = fitting_scale(real.reshape(1 if op.kind in self.per_tensor else shape[0], -1), low, high)
            scales = self._stored(np.maximum(fitted, np.abs(bias) / (MOST_BIAS * input_scale)))
            scales = np.full_like(scales, scales.max()) if op.kind in self.per_tensor else scales
        else:
            scales = self._stored(given.astype(np.float64))
            if op.kind in self.per_tensor and len(np.unique(scales)) > 1:
                raise ExportError(f"the weights of {op.name!r} have one scale here, and {len(np.unique(scales))} are given")
        by_channel = scales.reshape(-1, *(1,) * (len(shape) - 1))
        return Weights(
            bits,
            np.clip(np.rint(real / by_channel), low, high).astype(np.int64),
            scales,
            np.clip(np.rint(bias / (scales * input_scale)), -(2**31), 2**31 - 1).astype(np.int64),
        )

    def _stored(self, scales: Reals) -> Reals:
        """Scales as formats store them: in single precision, or as powers of two."""
        return np.exp2(np.rint(np.log2(scales))) if self.power_of_two else scales.astype(np.float32).astype(np.float64)
