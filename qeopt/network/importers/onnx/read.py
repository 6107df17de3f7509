"""Read an ONNX model as a network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from qeopt.network.graph import Network, OpKind
from qeopt.network.importers.assemble import assemble
from qeopt.network.importers.constant import Constant, UnreadableError
from qeopt.network.importers.draft import Draft
from qeopt.network.importers.model import ImportedModel, ImportOptions, Parameters, refuse
from qeopt.network.importers.obstacles import Obstacles
from qeopt.network.importers.onnx.elementwise import bits_between, bounds_of
from qeopt.network.importers.onnx.file import drop_dead_nodes, drop_spare_outputs, load_onnx, read_model
from qeopt.network.importers.onnx.images import canonical, image_dims, image_view, is_last, pixel_range
from qeopt.network.importers.onnx.infer import FLOAT, Dims, Inference, dims_of, escape_of, is_quantiser
from qeopt.network.importers.onnx.integers import dequantised
from qeopt.network.importers.onnx.nodes import CONSTANTS_ONLY, HANDLERS, REASONS, SHAPES, quantiser, quantiser_bits
from qeopt.network.importers.onnx.norms import join_norms
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.onnx.steps import pass_steps, read_steps
from qeopt.network.importers.onnx.values import SMALL, Given, constant_of, given, made_by
from qeopt.network.importers.views import View
from qeopt.spec.errors import SpecError, quote


def read_onnx(path: Path, options: ImportOptions, *, values: bool = False) -> ImportedModel:
    """Read an ONNX file; see `Importer`.

    Raises:
        SpecError: it is damaged, contradicts itself, or holds operators that nothing here can express, all of them named.
        PluginError: the onnx package is not installed.
    """
    model = read_model(path)
    drop_dead_nodes(model.graph, lambda node: escape_of(node, options) == "cut")
    join_norms(model.graph)
    try:
        reader = _open(path, model, options)
        stated = {value.name: dims_of(value.type) for value in (*model.graph.value_info, *model.graph.output)}
        drop_spare_outputs(model.graph)
        _Walk(reader, stated).run(model.graph.node)
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
            name = str(node.name or next((output for output in node.output if output), kind))
            obstacles.add(refuse(path, _not_taken(kind), name), kind)
    obstacles.tell()
    raise error


def _not_taken(kind: str) -> str:
    """Why operators of a kind cannot be taken."""
    return f"operator {quote(kind)} {REASONS.get(kind, ('is not known', ''))[0]}"


class _Walk:
    """Takes nodes one by one; what cannot be taken is gathered, so that all of it is told at once."""

    def __init__(self, reader: Reader, stated: Mapping[str, Dims | None]) -> None:
        self.reader, self.stated = reader, stated
        self.obstacles = Obstacles(reader.path)
        self.broken: set[str] = set()

    def run(self, nodes: Any) -> None:
        """Read all nodes.

        Raises:
            SpecError: naming everything that cannot be taken.
        """
        queue = deque(nodes)
        while queue:
            node = queue.popleft()
            if node.op_type == "If" and not self._depends(node):
                queue.extendleft(reversed(self._branch(node)))
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
            dims = reader.inference.dims(value) or self.stated.get(value)
            if dims and min(dims) > 0 and reader.inference.kind(value) in {0, FLOAT} and not reader.knows(value):
                reader.inference.state(value, dims)
                reader.draft.shapes[value] = canonical(dims)
                reader.views[value] = View.plain(value, dims)
            else:
                self.broken.add(value)

    def _depends(self, node: Any) -> bool:
        return any(self.reader.knows(value) or value in self.broken or value in self.reader.gone for value in node.input if value)

    def _read(self, node: Any) -> None:
        reader = self.reader
        reader.spread_instead(node)
        escape = escape_of(node, reader.options)
        if any(value in self.broken for value in node.input):
            self.broken.update(node.output)
            if not (node.op_type in HANDLERS or node.op_type in SHAPES or escape or is_quantiser(node)):
                raise reader.refuse(node, self._unknown(node))
        elif escape == "cut":
            reader.cut.extend(value for value in node.input if reader.knows(value))
            reader.gone.update(node.output)
        elif any(value in reader.gone for value in node.input):
            reader.gone.update(node.output)
        elif node.op_type in {"Shape", "Size"} and self._depends(node):
            self._sizes(node)
        elif not self._depends(node):
            self._fold(node)
        elif escape is not None:
            self._escape(node, escape)
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
            raise reader.refuse(node, self._unknown(node))

    def _unknown(self, node: Any) -> str:
        """Why an operator cannot be taken, and what leads somewhere."""
        reader, kind = self.reader, node.op_type
        said = _not_taken(kind)
        source = next((value for value in node.input if reader.knows(value)), None)
        if source is None:
            return said
        written = reader.inference.dims(node.output[0]) or self.stated.get(node.output[0])
        hints = []
        if kind not in REASONS and written == reader.views[source].dims:
            hints = ["activation", "identity"]
        elif kind not in REASONS and written is not None and prod(written) == prod(reader.views[source].dims):
            hints = ["move"]
        elif any(piece.weights is not None for piece in reader.draft.pieces):
            hints = ["cut"]
        if not hints:
            return said
        words = {"activation": "a function of each value", "identity": "nothing", "move": "a copy in another order",
                 "cut": "the network then ends before it"}  # fmt: skip
        ways = " or ".join(f"treat_as: {{{kind}: {hint}}} ({words[hint]})" for hint in hints)
        return f"{said}; say how to take it: {ways}"

    def _escape(self, node: Any, escape: str) -> None:
        """Take a node as the user says, if that agrees with its shapes."""
        reader = self.reader
        index = next(index for index, value in enumerate(node.input) if reader.knows(value))
        view = reader.view(node, index)
        written = self._written(node)
        if escape in {"identity", "activation"}:
            if written is not None and written != view.dims:
                shapes = f"it makes {list(written)} of {list(view.dims)} values"
                raise reader.refuse(node, f"cannot be taken as {escape}: {shapes}; the shape would have to stay")
            reader.inference.state(node.output[0], view.dims)
        elif written is None:
            raise reader.refuse(node, "cannot be taken as move: the file does not state the shape of what it writes")
        elif prod(written) > prod(view.dims):
            raise reader.refuse(node, f"cannot be taken as move: it makes {list(written)} of {list(view.dims)} values")
        reader.draft.notes.append(f"taken as {escape}, as declared: {node.op_type} {reader.name(node)!r}")
        if escape == "identity":
            reader.write(node, view)
        elif escape == "activation":
            reader.elementwise(node, OpKind.ACTIVATION, view, function=node.op_type.lower())
        elif written is not None:
            reader.inference.state(node.output[0], written)
            same = prod(written) == prod(view.dims)
            shape = canonical(written)
            reader.write_plain(node, OpKind.TRANSPOSE if same else OpKind.SLICE, (view.source,), shape)

    def _written(self, node: Any) -> Dims | None:
        """The shape that a node writes, where anything says it."""
        try:
            self.reader.inference.infer(node, self.reader.given, self.reader.name(node))
        except SpecError:
            return None
        return self.reader.inference.dims(node.output[0]) or self.stated.get(node.output[0])

    def _sizes(self, node: Any) -> None:
        """A shape is a constant."""
        reader = self.reader
        dims = reader.dims_of(node.input[0], node)
        if node.op_type == "Size":
            found = np.array(prod(dims), np.int64)
        else:
            start, end = reader.attribute(node, "start", 0), reader.attribute(node, "end")
            found = np.array(dims[slice(start, end)], np.int64)
        self._give(node.output[0], given(found, node.output[0]))

    def _give(self, output: str, found: Given) -> None:
        self.reader.given[output] = found
        self.reader.inference.state(output, found.constant.dims, found.kind)

    def _fold(self, node: Any) -> None:
        """Note what a node makes of constants."""
        reader = self.reader
        parts = [reader.given.get(value) if value else None for value in node.input]
        if any(value and part is None for value, part in zip(node.input, parts, strict=True)):
            self.broken.update(node.output)
            return
        if is_quantiser(node) or node.op_type in {"Identity", "Cast", "Dropout"}:
            self._passed(node, parts)
            return
        if node.op_type == "DequantizeLinear" and parts[0] is not None:
            axis, block = (int(reader.attribute(node, name, usual)) for name, usual in (("axis", 1), ("block_size", 0)))
            found = dequantised(parts[0].constant, reader.constant(node, 1), reader.constant(node, 2), axis, block)
            self._give(node.output[0], Given(found, 1))
            return
        reader.inference.infer(node, reader.given, reader.name(node))
        if escape_of(node, reader.options) is None and not _is_standard(node):
            raise reader.refuse(node, f"operator {quote(node.op_type)} is not known")
        for index, output in enumerate(node.output):
            if output:
                self._make(node, parts, index, output)

    def _make(self, node: Any, parts: list[Given | None], index: int, output: str) -> None:
        reader = self.reader
        dims = reader.inference.dims(output)
        first = parts[0].constant if parts and parts[0] is not None else None
        if (
            first is not None
            and dims is not None
            and first.size > SMALL
            and node.op_type in {"Reshape", "Squeeze", "Unsqueeze", "Flatten"}
        ):
            self._give(output, Given(first.seen_as(dims), reader.inference.kind(output)))
            return
        if first is not None and dims is not None and node.op_type == "Transpose":
            perm = reader.attribute(node, "perm", tuple(range(len(first.dims)))[::-1])
            turned = first.then(dims, lambda values: np.asarray(values).transpose(perm), key=f"transposed {perm}")
            self._give(output, Given(turned, reader.inference.kind(output), *_proto(turned)))
            return
        found = made_by(node, parts, dims, reader.inference.kind(output), reader.inference.opsets, index)
        if node.op_type == "Clip" and first is not None:
            low, high = bounds_of(reader, node)
            bits = None if low is None or high is None else bits_between(low, high)
            found = Given(_with_bits(found.constant, bits or first.bits), found.kind, found.proto)
        if node.op_type == "QuantizeLinear":
            zero = reader.constant(node, 2)
            found = Given(_with_bits(found.constant, 8 if zero is None else zero.bits), found.kind, found.proto)
        self._give(output, found)

    def _passed(self, node: Any, parts: list[Given | None]) -> None:
        """A constant under another name, or of fewer bits."""
        reader, first = self.reader, parts[0]
        if first is None:
            raise reader.refuse(node, "reads nothing")
        constant, kind = first.constant, first.kind
        if node.op_type == "Cast":
            kind = int(reader.attribute(node, "to", kind))
            if kind != first.kind and (first.proto is not None or constant.size <= SMALL):
                reader.inference.infer(node, reader.given, reader.name(node))
                self._make(node, parts, 0, node.output[0])
                return
        if is_quantiser(node):
            constant = _with_bits(constant, quantiser_bits(reader, node) or constant.bits)
        self._give(node.output[0], Given(constant, kind, first.proto if kind == first.kind else None))

    def _branch(self, node: Any) -> list[Any]:
        """The nodes of the branch that an If takes, and names for what it hands out."""
        reader = self.reader
        condition = reader.array(node, 0)
        if condition is None or len(condition) != 1:
            raise reader.refuse(node, "the condition is no constant")
        branch = reader.attribute(node, "then_branch" if bool(condition[0]) else "else_branch")
        if branch is None or len(branch.output) != len(node.output):
            raise reader.refuse(node, "lacks the branch that it takes")
        return _unfolded(branch, node, lambda name, tensor: self._give(name, constant_of(reader.path, tensor)))


def _unfolded(branch: Any, node: Any, give: Callable[[str, Any], None]) -> list[Any]:
    """Nodes of a branch, under names that no other branch has, and names for what it hands out."""
    within = {value for inner in branch.node for value in inner.output if value} | {tensor.name for tensor in branch.initializer}
    names = {value: f"{node.output[0]}/{value}" for value in within}
    for tensor in branch.initializer:
        named = type(tensor)()
        named.CopyFrom(tensor)
        named.name = names[tensor.name]
        give(named.name, named)
    found = []
    for inner in branch.node:
        copy = type(inner)()
        copy.CopyFrom(inner)
        _rename(copy, names)
        found.append(copy)
    pairs = zip(branch.output, node.output, strict=True)
    ends = [(names.get(value.name, value.name), outer) for value, outer in pairs]
    return [*found, *(load_onnx().helper.make_node("Identity", [value], [outer], name=outer) for value, outer in ends)]


def _rename(node: Any, names: Mapping[str, str]) -> None:
    """Give values other names, inside of branches too; names that a branch gives itself stay its own."""
    node.input[:] = [names.get(value, value) for value in node.input]
    node.output[:] = [names.get(value, value) for value in node.output]
    for graph in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
        own = {value for inner in graph.node for value in inner.output} | {tensor.name for tensor in graph.initializer}
        seen = {value: other for value, other in names.items() if value not in own}
        for inner in graph.node:
            _rename(inner, seen)
        for value in graph.output:
            value.name = seen.get(value.name, value.name)


def _is_standard(node: Any) -> bool:
    return node.domain in {"", "ai.onnx"} or node.op_type in SHAPES | CONSTANTS_ONLY


def _proto(constant: Constant) -> tuple[Any, ...]:
    """The TensorProto of a short constant."""
    if constant.size > SMALL or constant.load is None:
        return ()
    values = constant.values()
    return () if values is None else (given(np.ascontiguousarray(values)).proto,)


def _with_bits(constant: Constant, bits: int | None) -> Constant:
    return Constant(constant.dims, constant.load, bits, constant.key)


def _results(reader: Reader, graph: Any) -> None:
    fixed = [value.name for value in graph.output if value.name in reader.given]
    reader.draft.notes += [f"left out, as it depends on no image: the output {name!r}" for name in fixed]
    wanted = [value.name for value in graph.output if reader.knows(value.name)] + reader.cut
    if not wanted:
        raise refuse(reader.path, "no output depends on the image")
    for value in wanted:
        reader.repeat(value)
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
