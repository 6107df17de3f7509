"""A TFLite model while it grows: tensors, constants and operators of one subgraph (schema.fbs, version 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qeopt.export.tflite.flatbuffer import Field, Number, Table, written

SCHEMA_VERSION = 3
OPERATORS: Mapping[str, tuple[int, int, int]] = {
    "ADD": (0, 2, 11), "AVERAGE_POOL_2D": (1, 2, 5), "CONCATENATION": (2, 2, 10), "CONV_2D": (3, 3, 1),
    "DEPTHWISE_CONV_2D": (4, 3, 2), "FULLY_CONNECTED": (9, 4, 8), "MAX_POOL_2D": (17, 2, 5), "MUL": (18, 2, 21), "RELU": (19, 2, 0),
    "PAD": (34, 2, 22), "RESHAPE": (22, 1, 17), "SUB": (41, 2, 28), "STRIDED_SLICE": (45, 2, 32), "MAXIMUM": (55, 2, 39),
    "MINIMUM": (57, 2, 39), "RESIZE_NEAREST_NEIGHBOR": (97, 2, 74), "SPLIT_V": (102, 2, 79),
    "RESIZE_BILINEAR": (23, 3, 15), "PADV2": (60, 2, 45), "MIRROR_PAD": (100, 1, 77), "RELU6": (21, 2, 0),
    "PRELU": (54, 1, 0), "LEAKY_RELU": (98, 2, 75), "SOFTMAX": (25, 2, 9),
    "LOGISTIC": (14, 2, 0), "TANH": (28, 2, 0), "HARD_SWISH": (117, 1, 0), "TRANSPOSE_CONV": (67, 4, 49),
}  # fmt: skip
"""By name: number, version of its integer kernel, and member of the union of options."""
INT8, INT32 = 9, 2
SAME, VALID = 0, 1
_TYPES = {np.dtype(np.int8): INT8, np.dtype(np.int32): INT32}


@dataclass
class Model:
    """Grows front to back; tensors are known by their index."""

    tensors: list[Table] = field(default_factory=list)
    buffers: list[Table] = field(default_factory=lambda: [{}])
    operators: list[Table] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    def activation(self, name: str, shape: Sequence[int], scale: float, zero: int) -> int:
        """Append a tensor of 8-bit integers that the network computes."""
        return self._tensor(name, shape, INT8, 0, _quantised([scale], [zero], 0))

    def constant(self, name: str, values: NDArray[np.generic], scales: Sequence[float] = (), axis: int = 0, zero: int = 0) -> int:
        """Append a constant; `scales` by slice along an axis, and the integer that stands for zero."""
        self.buffers.append({0: np.ascontiguousarray(values).view(np.uint8).reshape(-1)})
        quantised = _quantised(scales, [zero] * len(scales), axis) if len(scales) else None
        return self._tensor(name, values.shape, _TYPES[values.dtype], len(self.buffers) - 1, quantised)

    def operator(self, kind: str, inputs: Sequence[int], outputs: Sequence[int], options: Table | None = None) -> None:
        """Append an operator."""
        if kind not in self.codes:
            self.codes.append(kind)
        entry: dict[int, Field] = {
            0: Number("I", self.codes.index(kind)),
            1: np.array(inputs, np.int32),
            2: np.array(outputs, np.int32),
        }
        if options is not None:
            entry |= {3: Number("B", OPERATORS[kind][2]), 4: options}
        self.operators.append(entry)

    def content(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], description: str, offsets: Mapping[int, int] | None
    ) -> bytes:
        """Write the model.

        Args:
            name: Name of the subgraph.
            inputs: Tensors that are given.
            outputs: Tensors that are wanted.
            description: What people see of it.
            offsets: Addresses in the arena by tensor, for interpreters that take a plan; the others they place themselves.
        """
        graph: Table = {
            0: self.tensors, 1: np.array(inputs, np.int32), 2: np.array(outputs, np.int32), 3: self.operators, 4: name,
        }  # fmt: skip
        root: dict[int, Field] = {
            0: Number("I", SCHEMA_VERSION),
            1: [_code(kind) for kind in self.codes],
            2: [graph],
            3: description,
        }
        buffers = list(self.buffers)
        if offsets is not None:
            plan = [1, 0, len(self.tensors), *(offsets.get(index, -1) for index in range(len(self.tensors)))]
            buffers.append({0: np.array(plan, np.int32).view(np.uint8)})
            root[6] = [{0: "OfflineMemoryAllocation", 1: Number("I", len(buffers) - 1)}]
        root[4] = buffers
        return written(root, b"TFL3")

    def _tensor(self, name: str, shape: Sequence[int], kind: int, buffer: int, quantised: Table | None) -> int:
        entry: dict[int, Field] = {0: np.array(shape, np.int32), 1: Number("b", kind), 2: Number("I", buffer), 3: name}
        self.tensors.append(entry if quantised is None else entry | {4: quantised})
        return len(self.tensors) - 1


def _quantised(scales: Sequence[float], zeros: Sequence[int], axis: int) -> Table:
    return {2: np.array(scales, np.float32), 3: np.array(zeros, np.int64), 6: Number("i", axis)}


def _code(kind: str) -> Table:
    number, version, _ = OPERATORS[kind]
    return {0: Number("b", number), 2: Number("i", version), 3: Number("i", number)}
