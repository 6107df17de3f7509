"""Read an ONNX model as a network."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from qeopt.network.graph import Network
from qeopt.network.importers.assemble import assemble
from qeopt.network.importers.constant import UnreadableError
from qeopt.network.importers.draft import Draft
from qeopt.network.importers.model import ImportedModel, ImportOptions, Parameters, refuse
from qeopt.network.importers.obstacles import Obstacles
from qeopt.network.importers.onnx.broadcast import repeat, spread_instead
from qeopt.network.importers.onnx.declared import take_as, unknown
from qeopt.network.importers.onnx.file import drop_spare_outputs, read_model
from qeopt.network.importers.onnx.folding import branch, fold, size
from qeopt.network.importers.onnx.images import canonical, image_dims, image_view, is_last, pixel_range
from qeopt.network.importers.onnx.infer import FLOAT, Inference, escape_of, is_quantiser
from qeopt.network.importers.onnx.nodes import CONSTANTS_ONLY, HANDLERS, REASONS, SHAPES, quantiser
from qeopt.network.importers.onnx.norms import join_norms
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.onnx.steps import pass_steps, read_steps
from qeopt.network.importers.onnx.values import constant_of
from qeopt.network.importers.treat_as import not_taken
from qeopt.network.importers.views import View
from qeopt.spec.errors import SpecError


def read_onnx(path: Path, options: ImportOptions, *, values: bool = False) -> ImportedModel:
    """Read an ONNX file; see `Importer`.

    Raises:
        SpecError: it is damaged, contradicts itself, or holds operators that nothing here can express, all of them named.
        PluginError: the onnx package is not installed.
    """
    model = read_model(path, lambda node: escape_of(node, options) == "cut")
    join_norms(model.graph)
    try:
        reader = _open(path, model, options)
        drop_spare_outputs(model.graph)
        _Walk(reader).run(model.graph.node)
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


def _open(path: Path, model: Any, options: ImportOptions) -> Reader:
    constants = {tensor.name: constant_of(path, tensor) for tensor in model.graph.initializer}
    images = [value for value in model.graph.input if value.name not in constants]
    if not images:
        raise refuse(path, "has no input; one image was expected")
    inference = Inference(path, model)
    reader = Reader(path, Draft(path), options, inference, constants, frozenset(value.name for value in model.graph.output))
    for name, found in constants.items():
        inference.state(name, found.constant.dims, found.kind)
    for number, value in enumerate(images):
        told = options if number == 0 else options.model_copy(update={"input": None})
        try:
            dims = image_dims(path, model.graph, value, told)
        except SpecError as error:
            _tell_with_unknown(path, error, model.graph, options)
        view, shape = image_view(value.name, dims, is_last(model.graph, value.name, len(dims)))
        reader.draft.read_image(value.name, shape)
        held = pixel_range(value.type.tensor_type.elem_type)
        if held is not None:
            reader.draft.pixel_ranges[value.name] = held
        inference.state(value.name, dims, value.type.tensor_type.elem_type)
        reader.views[value.name] = view
    return reader


def _tell_with_unknown(path: Path, error: SpecError, graph: Any, options: ImportOptions) -> NoReturn:
    """Raise a complaint about an input, together with the operators of the file that are not known."""
    obstacles = Obstacles(path)
    obstacles.add(error, "input")
    for node in graph.node:
        kind = node.op_type
        known = kind in HANDLERS or kind in SHAPES or kind in CONSTANTS_ONLY or is_quantiser(node)
        if not known and escape_of(node, options) is None:
            obstacles.add(refuse(path, not_taken(kind, REASONS), Reader.name(node)), kind)
    obstacles.tell()
    raise error


class _Walk:
    """Takes nodes one by one; what cannot be taken is gathered, so that all of it is told at once."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.obstacles = Obstacles(reader.path)
        self.broken: set[str] = set()
        """Values behind a node that could not be taken."""
        self.gone: set[str] = set()
        """Values behind a cut."""

    def run(self, nodes: Any) -> None:
        """Read all nodes.

        Raises:
            SpecError: naming everything that cannot be taken.
        """
        queue = deque(nodes)
        while queue:
            node = queue.popleft()
            if node.op_type == "If" and not self._depends(node):
                queue.extendleft(reversed(branch(self.reader, node)))
                continue
            try:
                self._read(node)
            except SpecError as error:
                self.obstacles.add(error, node.op_type)
                self._stand_in(node)
        self.obstacles.tell()

    def _stand_in(self, node: Any) -> None:
        """Go on behind a node that cannot be taken as if it wrote values, where their shape is known: more obstacles are told."""
        reader = self.reader
        for value in filter(None, node.output):
            dims = reader.inference.dims_or_stated(value)
            if dims and min(dims) > 0 and reader.inference.kind(value) in {0, FLOAT} and not reader.knows(value):
                reader.inference.state(value, dims)
                reader.draft.shapes[value] = canonical(dims)
                reader.views[value] = View.plain(value, dims)
            else:
                self.broken.add(value)

    def _depends(self, node: Any) -> bool:
        return any(self.reader.knows(value) or value in self.broken or value in self.gone for value in node.input if value)

    def _read(self, node: Any) -> None:
        reader = self.reader
        spread_instead(reader, node)
        escape = escape_of(node, reader.options)
        if any(value in self.broken for value in node.input):
            self.broken.update(node.output)
            if not (node.op_type in HANDLERS or node.op_type in SHAPES or escape or is_quantiser(node)):
                raise reader.refuse(node, unknown(reader, node))
        elif escape == "cut":
            reader.cut.extend(value for value in node.input if reader.knows(value))
            self.gone.update(node.output)
        elif any(value in self.gone for value in node.input):
            self.gone.update(node.output)
        elif node.op_type in {"Shape", "Size"} and self._depends(node):
            size(reader, node)
        elif not self._depends(node):
            self._fold(node)
        elif escape is not None:
            take_as(reader, node, escape)
        elif is_quantiser(node):
            quantiser(reader, node)
        elif node.op_type in HANDLERS:
            reader.inference.infer(node, reader.given, reader.name(node))
            steps = read_steps(reader, node)
            HANDLERS[node.op_type](reader, node)
            if steps is not None:
                pass_steps(reader, node, steps)
        else:
            reader.inference.infer(node, reader.given, reader.name(node))
            raise reader.refuse(node, unknown(reader, node))

    def _fold(self, node: Any) -> None:
        if all(value in self.reader.given for value in node.input if value):
            fold(self.reader, node)
        else:
            self.broken.update(node.output)


def _results(reader: Reader, graph: Any) -> None:
    fixed = [value.name for value in graph.output if value.name in reader.given]
    reader.draft.notes += [f"left out, as it depends on no image: the output {name!r}" for name in fixed]
    wanted = [value.name for value in graph.output if reader.knows(value.name)] + reader.cut
    if not wanted:
        raise refuse(reader.path, "no output depends on the image")
    for value in wanted:
        repeat(reader, value)
        view = reader.views[value]
        source = view.source
        if not view.is_plain and value not in reader.cut:
            node = next(node for node in graph.node if value in node.output)
            source = reader.settle(node, view, canonical(view.dims))
        reader.draft.results.append(source)


def _parameters(reader: Reader, network: Network) -> dict[str, Parameters]:
    """Learnt values by operator; what is no number stays as it is."""
    found = {}
    pieces = {piece.name: piece for piece in reader.draft.pieces}
    with np.errstate(all="ignore"):
        for op in network.ops:
            piece = pieces.get(op.name)
            values = None if piece is None else piece.values()
            if values is not None:
                found[op.name] = values
    return found
