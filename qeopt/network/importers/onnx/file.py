"""Read an ONNX file that nobody vouches for: bounded, checked for what its parts claim, never leaving its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

from qeopt.network.importers.bytes import opened
from qeopt.network.importers.model import refuse
from qeopt.network.importers.onnx.exact import are_known
from qeopt.network.importers.onnx.stream import EXTERNAL, parse
from qeopt.network.importers.onnx.strings import check_strings
from qeopt.spec.errors import PluginError, quote

MAX_NODES = 100_000
"""Of a file; how many operators of a network they may become is another matter."""
MAX_TENSORS = 100_000
MAX_VALUES = 1 << 31
"""Values that one constant may claim to hold."""
MAX_RANK = 8
MAX_ATTRIBUTE = 1 << 24
"""Largest number in an attribute; no window, step or margin comes near it."""


def load_onnx() -> Any:
    """Import the onnx package.

    Raises:
        PluginError: it is not installed.
    """
    try:
        import onnx  # noqa: PLC0415 - an extra
        import onnx.shape_inference  # noqa: PLC0415
    except ImportError as error:
        raise PluginError('reading ONNX needs the package onnx; install it with: pip install "qeopt[onnx]"') from error
    return onnx


def read_model(path: Path, is_kept: Callable[[Any], bool]) -> Any:
    """Read the model in a file and check what it claims.

    Args:
        path: The file.
        is_kept: Whether a node is wanted although no output needs it.

    Returns:
        An `onnx.ModelProto` whose nodes are in an order in which they can run, without those that nobody needs.

    Raises:
        SpecError: it is no ONNX model, or its parts contradict each other.
        PluginError: the onnx package is not installed.
    """
    onnx = load_onnx()
    model = parsed(onnx, path)
    if not model.HasField("graph") or not model.graph.node:
        raise refuse(path, "is not an ONNX model, or empty: it holds no node")
    if not are_known(onnx, model):
        raise refuse(path, "holds functions of its own; inline them first (onnx.inliner.inline_local_functions)")
    graph = model.graph
    for what, count, most in (("nodes", len(graph.node), MAX_NODES), ("constants", len(graph.initializer), MAX_TENSORS)):
        if count > most:
            raise refuse(path, f"{count:,} {what}; at most {most:,} were expected")
    if graph.sparse_initializer:
        raise refuse(path, "holds sparse constants; write them out whole")
    check_strings(path, model)
    ordered = _sorted(path, graph)
    del graph.node[:]
    graph.node.extend(_needed(ordered, graph, is_kept))
    _check_graph(path, graph)
    return model


def parsed(onnx: Any, path: Path) -> Any:
    """Read the model in a file as it is.

    Raises:
        SpecError: it is no ONNX model.
    """
    with opened(path) as file:
        try:
            return parse(onnx, file, path.resolve().name)
        except OSError:
            raise
        except Exception as error:  # protobuf's parsers raise DecodeError, RuntimeError or ValueError by version
            raise refuse(path, f"is not an ONNX model, or damaged ({type(error).__name__})") from None


def external_file(path: Path, tensor: Any) -> tuple[Path, int, int | None]:
    """Return the file, offset and length of a constant's values outside the model, which must lie in the model's folder.

    Raises:
        SpecError: the values lie elsewhere, or are not there.
    """
    told = {entry.key: entry.value for entry in tensor.external_data}
    location = told.get("location", "")
    folder = path.resolve().parent
    try:
        target = (folder / location).resolve()
        inside = location and not Path(location).is_absolute() and target.is_relative_to(folder) and target.is_file()
        offset, length = int(told.get("offset", "0")), int(told["length"]) if "length" in told else None
    except (ValueError, OSError):
        inside, offset, length = False, 0, None
    if not inside:
        raise refuse(path, f"constant {quote(tensor.name)} lies in {quote(location)}, which is no file in the model's folder")
    size = target.stat().st_size
    if offset < 0 or (length is not None and length < 0) or offset + (length or 0) > size:
        raise refuse(path, f"constant {quote(tensor.name)} claims bytes beyond the end of {quote(location)}")
    return target, offset, length


def check_tensor(path: Path, tensor: Any) -> None:
    """Check that a constant holds as many values as its dimensions say.

    Raises:
        SpecError: it does not, or claims too many.
    """
    dims = tuple(tensor.dims)
    count = prod(dims)
    if len(dims) > MAX_RANK or any(side < 0 for side in dims) or count > MAX_VALUES:
        raise refuse(path, f"constant {quote(tensor.name)} claims {' x '.join(map(str, dims[: MAX_RANK + 1]))} values")
    held = _held(path, tensor, count)
    if held is not None and held != count:
        raise refuse(path, f"constant {quote(tensor.name)} claims {count:,} values and holds {held:,}")


_BITS = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 16: 16, 21: 4, 22: 4, 25: 2, 26: 2}
"""Bits of a value by TensorProto.DataType."""


def _held(path: Path, tensor: Any, count: int) -> int | None:
    """Values that a constant holds; None where its type says nothing of their size."""
    bits = _BITS.get(tensor.data_type)
    if bits is None:
        return None
    stored = _stored_bytes(path, tensor)
    if stored is not None:
        return count if stored == -(-count * bits // 8) else stored * 8 // bits
    typed = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data)
    held = max(len(field) for field in typed)
    packed = -(-count * bits // 8) if bits < 8 else count
    return count if held == packed else held


def _stored_bytes(path: Path, tensor: Any) -> int | None:
    """Bytes of a constant that is stored as bytes, in the model or outside it; None where it is a list of numbers."""
    if tensor.data_location == EXTERNAL:
        target, offset, length = external_file(path, tensor)
        return target.stat().st_size - offset if length is None else length
    return len(tensor.raw_data) if tensor.HasField("raw_data") else None


MAX_DEPTH = 4
"""Graphs inside graphs."""


def _check_graph(path: Path, graph: Any, depth: int = 0) -> None:
    for tensor in _tensors(graph):
        check_tensor(path, tensor)
    for node in graph.node:
        _check_node(path, node)
        for inner in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
            if depth >= MAX_DEPTH or len(inner.node) > MAX_NODES or inner.sparse_initializer:
                raise refuse(path, f"operator {quote(node.op_type)} holds graphs that are too deep or too large", node.name)
            _check_graph(path, inner, depth + 1)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t


def _check_node(path: Path, node: Any) -> None:
    """Refuse attributes that no shape inference should meet: graphs inside, and numbers out of all proportion."""
    name = node.name or (node.output[0] if node.output else node.op_type)
    for attribute in node.attribute:
        if (attribute.HasField("g") and node.op_type != "If") or attribute.graphs:
            raise refuse(path, f"operator {quote(node.op_type)} holds a graph of its own, which is not supported", name)
        numbers = (attribute.i, *attribute.ints[:64])
        is_index = node.op_type in {
            "Cast",
            "Slice",
            "Constant",
            "Shape",
            "ConstantOfShape",
        }  # ends of slices are often the largest integer
        if len(attribute.ints) > 64 and not is_index:
            raise refuse(path, f"attribute {quote(attribute.name)} holds {len(attribute.ints):,} numbers", name)
        if not is_index and any(abs(number) > MAX_ATTRIBUTE for number in numbers):
            raise refuse(path, f"attribute {quote(attribute.name)} is {max(numbers, key=abs)}", name)
        least = {"strides": 1, "dilations": 1, "kernel_shape": 1, "group": 1, "num_outputs": 1, "blocksize": 1, "pads": 0}
        if attribute.name in least:
            wrong = [number for number in (attribute.ints or (attribute.i,)) if number < least[attribute.name]]
            if wrong:
                raise refuse(path, f"{attribute.name} is {wrong[0]}; {least[attribute.name]} or more was expected", name)


def _sorted(path: Path, graph: Any) -> list[Any]:
    """Nodes in an order in which they can run: the file's own where that is one."""
    writer: dict[str, int] = {}
    given = {tensor.name for tensor in graph.initializer} | {value.name for value in graph.input}
    if len(given) < len(graph.initializer):
        raise refuse(path, "two constants have one name")
    for index, node in enumerate(graph.node):
        for output in node.output:
            if output and (output in writer or output in given):
                raise refuse(path, f"the value {quote(output)} is written twice", node.name or output)
            if output:
                writer[output] = index
    waits: list[set[int]] = []
    for index, node in enumerate(graph.node):
        reads = [*node.input, *_reads_inside(node)]
        needed = {writer[value] for value in reads if value in writer}
        missing = next((value for value in reads if value and value not in writer and value not in given), None)
        if missing is not None:
            raise refuse(path, f"reads {quote(missing)}, which nothing writes", node.name or str(index))
        waits.append(needed)
    return [graph.node[index] for index in _topological(path, waits, graph.node)]


def _reads_inside(node: Any) -> set[str]:
    """Values that the graphs of a node read from outside."""
    found: set[str] = set()
    for inner in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
        known = {tensor.name for tensor in inner.initializer} | {value.name for value in inner.input}
        for other in inner.node:
            found |= {value for value in (*other.input, *_reads_inside(other)) if value and value not in known}
            known.update(other.output)
        found |= {value.name for value in inner.output if value.name not in known}
    return found


def _topological(path: Path, waits: Sequence[Iterable[int]], nodes: Sequence[Any]) -> list[int]:
    followers: dict[int, list[int]] = {}
    open_counts = []
    for index, needed in enumerate(waits):
        open_counts.append(len(set(needed)))
        for other in needed:
            followers.setdefault(other, []).append(index)
    if all(other < index for index, needed in enumerate(waits) for other in needed):
        return list(range(len(waits)))
    ready = [index for index, count in enumerate(open_counts) if not count]
    order: list[int] = []
    while ready:
        index = ready.pop(0)
        order.append(index)
        for follower in followers.get(index, ()):
            open_counts[follower] -= 1
            if not open_counts[follower]:
                ready.append(follower)
    if len(order) < len(waits):
        stuck = next(index for index, count in enumerate(open_counts) if count)
        raise refuse(path, "nodes wait for each other in a circle", nodes[stuck].name or str(stuck))
    return order


def _needed(ordered: Sequence[Any], graph: Any, is_kept: Callable[[Any], bool]) -> list[Any]:
    """Nodes that an output of a graph needs, and those that are kept, of nodes in an order in which they can run."""
    needed = {value.name for value in graph.output}
    found = []
    for node in reversed(ordered):
        if is_kept(node) or any(value in needed for value in node.output if value):
            needed |= {*node.input, *_reads_inside(node)}
            found.append(node)
    return found[::-1]


_SPARE = frozenset({"MaxPool", "Dropout", "BatchNormalization", "LayerNormalization"})
"""Operators whose first output alone is what a kernel computes."""


def drop_spare_outputs(graph: Any) -> None:
    """Take further outputs, such as the places of largest values, off operators where nobody reads them."""
    read = {value.name for value in graph.output}
    for node in graph.node:
        read |= {*node.input, *_reads_inside(node)}
    for node in graph.node:
        if node.op_type in _SPARE:
            node.output[1:] = [value if value in read else "" for value in node.output[1:]]
            while len(node.output) > 1 and not node.output[-1]:
                node.output.pop()
