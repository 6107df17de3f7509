"""Fill a design with numbers: integer weights, and a scale for every tensor."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from qeopt.design import Design
from qeopt.export.arithmetic.functions import SLOPES, is_known
from qeopt.export.arithmetic.geometry import image_of
from qeopt.export.arithmetic.layer_norm import epsilon_of
from qeopt.export.arithmetic.numbers import UNWRITTEN, Arrays, Numbers, filled, random_images, read_weights
from qeopt.export.arithmetic.quantised import Grid, Integers, Norm, QuantisedNetwork, Reals, Weights, weight_range
from qeopt.export.arithmetic.reals import end_of, step
from qeopt.export.arithmetic.softmax import SOFTMAX, whole_scale
from qeopt.export.arithmetic.ties import FREE, Ties, tied_grids
from qeopt.export.errors import ExportError
from qeopt.export.functions import LINEAR, fillers, functions, unsigned_tensors
from qeopt.export.images import read_images
from qeopt.export.moves import MOVING, moved, only_moves
from qeopt.network import Bits, Network, Op, OpKind, Tensor
from qeopt.network.lowering import unranked

LEAST_IMAGES, MOST_IMAGES = 16, 64
"""Random images to fit scales by: fewer where they are large."""
IMAGE_VALUES = 1 << 22
"""Values of all random images together."""
CONSTANT_BITS = 8
"""Bits of the factors of an affine operator."""
PERCENTILE = 99.99
MOST_VALUES = 1 << 20
"""Values of a tensor by which a scale is fitted."""
CACHED_VALUES = 1 << 15
"""Values by which scales are tried at a time: they stay in a processor's cache."""
COMPUTED = MOVING | {
    OpKind.CONV,
    OpKind.DEPTHWISE,
    OpKind.TRANSPOSED_CONV,
    OpKind.DENSE,
    OpKind.ADD,
    OpKind.SUB,
    OpKind.MUL,
    OpKind.MAXIMUM,
    OpKind.MINIMUM,
    OpKind.AFFINE,
    OpKind.POOL,
    OpKind.MAX_POOL,
    OpKind.CONCAT,
    OpKind.RESIZE,
    OpKind.ACTIVATION,
    OpKind.LAYER_NORM,
}
"""Kinds that are computed on integers."""
NORM_ENDS = frozenset({LINEAR, "relu", "relu6"})
"""Functions that a layer normalisation may end in; its one term is what it adds to the variance."""
MOST_BIAS = 2.0**30
"""Half of what a sum may be."""
SHARES = frozenset({SOFTMAX, "sigmoid", "tanh"})
"""Functions whose values lie between 0 and 1, or -1 and 1, whatever they read."""
_SHARES = np.linspace(0.2, 1.0, 33)
"""Shares of the largest value that are tried as the end of a range."""


def quantised(
    design: Design, numbers: Numbers | None = None, ties: Ties = FREE, without: Collection[str] = UNWRITTEN
) -> QuantisedNetwork:
    """Fill a design with numbers. Scales that no file gives are fitted while images run through the network.

    Args:
        design: The design.
        numbers: Where numbers come from.
        ties: Scales that kernels want to be the same.
        without: Functions that are left out at the very end, of `RANKING`.

    Raises:
        ExportError: when a file does not fit, or the network has operators that cannot be computed here: all of them are named.
    """
    numbers = numbers or Numbers()
    whole, bits = design.network(), design.bit_widths()
    network, _ = unranked(whole, without)
    ends = functions(design, network)
    check_operators(network, ends)
    given = {} if numbers.weights is None else read_weights(numbers.weights, whole)
    seed = f"{design.study_name}/{design.provenance.seed}"
    arrays = filled(network, given, seed)
    shares = frozenset(op.output.name for op in network.ops if op.kind is OpKind.ACTIVATION and ends[op.name] in SHARES)
    filler = _Filler(given, arrays, bits, unsigned_tensors(network, ends), seed, numbers, ties.per_tensor, fillers(network), shares)
    found = _filled(network, ends, filler)
    stated = frozenset(tensor.name for tensor in network.tensors if f"{tensor.name}.scale" in given)
    tied = tied_grids(network, found.grids, ties.kinds, stated)
    return _filled(network, ends, replace(filler, tied=tied)) if tied else found


def _filled(network: Network, ends: Mapping[str, str], filler: _Filler) -> QuantisedNetwork:
    """Run images through the network, and settle every scale as its tensor comes by."""
    image = image_of(network)
    grids: dict[str, Grid] = {}
    weights: dict[str, Weights] = {}
    slopes: dict[str, Reals] = {}
    norms: dict[str, Norm] = {}
    held: dict[str, Integers] = {}
    last = {tensor.name: number for number, op in enumerate(network.ops) for tensor in op.inputs}

    def settle(tensor: Tensor, values: Reals, like: Grid | None = None) -> None:
        grids[tensor.name] = filler.grid(tensor, values, like)
        held[tensor.name] = grids[tensor.name].quantise(values)

    settle(image, filler.images(image))
    for number, op in enumerate(network.ops):
        source = grids[op.inputs[0].name]
        if op.has_weights or op.kind is OpKind.AFFINE:
            weights[op.name] = filler.weights(op, source.scale, weights.get(network.weights_owner(op).name))
            if op.weights_of:
                weights.setdefault(op.weights_of, weights[op.name])
        if ends[op.name] == SLOPES:
            slopes[op.name] = _by_channel(op, filler.arrays[op.name].astype(np.float64), "slopes")
        if op.kind is OpKind.LAYER_NORM:
            norms[op.name] = filler.norm(op)
        inputs = [held[tensor.name] for tensor in op.inputs]
        like = source if only_moves(op) else None
        if op.others:
            for tensor, part in zip(op.outputs, moved(op, inputs[0]), strict=True):
                settle(tensor, part * np.float64(source.scale), like)
        else:
            constants = (weights.get(op.name), ends[op.name], slopes.get(op.name), norms.get(op.name))
            settle(op.output, step(op, inputs, grids, *constants), like)
        for tensor in op.inputs:
            if last[tensor.name] == number:
                held.pop(tensor.name, None)
    return QuantisedNetwork(network, ends, grids, weights, slopes, norms)


def _by_channel(op: Op, values: Reals, what: str) -> Reals:
    """Constants by channel, shape (channels, 1, 1).

    Raises:
        ExportError: they differ by place.
    """
    wanted = (int(op.output.channels), 1, 1)
    if values.size not in {1, wanted[0]} or (values.size > 1 and values.shape != wanted):
        raise ExportError(
            f"{op.name!r} has {what} by place, of {list(values.shape)} values; exports with numbers know one a channel"
        )
    return np.broadcast_to(values, wanted)


def check_operators(network: Network, ends: Mapping[str, str]) -> None:
    """Refuse what exports with numbers cannot compute, all at once.

    Raises:
        ExportError: naming every operator in the way.
    """
    images = [tensor.name for tensor in network.sources]
    held = f"a network that reads or keeps {len(images)} tensors ({', '.join(images[:5])}) instead of one image"
    found = [held] if len(images) > 1 else []
    kinds: dict[str, list[str]] = {}
    for op in network.ops:
        if op.kind not in COMPUTED or (op.kind is OpKind.RESIZE and op.function.startswith("cubic")):
            kinds.setdefault(f"of the kind {op.kind}{' cubic' * (op.kind is OpKind.RESIZE)}", []).append(op.name)
        elif not is_known(end_of(op, ends)) or (op.kind is OpKind.LAYER_NORM and ends[op.name] not in NORM_ENDS):
            kinds.setdefault(f"with the function {ends[op.name]!r}", []).append(op.name)
    found += [f"{', '.join(map(repr, names[:5]))}{' and more' * (len(names) > 5)} {kind}" for kind, names in kinds.items()]
    if found:
        raise ExportError(f"exports with numbers cannot compute {'; '.join(found)}")


def fitting_scale(values: Reals, low: int, high: int) -> Reals:
    """Return the scale by row with the least squared error, among shares of that which covers the largest value.

    Args:
        values: Shape (rows, values).
        low: Least integer.
        high: Greatest integer.
    """
    largest = np.abs(values).max(axis=1)
    if values.shape[1] > MOST_VALUES:
        values = values[:, :: -(-values.shape[1] // MOST_VALUES)]
    tried = np.where(largest > 0, largest, 1.0) / max(high, -low) * _SHARES[:, None]
    errors = np.empty(tried.shape)
    rows = max(CACHED_VALUES // values.shape[1], 1)
    for first in range(0, len(values), rows):  # the same for all rows at once, but large arrays are not moved for every share
        some, held = values[first : first + rows], np.empty((min(rows, len(values) - first), values.shape[1]))
        for share, scales in enumerate(tried[:, first : first + rows, None]):
            np.rint(np.divide(some, scales, out=held), out=held)
            np.minimum(np.maximum(held, low, out=held), high, out=held)
            np.subtract(np.multiply(held, scales, out=held), some, out=held)
            errors[share, first : first + rows] = np.square(held, out=held).sum(axis=1)
    return np.asarray(tried[np.argmin(errors, axis=0), np.arange(len(values))])


@dataclass(frozen=True)
class _Filler:
    given: Arrays
    """What files say."""
    arrays: Arrays
    """The same, and random numbers where they say nothing."""
    bits: Bits
    unsigned: frozenset[str]
    seed: str
    numbers: Numbers
    per_tensor: frozenset[OpKind] = frozenset()
    """Kinds whose weights have one scale."""
    fillers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By tensor: values that it is padded with, which its grid holds."""
    shares: frozenset[str] = frozenset()
    """Tensors whose values lie between 0 and 1, or -1 and 1, whatever the image."""
    tied: Mapping[str, Grid] = field(default_factory=dict)
    """Grids that are not to be fitted."""

    def images(self, image: Tensor) -> Reals:
        """Images to fit scales by: those of the files, or random ones."""
        if self.numbers.data is not None:
            return read_images(self.numbers.data, image)
        if image.name in self.given:
            return self.given[image.name].astype(np.float64)
        count = min(max(IMAGE_VALUES // int(image.elements), LEAST_IMAGES), MOST_IMAGES)
        return random_images(f"{self.seed}/{image.name}", image, count)

    def grid(self, tensor: Tensor, values: Reals, like: Grid | None = None) -> Grid:
        """The grid of a tensor, by what it holds; that of another where nothing but places differs."""
        if tensor.name in self.tied:
            known = self.tied[tensor.name]
            return replace(known, scale=float(self._stored(np.array([known.scale]), tensor.name)[0]))
        is_signed = tensor.name not in self.unsigned or bool(tensor.is_image and values.min() < 0)
        low, high = tensor.pixel_range
        grid = Grid(self.bits.activations[tensor.name], is_signed, 1.0)
        given = self.given.get(f"{tensor.name}.scale")
        if given is not None:
            fitted = given.reshape(1).astype(np.float64)
        elif like is not None and (like.bits, like.is_signed) == (grid.bits, grid.is_signed):
            return like
        elif tensor.is_image and values.min() >= low and values.max() <= high:  # one value a code: pixels are bytes
            fitted = np.array([max(high / (grid.high or 1), -low / -(grid.low or -1))])
        elif tensor.name in self.shares:
            fitted = np.array([whole_scale(grid)])
        else:
            fitted = self._fitted(values.reshape(1, -1), grid)
        needed = max(
            (value / (grid.high or 1 if value > 0 else grid.low or -1) for value in self.fillers.get(tensor.name, ())), default=0
        )
        scale = float(self._stored(fitted if given is not None else np.maximum(fitted, needed), tensor.name)[0])
        reaches = given is not None or not self.numbers.power_of_two or scale >= needed  # that of two may be rounded down
        return Grid(grid.bits, grid.is_signed, scale if reaches else 2 * scale)

    def _fitted(self, values: Reals, grid: Grid) -> Reals:
        if self.numbers.calibration == "mse":
            return fitting_scale(values, grid.low, grid.high)
        share = 100.0 if self.numbers.calibration == "min-max" else PERCENTILE
        end = float(np.percentile(np.abs(values), share))
        return np.array([(end or float(np.abs(values).max()) or 1.0) / (grid.high or 1)])

    def norm(self, op: Op) -> Norm:
        """Factors and summands of a layer normalisation, 1 and 0 where it has none."""
        found = [
            _by_channel(op, self.arrays.get(name, np.array(usual)).astype(np.float64), what).reshape(-1)
            for name, usual, what in ((op.name, 1.0, "factors"), (f"{op.name}.bias", 0.0, "summands"))
        ]
        return Norm(found[0], found[1], epsilon_of(op))

    def weights(self, op: Op, input_scale: float, shared: Weights | None = None) -> Weights:
        """Integer weights of an operator; those of the operator that shares them, where one was met before."""
        real = self.arrays[op.name].astype(np.float64)
        channels = int(op.output.channels)
        if op.kind is OpKind.AFFINE:
            real = np.broadcast_to(real.reshape((1,) * (3 - real.ndim) + real.shape), (channels, *real.shape[-2:]))
        bias = self.arrays.get(f"{op.name}.bias", np.zeros(1)).astype(np.float64)
        if op.kind is OpKind.AFFINE and f"{op.name}.bias" in self.arrays:
            bias = np.broadcast_to(bias.reshape((1,) * (3 - bias.ndim) + bias.shape), (channels, *bias.shape[-2:]))
        elif op.kind is OpKind.AFFINE:
            bias = np.zeros((channels, 1, 1))
        else:
            bias = np.broadcast_to(bias, (channels,))
        bits = CONSTANT_BITS if op.kind is OpKind.AFFINE else self.bits.weights[op.name]
        low, high = weight_range(bits)
        given = self.given.get(f"{op.name}.weight_scale")
        if shared is not None and op.weights_of:
            scales = shared.scales
        elif given is None:  # no smaller than the bias needs, or a channel of next to no weights would lose it
            fitted = fitting_scale(real.reshape(1 if op.kind in self.per_tensor else channels, -1), low, high)
            most = np.abs(bias).reshape(channels, -1).max(axis=1)
            scales = self._stored(np.maximum(fitted, most / (MOST_BIAS * input_scale)), op.name)
            scales = np.full_like(scales, scales.max()) if op.kind in self.per_tensor else scales
        else:
            scales = self._stored(given.astype(np.float64), op.name)
            if op.kind in self.per_tensor and len(np.unique(scales)) > 1:
                raise ExportError(f"the weights of {op.name!r} have one scale here, and {len(np.unique(scales))} are given")
        by_channel = scales.reshape(-1, *(1,) * (real.ndim - 1))
        unit = (scales * input_scale).reshape(-1, *(1,) * (bias.ndim - 1))
        return Weights(
            bits,
            np.clip(np.rint(real / by_channel), low, high).astype(np.int64),
            scales,
            np.clip(np.rint(bias / unit), -(2**31), 2**31 - 1).astype(np.int64),
        )

    def _stored(self, scales: Reals, name: str) -> Reals:
        """Scales as formats store them: in single precision, or as powers of two. Values beyond either are refused."""
        with np.errstate(all="ignore"):
            single = scales.astype(np.float32).astype(np.float64)
            stored = np.exp2(np.rint(np.log2(scales))) if self.numbers.power_of_two else single
        if not (np.isfinite(single) & (single > 0)).all():
            raise ExportError(
                f"the values of {name!r} are too large or too small for a scale in single precision; rescale the weights"
            )
        return stored
