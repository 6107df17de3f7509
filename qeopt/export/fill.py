"""Fill a design with numbers: integer weights, and a scale for every tensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qeopt.design import Design
from qeopt.export.functions import functions, unsigned_tensors
from qeopt.export.geometry import image_of, shape_of
from qeopt.export.numbers import Arrays, Numbers, random_stream, read_weights, weight_shape
from qeopt.export.quantised import Grid, Integers, QuantisedNetwork, Reals, Weights, weight_range
from qeopt.export.reals import step
from qeopt.network import Bits, Op, Tensor, fan_in

CALIBRATION_IMAGES = 2
MOST_BIAS = 2.0**30
"""Half of what a sum may be."""
_SHARES = np.linspace(0.2, 1.0, 33)
"""Shares of the largest value that are tried as the end of a range."""


def quantised(design: Design, numbers: Numbers | None = None) -> QuantisedNetwork:
    """Fill a design with numbers. Scales that no file gives are fitted while images run through the network.

    Raises:
        ExportError: when the file of weights does not fit, or the network has operators that cannot be computed here.
    """
    numbers = numbers or Numbers()
    network, bits = design.network(), design.bit_widths()
    arrays = {} if numbers.weights is None else read_weights(numbers.weights, network)
    ends = functions(design, network)
    filler = _Filler(
        arrays, bits, unsigned_tensors(network, ends), f"{design.study_name}/{design.provenance.seed}", numbers.power_of_two
    )
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

    def images(self, image: Tensor) -> Reals:
        """Images to fit scales by: those of the file, or random ones."""
        if image.name in self.arrays:
            return self.arrays[image.name].astype(np.float64)
        return random_stream(f"{self.seed}/{image.name}").random((CALIBRATION_IMAGES, *shape_of(image)))

    def grid(self, tensor: Tensor, values: Reals) -> Grid:
        """The grid of a tensor, by what it holds."""
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
            fitted = fitting_scale(real.reshape(shape[0], -1), low, high)
            scales = self._stored(np.maximum(fitted, np.abs(bias) / (MOST_BIAS * input_scale)))
        else:
            scales = self._stored(given.astype(np.float64))
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
