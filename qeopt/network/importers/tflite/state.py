"""The state of reading one TFLite subgraph: tensors, operators, stored values, and the draft that grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.network.document import MAX_OPS
from qeopt.network.importers.constant import Constant
from qeopt.network.importers.draft import Draft, Shape
from qeopt.network.importers.model import ImportOptions, refuse
from qeopt.network.importers.tflite.flatbuffer import DamagedError, Table
from qeopt.network.importers.tflite.schema import TYPES, OperatorEntry, TensorEntry, operator_name, read_tensor
from qeopt.spec.errors import quote


@dataclass
class Reader:
    """The state of reading one subgraph; values are known by their tensor's index."""

    path: Path
    options: ImportOptions
    tensors: list[TensorEntry]
    ops: list[OperatorEntry]
    buffers: list[Table]
    outputs: tuple[int, ...]
    draft: Draft
    bits: dict[str, int] = field(default_factory=dict)
    stored: dict[int, int] = field(default_factory=dict)
    """By a constant that is made of another: the one that holds its values."""
    computed: dict[int, str] = field(default_factory=dict)
    """By constant that is computed of constants in a way that is not known here: the operator."""
    cut: list[int] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    """Tensors behind a cut."""
    blocks: dict[int, tuple[str, tuple[int, int], tuple[int, int, int, int]]] = field(default_factory=dict)
    """By tensor that is blocks as a batch: the value behind, the block, and the padding (top, bottom, left, right)."""
    joined: dict[int, int] = field(default_factory=dict)
    """By tensor that is blocks as a batch behind a convolution: the one without blocks."""
    handles: dict[int, str] = field(default_factory=dict)
    """By tensor that stands for a state: the state's name."""

    def tensor(self, index: int) -> TensorEntry:
        """A tensor by its index.

        Raises:
            DamagedError: there is no such tensor.
        """
        if not 0 <= index < len(self.tensors):
            raise DamagedError(f"tensor {index} of {len(self.tensors)}")
        return self.tensors[index]

    def shape(self, index: int) -> Shape:
        """Height, width and channels of a tensor."""
        dims = self.tensor(index).dims
        if len(dims) <= 2:  # rows of values lie beside each other
            return 1, prod(dims[:-1]), prod(dims[-1:])
        return prod(dims[:-2]), dims[-2], dims[-1]

    def is_constant(self, index: int) -> bool:
        """Whether a tensor depends on no image."""
        return index >= 0 and not self.draft.knows(str(index))

    def data(self, tensor: TensorEntry) -> NDArray[Any] | None:
        """A constant's values as they are stored; None where the file holds none, or their type is not known.

        Raises:
            DamagedError: there are more or fewer than its dimensions say.
        """
        known = TYPES.get(tensor.type)
        if known is None or not 0 < tensor.buffer < len(self.buffers):
            return None
        stored = self.buffers[tensor.buffer].numbers(0, "u1")
        count = prod(tensor.dims)
        kind, bits = known
        if not len(stored):
            return None
        if len(stored) != -(-count * bits // 8):
            raise DamagedError(f"{len(stored):,} bytes for {count:,} values of {quote(tensor.name)}")
        if bits < 8:
            parts = [(stored >> shift) & (2**bits - 1) for shift in range(0, 8, bits)]
            unpacked = np.stack(parts, axis=-1).reshape(-1)[:count].astype(np.int16)
            return np.where(unpacked >= 2 ** (bits - 1), unpacked - 2**bits, unpacked).reshape(tensor.dims)
        return np.frombuffer(stored.tobytes(), dtype=np.dtype(kind).newbyteorder("<")).reshape(tensor.dims)

    def integers(self, index: int) -> tuple[int, ...] | None:
        """A short constant of integers.

        Raises:
            DamagedError: when it is one of other numbers.
        """
        tensor = self.tensor(index)
        found = None if prod(tensor.dims) > 64 else self.data(tensor)
        if found is not None and found.dtype.kind not in "iub":
            raise DamagedError(f"numbers of the type {found.dtype} in {quote(tensor.name)}, where integers were expected")
        return None if found is None else tuple(int(number) for number in found.reshape(-1))

    def state(self, handle: int, shape: Shape, node: str) -> str:
        """The value that a state is, by the tensor that stands for it.

        Raises:
            SpecError: nothing says which state it is, or it has had another shape.
        """
        name = self.handles.get(handle)
        if name is None:
            raise refuse(self.path, "reads or writes a state that no operator before it names", node)
        value = f"state {name or handle}"
        if value not in self.draft.shapes:
            self.draft.read_state(value, shape)
        if self.draft.shapes[value] != shape:
            raise refuse(self.path, f"takes {value!r} of {list(self.draft.shapes[value])} values for {list(shape)}", node)
        return value

    def constant(self, index: int) -> Constant:
        """A constant's real values, read when they are asked for."""
        tensor = self.tensor(index)
        stored = self.tensor(self.stored.get(index, index))
        if self._is_empty(stored):
            return Constant(tensor.dims, None, stored.bits)
        key = f"buffer {stored.buffer}" if stored.buffer else ""

        def load() -> NDArray[Any]:
            found = self._real(stored)
            if found is None:
                raise ValueError(f"{quote(stored.name)} holds none")
            return found.reshape(tensor.dims)

        return Constant(tensor.dims, load, stored.bits, key)

    def _is_empty(self, tensor: TensorEntry) -> bool:
        return tensor.type not in TYPES or not 0 < tensor.buffer < len(self.buffers) or self._length(tensor) == 0

    def _length(self, tensor: TensorEntry) -> int:
        return len(self.buffers[tensor.buffer].numbers(0, "u1"))

    def _real(self, tensor: TensorEntry) -> NDArray[Any] | None:
        stored = self.data(tensor)
        if stored is None or not len(tensor.scales):
            return stored
        sides = [1] * stored.ndim
        if len(tensor.scales) > 1:
            if not 0 <= tensor.axis < stored.ndim or stored.shape[tensor.axis] != len(tensor.scales):
                raise DamagedError(f"{len(tensor.scales)} scales for {quote(tensor.name)}")
            sides[tensor.axis] = -1
        zeros = tensor.zero_points if len(tensor.zero_points) == len(tensor.scales) else np.zeros(len(tensor.scales))
        with np.errstate(all="ignore"):
            real = (stored.astype(np.float64) - zeros.reshape(sides)) * tensor.scales.reshape(sides)
            return np.asarray(real, dtype=np.float32)


def open_graph(path: Path, content: bytes, options: ImportOptions) -> Reader:
    """Read the tables of the subgraph that runs; others may set states before the first inference.

    Raises:
        SpecError: there are several that run, no input, or a batch.
        DamagedError: offsets or claims lead out of the file.
    """
    root = Table.root(content)
    codes = [operator_name(code) for code in root.tables(1)]
    graphs = list(root.tables(2))
    if not graphs:
        raise refuse(path, "no subgraph; one was expected")
    graph = graphs[0]
    tensors = [read_tensor(index, table) for index, table in enumerate(graph.tables(0))]
    ops: list[OperatorEntry] = []
    for table in graph.tables(3):
        if len(ops) >= MAX_OPS:
            raise refuse(path, f"more than {MAX_OPS:,} operators")
        index = int(table.number(0, "I"))
        if index >= len(codes):
            raise DamagedError(f"operator code {index} of {len(codes)}")
        reads, writes = (tuple(int(i) for i in table.numbers(number, "i4")[:1024]) for number in (1, 2))
        ops.append(OperatorEntry(codes[index], reads, writes, table.table(4)))
    started = {int(op.options.number(0, "i")) for op in ops if op.kind == "CALL_ONCE" and op.options is not None}
    if len(graphs) > 1 and not set(range(1, len(graphs))) <= started:
        raise refuse(path, f"{len(graphs)} subgraphs; one, and those that are run once before it, were expected")
    inputs, outputs = (tuple(int(i) for i in graph.numbers(number, "i4")[:1024]) for number in (1, 2))
    if not inputs:
        raise refuse(path, "no input; an image was expected")
    draft = Draft(path)
    reader = Reader(path, options, tensors, ops, list(root.tables(4)), outputs, draft)
    draft.as_it_runs = any(reader.tensor(op.outputs[0]).bits for op in ops if op.kind in _WEIGHTED and op.outputs)
    for index in inputs:
        dims = reader.tensor(index).dims
        if dims and dims[0] != 1 and len(dims) > 1:
            raise refuse(path, f"a batch of {dims[0]}; one image was expected")
        draft.read_image(str(index), reader.shape(index), reader.tensor(index).name)
    return reader


_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
