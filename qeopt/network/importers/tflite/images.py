"""What pixels are to a TFLite model: its first integers are pixels, and their scale says what these stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qeopt.network.importers.bytes import read_bytes
from qeopt.network.importers.model import ImportOptions, refuse
from qeopt.network.importers.tflite.flatbuffer import DamagedError
from qeopt.network.importers.tflite.schema import TYPES
from qeopt.network.importers.tflite.state import Reader, open_graph

USUAL = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
"""What training makes of pixels. Scales are fitted to images, which seldom have the whitest pixel everywhere."""
_FITTED = 0.1
"""Share of such a range by which a fitted one differs at most."""


def pixel_range(reader: Reader, index: int) -> tuple[float, float] | None:
    """What pixels of 0 and of 255 stand for in an input, by the scale of its integers or of those that it is turned into first.

    Returns:
        The ends of the range of the integers, or those of the usual range near it; None where the file does not say.
    """
    tensor = reader.tensors[index]
    readers = [op for op in reader.ops if index in op.inputs]
    if not len(tensor.scales) and readers and all(op.kind == "QUANTIZE" and op.outputs for op in readers):
        tensor = reader.tensors[readers[0].outputs[0]]
    kind = np.dtype(TYPES.get(tensor.type, ("f4", 32))[0])
    if kind.kind not in "iu" or kind.itemsize != 1 or len(tensor.scales) != 1:
        return None
    scale, zero = float(tensor.scales[0]), float(tensor.zero_points[0]) if len(tensor.zero_points) else 0.0
    ends = np.iinfo(kind)
    low, high = (ends.min - zero) * scale, (ends.max - zero) * scale
    if not low < high < np.inf:  # no scale, or a zero so far off that floats see no difference
        return None
    for usual in USUAL:
        near = _FITTED * (usual[1] - usual[0])
        if abs(low - usual[0]) <= near and abs(high - usual[1]) <= near:
            return usual
    return low, high


def pixel_range_of(path: Path) -> tuple[float, float] | None:
    """The same of the first input of a file.

    Raises:
        SpecError: it is no TFLite file, or none of one image.
    """
    try:
        reader = open_graph(path, read_bytes(path), ImportOptions())
    except DamagedError as error:
        raise refuse(path, f"is damaged: it holds {error}") from None
    return pixel_range(reader, reader.inputs[0])
