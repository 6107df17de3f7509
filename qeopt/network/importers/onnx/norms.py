"""Layer normalisation that a file spells in pieces: mean, difference, square, mean, sum, root and quotient are one operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qeopt.network.importers.onnx.file import load_onnx
from qeopt.network.importers.onnx.stream import EXTERNAL

NAME = "LayerNormalization"
SINCE = 17
"""Version of the standard operators from which it is one of them."""


INPUTS = {"Div": 2, "Sub": 2, "Mul": 2, "Add": 2, "Pow": 2, "Sqrt": 1, "ReduceMean": 1}
"""By operator that may be a piece: inputs that it has at least."""


def join_norms(graph: Any) -> None:
    """Put one operator for every layer normalisation in pieces over the last side; nothing else changes.

    Only where it ends in a product with constants, one for each value along that side, and nobody reads the pieces.
    """
    if not any(node.op_type == "Sqrt" for node in graph.node):
        return
    if any(not node.output or len(node.input) < INPUTS.get(node.op_type, 0) for node in graph.node):
        return  # told where nodes are read
    found = _Finder(graph)
    gone: set[str] = set()
    made: dict[str, Any] = {}
    for node in graph.node:
        norm = found.norm(node) if node.op_type == "Div" else None
        if norm is not None:
            pieces, last, joined = norm
            gone |= {piece.output[0] for piece in pieces}
            made[last.output[0]] = joined
    if made:
        kept = [made.get(node.output[0], node) for node in graph.node if node.output[0] not in gone or node.output[0] in made]
        del graph.node[:]
        graph.node.extend(kept)


class _Finder:
    def __init__(self, graph: Any) -> None:
        self._onnx = load_onnx()
        self._made = {value: node for node in graph.node for value in node.output}
        self._readers: dict[str, list[Any]] = {}
        for node in graph.node:
            for value in node.input:
                self._readers.setdefault(value, []).append(node)
        self._wanted = {value.name for value in graph.output}
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                self._constants |= {node.output[0]: one.t for one in node.attribute if one.name == "value"}  # noqa: B035

    def norm(self, quotient: Any) -> tuple[Sequence[Any], Any, Any] | None:
        """Pieces of the normalisation that a quotient is the end of, the last of them, and what stands for all."""
        difference, root = self._made.get(quotient.input[0]), self._made.get(quotient.input[1])
        summed = self._maker(root, "Sqrt", 0)
        spread, epsilon = self._with_constant(summed, "Add")
        square = self._maker(spread, "ReduceMean", 0)
        mean = None if difference is None or difference.op_type != "Sub" else self._made.get(difference.input[1])
        if difference is None or square is None or mean is None or epsilon is None or not self._is_square(square, difference):
            return None
        if not all(self._is_mean(part) for part in (mean, spread)) or mean.input[0] != difference.input[0]:
            return None
        product, factor = self._next(quotient, "Mul")
        if product is None:
            return None
        shifted, summand = self._next(product, "Add")
        inner = [mean, difference, square, spread, summed, root, quotient, *([] if shifted is None else [product])]
        if any(not self._within(piece, [*inner, product, *([] if shifted is None else [shifted])]) for piece in inner):
            return None
        last = product if shifted is None else shifted
        reads = [difference.input[0], factor, *([] if shifted is None else [summand])]
        joined = self._onnx.helper.make_node(NAME, reads, [last.output[0]], name=quotient.name, axis=-1, epsilon=epsilon)
        return inner, last, joined

    def _maker(self, node: Any, kind: str, index: int) -> Any:
        """What wrote an input of an operator of a kind."""
        return None if node is None or node.op_type != kind else self._made.get(node.input[index])

    def _with_constant(self, node: Any, kind: str) -> tuple[Any, float | None]:
        """What wrote the input of a sum that is no constant, and the constant."""
        if node is None or node.op_type != kind:
            return None, None
        for value, other in (tuple(node.input), tuple(node.input)[::-1]):
            number = self._numbers(other)
            if number is not None and number.size == 1:
                return self._made.get(value), float(number.reshape(-1)[0])
        return None, None

    def _numbers(self, value: str) -> Any:
        tensor = self._constants.get(value)
        if tensor is None or tensor.data_location == EXTERNAL or tensor.data_type not in {1, 7, 11}:
            return None
        return self._onnx.numpy_helper.to_array(tensor)

    def _is_square(self, node: Any, difference: Any) -> bool:
        if node.op_type == "Mul":
            return list(node.input) == [difference.output[0]] * 2
        power = self._numbers(node.input[1]) if node.op_type == "Pow" else None
        return power is not None and bool(np.all(power == 2)) and node.input[0] == difference.output[0]

    def _is_mean(self, node: Any) -> bool:
        """Whether a node is a mean over the last side that keeps it."""
        if node.op_type != "ReduceMean":
            return False
        told: Mapping[str, Any] = {one.name: one for one in node.attribute}
        axes = list(told["axes"].ints) if "axes" in told else None
        if axes is None and len(node.input) > 1:
            numbers = self._numbers(node.input[1])
            axes = None if numbers is None else numbers.reshape(-1).tolist()
        return axes == [-1] and ("keepdims" not in told or told["keepdims"].i == 1)

    def _next(self, node: Any, kind: str) -> tuple[Any, str]:
        """The only reader, where it is of a kind and its other input is a constant along the last side."""
        readers = self._readers.get(node.output[0], [])
        if len(readers) != 1 or readers[0].op_type != kind or node.output[0] in self._wanted:
            return None, ""
        other = next((value for value in readers[0].input if value != node.output[0]), "")
        tensor = self._constants.get(other)
        return (readers[0], other) if tensor is not None and len(tensor.dims) == 1 and tensor.dims[0] > 1 else (None, "")

    def _within(self, piece: Any, inner: Sequence[Any]) -> bool:
        """Whether nobody else reads what a piece writes."""
        value = piece.output[0]
        return value not in self._wanted and all(any(reader is one for one in inner) for reader in self._readers.get(value, []))
