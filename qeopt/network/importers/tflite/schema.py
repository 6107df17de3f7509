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

_NAMES = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM
    MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
    SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
    SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
    EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2
    GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG
    SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT
    UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
    SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE
    MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5
    SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO
    RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
    CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE
    RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
    UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
"""
OPERATORS: Mapping[int, str] = dict(enumerate(_NAMES.split()))
"""Names of operators by their numbers in the schema."""
CUSTOM = 32
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
    if len(dims) > MAX_RANK or any(side < 0 for side in dims) or prod(dims) > MAX_VALUES:
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
    if number == CUSTOM:
        return f"CUSTOM {code.text(1)}".strip()
    return OPERATORS.get(number, f"an operator newer than this reader (code {number})")
