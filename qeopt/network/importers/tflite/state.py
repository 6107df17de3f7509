"""The state of reading one TFLite subgraph: tensors, operators, and the draft that grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from qeopt.network.document import MAX_OPS
from qeopt.network.importers.draft import Draft, Shape
from qeopt.network.importers.model import ImportOptions, refuse
from qeopt.network.importers.tflite.flatbuffer import DamagedError, Table
from qeopt.network.importers.tflite.schema import OperatorEntry, operator_name, read_tensor
from qeopt.network.importers.tflite.tensors import Tensors


@dataclass
class Reader:
    """The state of reading one subgraph; values are known by their tensor's index."""

    path: Path
    options: ImportOptions
    tensors: Tensors
    ops: list[OperatorEntry]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    draft: Draft
    bits: dict[str, int] = field(default_factory=dict)
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

    def shape(self, index: int) -> Shape:
        """Height, width and channels of a tensor."""
        dims = self.tensors[index].dims
        if len(dims) <= 2:  # rows of values lie beside each other
            return 1, prod(dims[:-1]), prod(dims[-1:])
        return prod(dims[:-2]), dims[-2], dims[-1]

    def is_constant(self, index: int) -> bool:
        """Whether a tensor depends on no image."""
        return index >= 0 and not self.draft.knows(str(index))

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
    entries = [read_tensor(index, table) for index, table in enumerate(graph.tables(0))]
    tensors = Tensors(entries, list(root.tables(4)))
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
    reader = Reader(path, options, tensors, ops, inputs, outputs, draft)
    draft.as_it_runs = any(reader.tensors[op.outputs[0]].bits for op in ops if op.kind in _WEIGHTED and op.outputs)
    for index in inputs:
        dims = reader.tensors[index].dims
        if dims and dims[0] != 1 and len(dims) > 1:
            raise refuse(path, f"a batch of {dims[0]}; one image was expected")
        draft.read_image(str(index), reader.shape(index), reader.tensors[index].name)
    return reader


_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
