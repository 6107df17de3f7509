"""Values of a file as views of tensors: transposes and reshapes are arithmetic until an operator needs them done."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from qeopt.network.graph import Move

Shape = tuple[int, int, int]
MAX_CHECKED = 1 << 22
"""Values of a tensor whose order in memory is compared one by one."""


@dataclass(frozen=True, slots=True)
class View:
    """The values of a tensor, all of them once, in some dimensions.

    Strides count values of the tensor as they run over channels, rows and columns.
    """

    source: str
    dims: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def plain(cls, source: str, dims: tuple[int, ...]) -> View:
        """A tensor's values in their order."""
        return cls(source, dims, strides_of(dims))

    @property
    def is_plain(self) -> bool:
        """Whether the values come in their order."""
        return all(d == 1 or own == other for d, own, other in zip(self.dims, self.strides, strides_of(self.dims), strict=True))

    def of(self, source: str) -> View:
        """The same view of another tensor of that shape."""
        return replace(self, source=source)

    def transposed(self, perm: tuple[int, ...]) -> View:
        """With its sides in another order."""
        return View(self.source, tuple(self.dims[axis] for axis in perm), tuple(self.strides[axis] for axis in perm))

    def reshaped(self, dims: tuple[int, ...]) -> View | None:
        """In other dimensions; None where the values do not lie so that strides could say it."""
        old = [(d, s) for d, s in zip(self.dims, self.strides, strict=True) if d != 1]
        new = [d for d in dims if d != 1]
        found: list[int] = []
        while new:
            have, want = [old.pop(0)], [new.pop(0)]
            while prod(d for d, _ in have) != prod(want):
                if prod(d for d, _ in have) < prod(want):
                    have.append(old.pop(0))
                else:
                    want.append(new.pop(0))
            if any(one[1] != other[0] * other[1] for one, other in itertools.pairwise(have)):
                return None
            found += [have[-1][1] * stride for stride in strides_of(tuple(want))]
        strides = iter(found)
        return View(self.source, dims, tuple(1 if d == 1 else next(strides) for d in dims))

    def moves(self) -> tuple[Move, ...]:
        """The shape in which the tensor is seen and the order in which its sides are taken; none where they come in theirs."""
        if self.is_plain:
            return ()
        wide = [axis for axis, side in enumerate(self.dims) if side > 1]
        by_stride = sorted(wide, key=lambda axis: -self.strides[axis])
        return ((tuple(self.dims[axis] for axis in by_stride), tuple(by_stride.index(axis) for axis in wide)),)

    def offsets(self) -> NDArray[np.int64]:
        """Where in the tensor each value lies."""
        found = np.zeros(self.dims, np.int64)
        for axis, (side, stride) in enumerate(zip(self.dims, self.strides, strict=True)):
            found += (np.arange(side) * stride).reshape(-1, *[1] * (len(self.dims) - axis - 1))
        return found

    def side_of(self, axis: int, shape: Shape) -> int | None:
        """Which side of a tensor (0 rows, 1 columns, 2 channels) an axis runs over, from its begin to its end."""
        height, width, channels = shape
        for side, length, stride in ((2, channels, height * width), (0, height, width), (1, width, 1)):
            if self.dims[axis] == length and length > 1 and self.strides[axis] == stride:
                return side
        return None

    def changed(self, axis: int, side: int, shape: Shape, length: int, source: str) -> View | None:
        """The view of a tensor that differs in the length of one side, over which `axis` runs.

        None where another axis runs across the border of that side.
        """
        after = list(shape)
        after[side] = length
        units, new_units = _units(shape), _units((after[0], after[1], after[2]))
        strides = []
        for other, (extent, stride) in enumerate(zip(self.dims, self.strides, strict=True)):
            if extent == 1 and other != axis:
                strides.append(1)
                continue
            at = side if other == axis else next(number for number in (2, 0, 1) if stride >= units[number])
            limit = {2: prod(shape), 0: units[2], 1: units[0]}[at]
            crosses = other != axis and stride * extent > limit
            if crosses and not (at == 1 and stride * extent <= units[2] and side == 2):
                return None
            strides.append(stride // units[at] * new_units[at] if other != axis else new_units[side])
        dims = list(self.dims)
        dims[axis] = length
        return View(source, tuple(dims), tuple(strides))


def strides_of(dims: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of values that run over the last side first."""
    return tuple(prod(dims[axis + 1 :]) for axis in range(len(dims)))


def stays_in_memory(view: View, source: Shape, written: Shape) -> bool:
    """Whether a tensor of the shape `written` holds the values of a view where the source, channels last, holds them already."""
    count = prod(source)
    if count > MAX_CHECKED:
        return False
    height, width, channels = source
    places = np.arange(count).reshape(height, width, channels).transpose(2, 0, 1).reshape(-1)
    seen = places[view.offsets().reshape(-1)].reshape(written[2], written[0], written[1]).transpose(1, 2, 0).reshape(-1)
    return bool((seen == np.arange(count)).all())


def _units(shape: Shape) -> dict[int, int]:
    height, width, _ = shape
    return {2: height * width, 0: width, 1: 1}
