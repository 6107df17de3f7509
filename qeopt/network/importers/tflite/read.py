"""Read a TFLite model as a network."""

from __future__ import annotations

from math import prod
from pathlib import Path

from qeopt.network.graph import OpKind
from qeopt.network.importers.assemble import assemble
from qeopt.network.importers.bytes import read_bytes
from qeopt.network.importers.constant import UnreadableError
from qeopt.network.importers.model import ImportedModel, ImportOptions, refuse
from qeopt.network.importers.obstacles import Obstacles
from qeopt.network.importers.tflite.flatbuffer import DamagedError
from qeopt.network.importers.tflite.images import pixel_range
from qeopt.network.importers.tflite.node import Node
from qeopt.network.importers.tflite.norms import join_norms
from qeopt.network.importers.tflite.operators import HANDLERS, REASONS, STATES
from qeopt.network.importers.tflite.schema import IDENTIFIER
from qeopt.network.importers.tflite.state import Reader, open_graph
from qeopt.network.importers.treat_as import ways_to_take
from qeopt.spec.errors import SpecError, quote

WIDE = 16
"""Bits of activations that converters write beside weights of 8 bits, where they are asked to."""


def read_tflite(path: Path, options: ImportOptions, *, values: bool = False) -> ImportedModel:
    """Read a TFLite file; see `Importer`.

    A file of integers is what its library runs: operators stay as they are and in the order of the file, unless `order` is stated.

    Raises:
        SpecError: it is damaged, contradicts itself, or holds operators that nothing here can express, all of them named.
    """
    content = read_bytes(path)
    if content[4:8] != IDENTIFIER:
        raise refuse(path, "is not a TFLite model: it does not begin with TFL3")
    if "order" not in options.model_fields_set:
        options = options.model_copy(update={"order": "as_given"})
    try:
        reader = open_graph(path, content, options)
        ranges = {str(index): pixel_range(reader, index) for index in reader.inputs}
        reader.draft.pixel_ranges |= {value: found for value, found in ranges.items() if found is not None}
        _read_all(reader)
        _check_widths(reader)
        _results(reader)
        network = assemble(reader.draft, options)
        learnt = reader.draft.parameters(network) if values else {}
    except DamagedError as error:
        raise refuse(path, f"is damaged: it holds {error}") from None
    except UnreadableError as error:
        raise refuse(path, str(error)) from None
    bits = reader.draft.file_bits(reader.bits, network.tensor_by_name)
    return ImportedModel(network, learnt, bits, tuple(reader.draft.notes))


def _check_widths(reader: Reader) -> None:
    """Refuse activations of 16 bits: what would be planned is not what runs.

    Raises:
        SpecError: naming such tensors.
    """
    names = [tensor.name for tensor in reader.tensors if tensor.bits == WIDE and reader.draft.knows(str(tensor.index))]
    if names:
        told = ", ".join(map(quote, names[:3])) + " and more" * (len(names) > 3)
        raise refuse(
            reader.path,
            f"activations of {WIDE} bits ({told}): memory and kernels of such files are not modelled, and a plan of 8 bits would "
            "not be theirs; convert the model with activations of 8 bits",
        )


def _results(reader: Reader) -> None:
    for index in (*reader.outputs, *reader.cut):
        if reader.draft.knows(str(index)):
            reader.draft.results.append(reader.draft.resolve(str(index)))
    if not reader.draft.results:
        raise refuse(reader.path, "no output depends on the image")


def _read_all(reader: Reader) -> None:
    """Take all operators; what cannot be taken is gathered, so that all of it is told at once."""
    obstacles = Obstacles(reader.path)
    broken: set[int] = set()
    for index in (index for op in reader.ops for index in (*op.inputs, *op.outputs) if index != -1):
        tensor = reader.tensors[index]
        if 0 in tensor.dims:
            raise DamagedError(f"tensor {index} of {' x '.join(map(str, tensor.dims))} values")
    join_norms(reader)
    for number, op in enumerate(reader.ops):
        node = Node(reader, number, op)
        try:
            if broken.isdisjoint(op.inputs):
                _read(node)
                continue
            if not _is_known(node):
                raise node.refuse(_unknown(node))
        except SpecError as error:
            obstacles.add(error, op.kind)
        broken.update(op.outputs)
    obstacles.tell()


_KEEPING = frozenset({"DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
"""Operators whose output holds the values of their input, where that is a constant."""


def _is_known(node: Node) -> bool:
    return node.op.kind in HANDLERS or _escape_of(node) is not None


def _escape_of(node: Node) -> str | None:
    treat = node.reader.options.treat_as
    return treat.get(node.name) or treat.get(node.op.kind)


def _read(node: Node) -> None:
    """Take one operator into the draft; one that depends on no image is left out.

    Raises:
        SpecError: it holds what no network here can express.
        DamagedError: it contradicts itself.
    """
    reader, op = node.reader, node.op
    if not op.outputs and op.kind not in STATES:
        raise DamagedError(f"operator {node.number} ({op.kind}) without outputs")
    if any(index in reader.gone for index in op.inputs):
        reader.gone.update(op.outputs)
        return
    depends = any(reader.draft.knows(str(index)) or index in reader.blocks for index in op.inputs)
    if not depends and op.kind not in STATES and not _follows_blocks(node):
        if op.kind in _KEEPING and op.inputs:
            reader.tensors.keep(op.outputs[0], op.inputs[0])
        else:
            reader.computed.update(dict.fromkeys(op.outputs, op.kind))
        return
    escape = _escape_of(node)
    if escape is not None:
        _taken(node, escape)
    elif op.kind in HANDLERS:
        HANDLERS[op.kind](node)
    else:
        raise node.refuse(_unknown(node))


def _follows_blocks(node: Node) -> bool:
    return any(index in node.reader.joined for index in node.op.inputs)


def _taken(node: Node, escape: str) -> None:
    """Take an operator as the user says, if that agrees with its shapes."""
    reader, op = node.reader, node.op
    first = next(index for index, tensor in enumerate(op.inputs) if reader.draft.knows(str(tensor)))
    if escape == "cut":
        reader.cut.extend(index for index in op.inputs if reader.draft.knows(str(index)))
        reader.gone.update(op.outputs)
    else:
        have, want = node.read(first), node.shape()
        agrees = prod(have) == prod(want) if escape == "move" else have == want
        if not agrees or len(op.outputs) != 1:
            raise node.refuse(f"cannot be taken as {escape}: it makes {list(want)} of {list(have)} values")
        if escape == "identity":
            node.same(first)
        elif escape == "activation":
            node.add(OpKind.ACTIVATION, (node.source(first),), function=op.kind.lower())
        else:
            node.add(OpKind.TRANSPOSE, (node.source(first),))
    reader.draft.notes.append(f"taken as {escape}, as declared: {op.kind} {node.name!r}")


def _unknown(node: Node) -> str:
    """Why an operator cannot be taken, and what leads somewhere."""
    reader, op = node.reader, node.op
    first = next((index for index, tensor in enumerate(op.inputs) if reader.draft.knows(str(tensor))), None)
    have = None if first is None else node.read(first)
    return ways_to_take(op.kind, REASONS, reader.draft, have, node.shape() if len(op.outputs) == 1 else None)
