"""What ONNX nodes make of constants and of shapes: constants again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from qeopt.network.importers.constant import Constant
from qeopt.network.importers.onnx.elementwise import bits_between, bounds_of
from qeopt.network.importers.onnx.file import load_onnx
from qeopt.network.importers.onnx.infer import escape_of, is_quantiser
from qeopt.network.importers.onnx.integers import dequantised
from qeopt.network.importers.onnx.nodes import CONSTANTS_ONLY, SHAPES, quantiser_bits
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.onnx.values import SMALL, Given, constant_of, given, made_by
from qeopt.spec.errors import quote


def size(reader: Reader, node: Any) -> None:
    """A shape is a constant."""
    dims = reader.dims_of(node.input[0], node)
    if node.op_type == "Size":
        found = np.array(prod(dims), np.int64)
    else:
        start, end = reader.attribute(node, "start", 0), reader.attribute(node, "end")
        found = np.array(dims[slice(start, end)], np.int64)
    reader.give(node.output[0], given(found, node.output[0]))


def fold(reader: Reader, node: Any) -> None:
    """Note what a node makes of constants, all of which are known."""
    parts = [reader.given[value] if value else None for value in node.input]
    if is_quantiser(node) or node.op_type in {"Identity", "Cast", "Dropout"}:
        _passed(reader, node, parts)
        return
    if node.op_type == "DequantizeLinear" and parts[0] is not None:
        axis, block = (int(reader.attribute(node, name, usual)) for name, usual in (("axis", 1), ("block_size", 0)))
        found = dequantised(parts[0].constant, reader.constant(node, 1), reader.constant(node, 2), axis, block)
        reader.give(node.output[0], Given(found, 1))
        return
    reader.inference.infer(node, reader.given, reader.name(node))
    if escape_of(node, reader.options) is None and not _is_standard(node):
        raise reader.refuse(node, f"operator {quote(node.op_type)} is not known")
    for index, output in enumerate(node.output):
        if output:
            _make(reader, node, parts, index, output)


def _make(reader: Reader, node: Any, parts: list[Given | None], index: int, output: str) -> None:
    dims = reader.inference.dims(output)
    first = parts[0].constant if parts and parts[0] is not None else None
    if (
        first is not None
        and dims is not None
        and first.size > SMALL
        and node.op_type in {"Reshape", "Squeeze", "Unsqueeze", "Flatten"}
    ):
        reader.give(output, Given(first.seen_as(dims), reader.inference.kind(output)))
        return
    if first is not None and dims is not None and node.op_type == "Transpose":
        perm = reader.attribute(node, "perm", tuple(range(len(first.dims)))[::-1])
        turned = first.then(dims, lambda values: np.asarray(values).transpose(perm), key=f"transposed {perm}")
        reader.give(output, Given(turned, reader.inference.kind(output), *_proto(turned)))
        return
    found = made_by(node, parts, dims, reader.inference.kind(output), reader.inference.opsets, index)
    if node.op_type == "Clip" and first is not None:
        low, high = bounds_of(reader, node)
        bits = None if low is None or high is None else bits_between(low, high)
        found = Given(_with_bits(found.constant, bits or first.bits), found.kind, found.proto)
    if node.op_type == "QuantizeLinear":
        zero = reader.constant(node, 2)
        found = Given(_with_bits(found.constant, 8 if zero is None else zero.bits), found.kind, found.proto)
    reader.give(output, found)


def _passed(reader: Reader, node: Any, parts: list[Given | None]) -> None:
    """A constant under another name, or of fewer bits."""
    first = parts[0]
    if first is None:
        raise reader.refuse(node, "reads nothing")
    constant, kind = first.constant, first.kind
    if node.op_type == "Cast":
        kind = int(reader.attribute(node, "to", kind))
        if kind != first.kind and (first.proto is not None or constant.size <= SMALL):
            reader.inference.infer(node, reader.given, reader.name(node))
            _make(reader, node, parts, 0, node.output[0])
            return
    if is_quantiser(node):
        constant = _with_bits(constant, quantiser_bits(reader, node) or constant.bits)
    reader.give(node.output[0], Given(constant, kind, first.proto if kind == first.kind else None))


def branch(reader: Reader, node: Any) -> list[Any]:
    """The nodes of the branch that an If takes, and names for what it hands out."""
    condition = reader.array(node, 0)
    if condition is None or len(condition) != 1:
        raise reader.refuse(node, "the condition is no constant")
    branch = reader.attribute(node, "then_branch" if bool(condition[0]) else "else_branch")
    if branch is None or len(branch.output) != len(node.output):
        raise reader.refuse(node, "lacks the branch that it takes")
    return _unfolded(branch, node, lambda name, tensor: reader.give(name, constant_of(reader.path, tensor)))


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
