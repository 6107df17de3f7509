"""Read a TFLite model as a network."""

from __future__ import annotations

from pathlib import Path

from qeopt.network.importers.assemble import assemble
from qeopt.network.importers.bytes import read_bytes
from qeopt.network.importers.model import ImportedModel, ImportOptions, refuse
from qeopt.network.importers.tflite.flatbuffer import DamagedError
from qeopt.network.importers.tflite.operators import HANDLERS, read_operator
from qeopt.network.importers.tflite.reader import Reader, open_graph
from qeopt.network.importers.tflite.schema import IDENTIFIER
from qeopt.spec.errors import Location, Problem, SpecError, quote


def read_tflite(path: Path, options: ImportOptions, *, values: bool = False) -> ImportedModel:
    """Read a TFLite file; see `Importer`.

    Raises:
        SpecError: it is damaged, contradicts itself, or holds operators that nothing here can express, all of them named.
    """
    content = read_bytes(path)
    if content[4:8] != IDENTIFIER:
        raise refuse(path, "is not a TFLite model: it does not begin with TFL3")
    try:
        reader = open_graph(path, content, options)
        _check_operators(reader, set(HANDLERS))
        for number, op in enumerate(reader.ops):
            read_operator(reader, number, op)
        _results(reader)
        network = assemble(reader.draft, options)
        learnt = {name: reader.learnt(*found) for name, found in reader.weights.items()} if values else {}
    except DamagedError as error:
        raise refuse(path, f"is damaged: it holds {error}") from None
    return ImportedModel(
        network,
        {name: found for name, found in learnt.items() if found is not None and name in network.op_by_name},
        reader.draft.file_bits(reader.bits, network.tensor_by_name),
        tuple(reader.draft.notes),
    )


def _results(reader: Reader) -> None:
    for index in (*reader.outputs, *reader.cut):
        if reader.draft.knows(str(index)):
            reader.draft.results.append(reader.draft.resolve(str(index)))
    if not reader.draft.results:
        raise refuse(reader.path, "no output depends on the image")


def _check_operators(reader: Reader, known: set[str]) -> None:
    problems = []
    for number, op in enumerate(reader.ops):
        name = reader.tensor(op.outputs[0]).name if op.outputs else f"operator {number}"
        treat = reader.options.treat_as
        if op.kind not in known and op.kind not in treat and name not in treat:
            said = f"node {name!r}: operator {quote(op.kind)} is not known"
            said += f"; say how to take it, such as treat_as: {{{op.kind}: identity}}"
            problems.append(Problem(Location(str(reader.path)), said))
    if problems:
        raise SpecError(problems)
