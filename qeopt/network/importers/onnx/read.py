"""Read an ONNX model as a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qeopt.network.graph import Network
from qeopt.network.importers.assemble import assemble
from qeopt.network.importers.draft import Draft
from qeopt.network.importers.model import ImportedModel, ImportOptions, Parameters, refuse
from qeopt.network.importers.onnx.file import read_model
from qeopt.network.importers.onnx.nodes import HANDLERS, LABELS
from qeopt.network.importers.onnx.reader import Reader
from qeopt.network.importers.onnx.shapes import escape_of, infer, is_quantiser
from qeopt.network.importers.onnx.values import UnreadableError, constant_of
from qeopt.spec.errors import Location, Problem, SpecError, quote


def read_onnx(path: Path, options: ImportOptions, *, values: bool = False) -> ImportedModel:
    """Read an ONNX file; see `Importer`.

    Raises:
        SpecError: it is damaged, contradicts itself, or holds operators that nothing here can express, all of them named.
        PluginError: the onnx package is not installed.
    """
    model = read_model(path)
    _check_operators(path, model.graph, options)
    dims = infer(path, model, options)
    constants = {tensor.name: constant_of(path, tensor) for tensor in model.graph.initializer}
    image = next(value.name for value in model.graph.input if value.name not in constants)
    reader = Reader(path, Draft(path), options, dims, constants, model.graph)
    reader.draft.read_image(image, reader.canonical(image))
    try:
        for node in model.graph.node:
            _read_node(reader, node)
        _results(reader, model.graph)
        network = assemble(reader.draft, options)
        learnt = _parameters(reader, network) if values else {}
    except UnreadableError as error:
        raise refuse(path, str(error)) from None
    return ImportedModel(
        network,
        learnt,
        reader.draft.file_bits(reader.bits, network.tensor_by_name),
        tuple(reader.draft.notes),
    )


def _check_operators(path: Path, graph: Any, options: ImportOptions) -> None:
    """Refuse every operator that nothing here can take, all at once."""
    problems = []
    for node in graph.node:
        if node.op_type in HANDLERS or node.op_type in LABELS or is_quantiser(node) or escape_of(node, options):
            continue
        name = node.name or (node.output[0] if node.output else "")
        said = f"node {name!r}: operator {quote(node.op_type)} is not known"
        said += f"; say how to take it, such as treat_as: {{{node.op_type}: identity}}"
        problems.append(Problem(Location(str(path)), said))
    if problems:
        raise SpecError(problems)


def _read_node(reader: Reader, node: Any) -> None:
    escape = escape_of(node, reader.options)
    depends = any(reader.draft.knows(value) for value in node.input if value)
    if escape == "cut":
        reader.cut.extend(value for value in node.input if reader.draft.knows(value))
    elif any(value in reader.gone for value in node.input):
        reader.gone.update(node.output)
    elif not depends:
        reader.fold(node)
    elif escape is not None:
        reader.escape(node, escape)
    elif is_quantiser(node):
        reader.quantise(node)
    elif node.op_type in HANDLERS:
        HANDLERS[node.op_type](reader, node)
    if escape == "cut":
        reader.gone.update(node.output)


def _results(reader: Reader, graph: Any) -> None:
    wanted = [value.name for value in graph.output if reader.draft.knows(value.name)] + reader.cut
    if not wanted:
        raise refuse(reader.path, "no output depends on the image")
    for value in wanted:
        reader.draft.results.append(reader.draft.resolve(value))


def _parameters(reader: Reader, network: Network) -> dict[str, Parameters]:
    """Learnt values by operator; what is no number stays as it is."""
    found = {}
    with np.errstate(all="ignore"):
        for op in network.weighted_ops:
            make = reader.parameters.get(op.name)
            values = None if make is None else make()
            if values is not None:
                found[op.name] = values
    return found
