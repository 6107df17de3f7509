"""The parts of the TFLite schema that networks need: numbers of fields, operators and types (schema.fbs, version 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from qeopt.network.importers.tflite.flatbuffer import DamagedError, Table

IDENTIFIER = b"TFL3"
MAX_RANK = 8
MAX_VALUES = 1 << 31

OPERATORS: Mapping[int, str] = {
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 5: "DEPTH_TO_SPACE", 6: "DEQUANTIZE",
    7: "EMBEDDING_LOOKUP", 8: "FLOOR", 9: "FULLY_CONNECTED", 11: "L2_NORMALIZATION", 12: "L2_POOL_2D", 14: "LOGISTIC", 16: "LSTM",
    17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 20: "RELU_N1_TO_1", 21: "RELU6", 22: "RESHAPE", 23: "RESIZE_BILINEAR", 24: "RNN",
    25: "SOFTMAX", 26: "SPACE_TO_DEPTH", 27: "SVDF", 28: "TANH", 32: "CUSTOM", 34: "PAD", 36: "GATHER", 37: "BATCH_TO_SPACE_ND",
    38: "SPACE_TO_BATCH_ND", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB", 42: "DIV", 43: "SQUEEZE", 45: "STRIDED_SLICE", 47: "EXP",
    49: "SPLIT", 50: "LOG_SOFTMAX", 53: "CAST", 54: "PRELU", 55: "MAXIMUM", 56: "ARG_MAX", 57: "MINIMUM", 59: "NEG", 60: "PADV2",
    65: "SLICE", 67: "TRANSPOSE_CONV", 70: "EXPAND_DIMS", 74: "SUM", 75: "SQRT", 76: "RSQRT", 77: "SHAPE", 78: "POW",
    82: "REDUCE_MAX", 83: "PACK", 88: "UNPACK", 97: "RESIZE_NEAREST_NEIGHBOR", 98: "LEAKY_RELU",
    99: "SQUARED_DIFFERENCE", 100: "MIRROR_PAD",
    101: "ABS", 102: "SPLIT_V", 111: "ELU", 114: "QUANTIZE", 117: "HARD_SWISH", 124: "DENSIFY", 150: "GELU",
}  # fmt: skip
ACTIVATIONS: Mapping[int, str] = {0: "", 1: "relu", 2: "clip", 3: "relu6", 4: "tanh"}
TYPES: Mapping[int, tuple[str, int]] = {
    0: ("f4", 32), 1: ("f2", 16), 2: ("i4", 32), 3: ("u1", 8), 4: ("i8", 64), 7: ("i2", 16), 9: ("i1", 8),
    17: ("i1", 4), 19: ("i1", 2),
}  # fmt: skip
"""NumPy's name and the bits of the types of tensors that hold learnt values."""


@dataclass(frozen=True)
class TensorEntry:
    """A tensor of a subgraph."""

    index: int
    name: str
    dims: tuple[int, ...]
    type: int
    buffer: int
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int

    @property
    def bits(self) -> int | None:
        """Bits of an integer tensor; None for floating point."""
        known = TYPES.get(self.type)
        return known[1] if known is not None and known[0][0] in "iu" and known[1] <= 16 else None


@dataclass(frozen=True)
class OperatorEntry:
    """An operator of a subgraph."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None


def read_tensor(index: int, table: Table) -> TensorEntry:
    """Read one tensor.

    Raises:
        DamagedError: its dimensions cannot be.
    """
    dims = tuple(int(side) for side in table.numbers(0, "i4")[: MAX_RANK + 1])
    if len(dims) > MAX_RANK or any(side < 1 for side in dims) or prod(dims) > MAX_VALUES:
        raise DamagedError(f"tensor {index} of {' x '.join(map(str, dims))} values")
    quantised = table.table(4)
    scales = np.zeros(0, np.float32) if quantised is None else quantised.numbers(2, "f4")
    zeros = np.zeros(0, np.int64) if quantised is None else quantised.numbers(3, "i8")
    axis = 0 if quantised is None else int(quantised.number(6, "i"))
    name = table.text(3) or f"tensor {index}"
    return TensorEntry(index, name, dims, int(table.number(1, "b")), int(table.number(2, "I")), scales, zeros, axis)


def operator_name(code: Table) -> str:
    """Name of an operator code; codes above 127 stand in a field of their own."""
    number = max(int(code.number(0, "b")), int(code.number(3, "i")))
    return OPERATORS.get(number, f"operator {number}") if number != 32 else f"CUSTOM {code.text(1)}".strip()
