"""Layer normalisation in pieces: converters write mean, difference, square, mean, sum, inverse root and products for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qeopt.network.graph import OpKind
from qeopt.network.importers.tflite.node import Node
from qeopt.network.importers.tflite.schema import OperatorEntry
from qeopt.network.importers.tflite.state import Reader

NORM = "normalisation in pieces"
"""Kind of the operator that stands for the pieces; it reads a tensor, factors, epsilon and, where there are any, summands."""


def join_norms(reader: Reader) -> None:
    """Put one operator for every normalisation in pieces over the last side; in files of integers each piece runs, and stays."""
    if not any(op.kind == "RSQRT" for op in reader.ops):
        return
    finder = _Finder(reader)
    gone: set[int] = set()
    made: dict[int, OperatorEntry] = {}
    for op in reader.ops:
        found = finder.norm(op) if op.kind == "RSQRT" else None
        if found is not None:
            inner, last, joined = found
            gone.update(id(one) for one in (*inner, last))
            made[id(last)] = joined
    reader.ops[:] = [made.get(id(op), op) for op in reader.ops if id(op) not in gone or id(op) in made]


def read_norm(node: Node) -> None:
    """Take what `join_norms` put."""
    channels = node.shape()[2]
    factors, epsilon, *summands = (node.constant(index) for index in range(1, len(node.op.inputs)))
    number = epsilon.values()
    if number is None or factors.size != channels or any(one.size != channels for one in summands):
        raise node.refuse("a normalisation by values of the file, one for each channel, was expected")
    parts = [constant.seen_as((channels, 1, 1)) for constant in (factors, *summands)]
    told: dict[str, Any] = {"weights": parts[0], "bias": parts[1] if summands else None, "terms": (float(number.reshape(-1)[0]),)}
    node.add(OpKind.LAYER_NORM, (node.source(),), **told)
    function, terms = node.fused(0)
    if terms:
        raise node.refuse(f"a normalisation that ends in {function!r} is not known")
    node.then(function, told["terms"])


def _ends_in_function(op: OperatorEntry) -> bool:
    """Whether a sum, difference or product keeps its values between bounds."""
    return op.kind in {"ADD", "SUB", "MUL"} and op.options is not None and int(op.options.number(0, "b")) != 0


class _Finder:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._made = {index: op for op in reader.ops for index in op.outputs}
        self._readers: dict[int, list[OperatorEntry]] = {}
        for op in reader.ops:
            for index in set(op.inputs):
                self._readers.setdefault(index, []).append(op)

    def norm(  # noqa: PLR0911 - one for each way in which it is none
        self, root: OperatorEntry
    ) -> tuple[Sequence[OperatorEntry], OperatorEntry, OperatorEntry] | None:
        """Pieces of the normalisation that an inverse root belongs to, the last of them, and what stands for all."""
        summed = self._maker(root, "ADD", 0)
        spread = self._maker(summed, "MEAN", 0) if summed else None
        square = self._maker(spread, "MUL", 0) if spread else None
        difference = self._maker(square, "SUB", 0) if square else None
        mean = self._maker(difference, "MEAN", 1) if difference else None
        if not (summed and spread and square and difference and mean) or square.inputs[0] != square.inputs[1]:
            return None
        scaled, other = self._next(root, "MUL")
        if scaled is None or other != difference.outputs[0]:
            return None
        product, factor = self._next(scaled, "MUL")
        if product is None or not self._over_last(mean, difference.inputs[0]) or not self._over_last(spread, square.outputs[0]):
            return None
        if mean.inputs[0] != difference.inputs[0] or self._reader.tensors[difference.inputs[0]].bits is not None:
            return None
        inner = [mean, difference, square, spread, summed, root, scaled]
        shifted, summand = self._next(product, "ADD")
        last = product if shifted is None else shifted
        if shifted is not None:
            inner.append(product)
        pieces = {id(one) for one in (*inner, last)}
        if any(id(user) not in pieces for one in inner for user in self._readers.get(one.outputs[0], [])):
            return None
        if any(one.outputs[0] in self._reader.outputs or _ends_in_function(one) for one in inner):
            return None
        inputs = (difference.inputs[0], factor, summed.inputs[1], *(() if shifted is None else (summand,)))
        return inner, last, OperatorEntry(NORM, inputs, last.outputs, last.options)

    def _maker(self, op: OperatorEntry, kind: str, index: int) -> OperatorEntry | None:
        """What wrote an input, where it is of a kind and has the inputs that kind has."""
        found = self._made.get(op.inputs[index]) if len(op.inputs) > index else None
        return found if found is not None and found.kind == kind and len(found.inputs) == 2 and len(found.outputs) == 1 else None

    def _next(self, op: OperatorEntry, kind: str) -> tuple[OperatorEntry | None, int]:
        """The only reader, where it is of a kind, and its other input."""
        readers = self._readers.get(op.outputs[0], []) if op.outputs else []
        if len(readers) != 1 or readers[0].kind != kind or len(readers[0].inputs) != 2 or len(readers[0].outputs) != 1:
            return None, -1
        return readers[0], next((index for index in readers[0].inputs if index != op.outputs[0]), -1)

    def _over_last(self, mean: OperatorEntry, source: int) -> bool:
        """Whether a mean is over the last side, and keeps it."""
        dims, written = (self._reader.tensors[index].dims for index in (source, mean.outputs[0]))
        return written == (*dims[:-1], 1) and dims[-1] > 1
