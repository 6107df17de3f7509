"""Constants of an ONNX graph: their shapes at once, their values when they are wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.network.importers.onnx.file import external_file, load_onnx

Array = NDArray[Any]


class UnreadableError(ValueError):
    """A constant's values are not what its type and dimensions say."""


@dataclass(frozen=True)
class Constant:
    """A constant: its shape, how to get its values, and the bits that a quantiser gave it."""

    dims: tuple[int, ...]
    load: Callable[[], Array] | None = None
    bits: int | None = None

    @property
    def size(self) -> int:
        """Number of values."""
        return prod(self.dims)

    def values(self) -> Array | None:
        """Its values; None where they are not at hand.

        Raises:
            UnreadableError: the file's values, or what its nodes make of them, do not fit their shape or type.
        """
        if self.load is None:
            return None
        try:
            with np.errstate(all="ignore"):
                return self.load()
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise UnreadableError(f"a constant of {' x '.join(map(str, self.dims))} values cannot be read: {error}") from error

    def then(self, dims: tuple[int, ...], change: Callable[[Array], Array], bits: int | None = None) -> Constant:
        """The constant after a change of its values, made when they are asked for."""
        load = self.load
        return Constant(dims, None if load is None else lambda: change(load()), bits or self.bits)


def constant_of(path: Path, tensor: Any) -> Constant:
    """Wrap a TensorProto; values outside the model are read from its folder only."""

    def load() -> Array:
        numpy_helper = load_onnx().numpy_helper
        if tensor.data_location != 1:
            return np.asarray(numpy_helper.to_array(tensor))
        target, offset, length = external_file(path, tensor)
        with target.open("rb") as file:
            file.seek(offset)
            content = file.read(length if length is not None else -1)
        copy = type(tensor)()
        copy.dims.extend(tensor.dims)
        copy.data_type, copy.raw_data = tensor.data_type, content
        return np.asarray(numpy_helper.to_array(copy))

    if tensor.data_location == 1:
        external_file(path, tensor)
    bits = {3: 8, 2: 8, 21: 4, 22: 4, 25: 2, 26: 2, 5: 16, 4: 16}.get(tensor.data_type)
    return Constant(tuple(tensor.dims), load, bits)
