"""Constants of an ONNX graph, and what nodes make of constants."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from qeopt.network.importers.constant import Array, Constant, UnreadableError
from qeopt.network.importers.onnx.file import MAX_VALUES, external_file, load_onnx
from qeopt.network.importers.onnx.stream import EXTERNAL

SMALL = 4096
"""Values of constants that are computed at once, and that shape inference may look at: sizes, axes, scales."""
MAX_MADE = 1 << 28
"""Values that nodes may make of constants."""
_BITS = {3: 8, 2: 8, 21: 4, 22: 4, 25: 2, 26: 2, 5: 16, 4: 16}
"""Bits of TensorProto.DataType that quantisers write."""


@dataclass(frozen=True)
class Given:
    """A constant with its ONNX type, and its TensorProto where it is small."""

    constant: Constant
    kind: int
    proto: Any = None


def constant_of(path: Path, tensor: Any) -> Given:
    """Wrap a TensorProto; values outside the model are read from its folder only."""

    def load() -> Array:
        numpy_helper = load_onnx().numpy_helper
        if tensor.data_location != EXTERNAL:
            return np.asarray(numpy_helper.to_array(tensor))
        target, offset, length = external_file(path, tensor)
        with target.open("rb") as file:
            file.seek(offset)
            content = file.read(length if length is not None else -1)
        copy = type(tensor)()
        copy.dims.extend(tensor.dims)
        copy.data_type, copy.raw_data = tensor.data_type, content
        return np.asarray(numpy_helper.to_array(copy))

    constant = Constant(tuple(tensor.dims), load, _BITS.get(tensor.data_type), tensor.name)
    is_small = constant.size <= SMALL and tensor.data_location != EXTERNAL
    return Given(constant, tensor.data_type, tensor if is_small else None)


def given(values: Array, name: str = "") -> Given:
    """Wrap an array."""
    proto = load_onnx().numpy_helper.from_array(values, name) if values.size <= SMALL else None
    kind = load_onnx().helper.np_dtype_to_tensor_dtype(values.dtype)
    return Given(Constant(values.shape, lambda: values, None, name), kind, proto)


def made_by(node: Any, parts: list[Given | None], dims: tuple[int, ...] | None, kind: int, opsets: Any, output: int = 0) -> Given:
    """What a node makes of constants: at once where that is small, else when its values are asked for.

    Raises:
        UnreadableError: it cannot be computed, or is out of all proportion.
    """
    count = prod(dims) if dims is not None else _size(node, parts)
    if count > min(MAX_MADE, MAX_VALUES):
        raise UnreadableError(f"{node.op_type} makes {count:,} values of constants")

    def run() -> Array:
        return _run(node, [None if part is None else part.constant for part in parts], opsets, output)

    known = all(part is None or (part.constant.load is not None and part.constant.size <= SMALL) for part in parts)
    if known and count <= SMALL:
        return given(Constant((), run).values(), node.output[output])  # type: ignore[arg-type]  # it has values
    if dims is None:
        raise UnreadableError(f"{node.op_type} makes a constant of unknown dimensions")
    if any(part is not None and part.constant.load is None for part in parts):
        return Given(Constant(dims), kind)
    bits = next((part.constant.bits for part in parts if part is not None), None)
    return Given(Constant(dims, run, bits, node.output[output]), kind)


def _size(node: Any, parts: list[Given | None]) -> int:
    """A bound on what a node of unknown output makes."""
    values = [None if part is None or part.proto is None else np.asarray(part.constant.values()) for part in parts]
    if node.op_type in {"ConstantOfShape", "Expand", "Tile"}:
        sizes = values[-1]
        base = 1 if parts[0] is None or node.op_type == "ConstantOfShape" else parts[0].constant.size
        return MAX_VALUES * 2 if sizes is None else base * int(np.prod(np.maximum(sizes, 1).astype(object)))
    if node.op_type == "Range" and all(value is not None for value in values):
        start, limit, step = (float(np.asarray(value).reshape(-1)[0]) for value in values)
        return MAX_VALUES * 2 if not step or not np.isfinite([start, limit, step]).all() else int(abs((limit - start) / step)) + 1
    product = 1
    for part in parts:
        product *= 1 if part is None else max(part.constant.size, 1)
    return product


def _run(node: Any, parts: list[Constant | None], opsets: Any, output: int) -> Array:
    """Compute one node by the reference of the package `onnx`."""
    onnx = load_onnx()
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - an extra

    feeds: dict[str, Array] = {}
    for name, part in zip(node.input, parts, strict=True):
        values = None if part is None else part.values()
        if name and values is not None:
            feeds[name] = np.asarray(values)
    inputs = [
        onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = onnx.helper.make_graph([node], "folded", inputs, outputs)
    model = onnx.helper.make_model(graph, opset_imports=opsets)
    try:
        found: Any = next(iter(ReferenceEvaluator(model).run([node.output[output]], feeds)))
    except Exception as error:  # the reference is another library's: whatever it says, the node is at fault
        raise ValueError(f"{node.op_type}: {' '.join(str(error).split())[:200]}") from None
    return np.asarray(found)
